"""Values from outside a flow: secrets, made-up data, schema files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.engine.loading import beside, parsed_file
from flows.engine.masking import Masks
from flows.language.errors import NotEvaluable
from flows.language.files import DiskFiles, bounds
from testmesh.guard.limits import MIB
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from faker import Faker


def secret_source(root: Path, process: Mapping[str, str]) -> Callable[[str], str | None]:
    """Secrets by name: the environment, then `.testmesh/secrets/<name>`, then the system's keyring.

    Args:
        root: of the repository.
        process: the process environment.
    """

    def find(name: str) -> str | None:
        if name in process:
            return process[name]
        path = root / ".testmesh" / "secrets" / name
        if os.sep not in name and path.is_file():
            return path.read_text("utf-8").rstrip("\n")
        return _from_keyring(name)

    return find


def _from_keyring(name: str) -> str | None:
    try:
        import keyring  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    found: str | None = keyring.get_password("testmesh", name)
    return found


def masked_secret(find: Callable[[str], str | None], masks: Masks) -> Callable[[str], str]:
    """`secret(name)` for flows: every value it gives is masked from then on.

    Args:
        find: where secrets are.
        masks: of the run.
    """

    def secret(name: str) -> str:
        value = find(name)
        if value is None:
            raise NotEvaluable(f"secret('{name}') is not set (environment variable or .testmesh/secrets/{name})")
        masks.learn(value, named=True)
        return value

    return secret


def faked(provider: str, data: bytes) -> object:
    """A value of the Faker library, the same for the same bytes.

    Args:
        provider: as after ``FAKER.``.
        data: seed.

    Raises:
        NotEvaluable: there is no such provider, or it needs arguments.
    """
    from flows.language.builtins import faker_provider

    method = faker_provider(provider)
    if method is None:
        raise NotEvaluable(f"FAKER.{provider} does not exist")
    faker = _faker()
    faker.seed_instance(int.from_bytes(data[:8], "big"))
    try:
        value = getattr(faker, method)()
    except TypeError as error:
        raise NotEvaluable(f"FAKER.{provider}: {error}") from error
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


@cache
def _faker() -> Faker:
    from faker import Faker

    return Faker()


def schema_file(root: Path, kept: dict[str, str]) -> Callable[[str, str], object]:
    """Schema files for `matches_schema`, relative to the flow that names them.

    Args:
        root: flow files are relative to it.
        kept: file to text, for the recording.
    """

    @cache
    def read(name: str, base: str) -> object:
        files = DiskFiles((root / base).parent, MIB, bounds(root, base))
        try:
            text = files.read(name).decode()
        except (UserError, UnicodeDecodeError) as error:
            raise NotEvaluable(f"schema file {name} cannot be read: {error}") from error
        kept[beside(base, name)] = text
        return parsed_file(name, text)

    return read
