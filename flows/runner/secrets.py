"""Where `secret(name)` comes from: the environment, a file, the system's keyring; and who hears about it: the masks."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from flows.engine.masking import Masks
from flows.language.errors import NotEvaluable

SERVICE = "testmesh"
FOLDER = Path(".testmesh", "secrets")
MAX_BYTES = 64 * 1024
KEYRING_SECONDS = 10.0
_NAMED = r"""\bsecret\(\s*\\?(["'])([^"'\\\n]{1,200})\\?\1\s*\)"""
"""Compiled when a flow asks for a secret: it costs 2 ms of a start."""
Find = Callable[[str], "str | None"]


def secret_source(root: Path, process: Mapping[str, str]) -> Find:
    """Secrets by name: the environment, then `.testmesh/secrets/<name>`, then the system's keyring.

    Args:
        root: of the repository.
        process: the process environment.
    """

    def find(name: str) -> str | None:
        if name in process:
            if not process[name]:
                raise NotEvaluable(f"secret('{name}'): the environment variable {name} is empty")
            return process[name]
        found = _from_file(root / FOLDER, name)
        return found if found is not None else _Keyring().get(name)

    return find


def _from_file(folder: Path, name: str) -> str | None:
    if os.sep in name or "\0" in name or name in ("", ".", ".."):
        return None
    path = folder / name
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise NotEvaluable(f"secret('{name}'): {FOLDER / name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotEvaluable(f"secret('{name}'): {FOLDER / name} is not UTF-8") from None
    if len(data) > MAX_BYTES:
        raise NotEvaluable(f"secret('{name}'): {FOLDER / name} is larger than {MAX_BYTES // 1024} KiB")
    text = text.rstrip("\r\n")
    if not text:
        raise NotEvaluable(f"secret('{name}'): {FOLDER / name} is empty")
    return text


class _Keyring:
    """The system's keyring, asked in a thread of its own: one that waits for a person must not hold up the run."""

    def __init__(self) -> None:
        self.problem = ""
        self._found: str | None = None

    def get(self, name: str) -> str | None:
        """The entry of that name under the service ``testmesh``; `problem` says why there is none.

        Args:
            name: user name of the entry.
        """
        thread = threading.Thread(target=self._ask, args=(name,), daemon=True)
        thread.start()
        thread.join(KEYRING_SECONDS)
        if thread.is_alive():
            self.problem = f"the keyring did not answer within {KEYRING_SECONDS:g}s (is it locked?)"
            return None
        return self._found

    def _ask(self, name: str) -> None:
        try:
            import keyring
            from keyring.errors import KeyringError, NoKeyringError
        except ImportError:
            self.problem = "the keyring was not asked (pip install 'testmesh[keyring]')"
            return
        try:
            self._found = keyring.get_password(SERVICE, name)
            self.problem = f"no entry '{name}' of service '{SERVICE}' in the keyring"
        except NoKeyringError:
            self.problem = "this machine has no keyring"
        except (KeyringError, OSError, RuntimeError) as error:
            self.problem = f"the keyring refused: {type(error).__name__}: {error}"


def masked_secret(find: Find, masks: Masks) -> Callable[[str], str]:
    """`secret(name)` for flows: every value it gives is masked from then on.

    Args:
        find: where secrets are.
        masks: of the run.
    """

    def secret(name: str) -> str:
        value = find(name)
        if value is None:
            keyring = _Keyring()
            keyring.get(name)
            looked = f"no environment variable {name}, no file {FOLDER / name}, {keyring.problem}"
            raise NotEvaluable(f"secret('{name}') is not set: {looked}")
        masks.learn(value, named=True)
        return value

    return secret


def learn_named(texts: Iterable[str], find: Find, masks: Masks) -> None:
    """Looks up the secrets that flows name, so that what comes back before a step uses them is masked too.

    Args:
        texts: flow files; `secret("NAME")` in them counts wherever it stands.
        find: where secrets are; what cannot be had is said when a step asks for it.
        masks: of the run.
    """
    for name in sorted({match[2] for text in texts if "secret" in text for match in re.finditer(_NAMED, text)}):
        try:
            masks.learn(find(name), named=True)
        except NotEvaluable:
            continue
