"""The built-in names of one flow execution, and every value that looks random: reproducible from the run's seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

_ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def stream(seed: int, *place: object) -> bytes:
    """32 bytes that depend on the seed and a place only, not on what else ran.

    Args:
        seed: of the run.
        place: what the bytes are for.
    """
    framed = "".join(f"{len(str(part))}:{part}" for part in (seed, *place))
    return hashlib.sha256(framed.encode()).digest()


def uuid4(data: bytes) -> str:
    """A version 4 UUID (RFC 9562) of the first 16 bytes.

    Args:
        data: at least 16 bytes.
    """
    number = int.from_bytes(data[:16], "big")
    number = number & ~(0xF << 76) | 4 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Builtins:
    """Once per flow execution and name (FLOWS §4); shared with `run_flow` children.

    Args:
        seed: of the run.
        place: file and data row.
        started: when the flow started.
        given: values of a recording, used instead of new ones.
    """

    def __init__(
        self, seed: int, place: tuple[object, ...], started: datetime, given: Mapping[str, object] | None = None
    ) -> None:
        self._seed = seed
        self._place = place
        self._started = started.astimezone(UTC)
        self.used: dict[str, object] = dict(given or {})

    def get(self, name: str) -> object:
        """The value of a built-in name.

        Args:
            name: as in FLOWS §4, except those the engine sets.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self.used:
            self.used[name] = _MAKERS[name](self)
        return self.used[name]

    def set(self, name: str, value: object) -> None:
        """Sets FLOW_NAME, RUN_ID, EXECUTION_ID or FLOW_STATUS.

        Args:
            name: the built-in.
            value: its value from now on.
        """
        self.used[name] = value

    def bytes(self, *what: object) -> bytes:
        """Reproducible bytes of this execution.

        Args:
            what: what they are for.
        """
        return stream(self._seed, *self._place, *what)

    def _time(self, pattern: str) -> str:
        return self._started.strftime(pattern)

    def _id(self) -> str:
        return uuid4(self.bytes("RANDOM_ID"))

    def _integer(self) -> int:
        return int.from_bytes(self.bytes("RANDOM_INT")[:8], "big") % 1_000_000

    def _string(self) -> str:
        return "".join(_ALPHANUMERIC[byte % len(_ALPHANUMERIC)] for byte in self.bytes("RANDOM_STRING")[:16])

    def _unix(self) -> int:
        return int(self._started.timestamp())


_MAKERS: Mapping[str, Callable[[Builtins], object]] = {
    "RANDOM_ID": Builtins._id,
    "UUID": Builtins._id,
    "RANDOM_INT": Builtins._integer,
    "RANDOM_STRING": Builtins._string,
    "TIMESTAMP": lambda b: b._time("%Y-%m-%dT%H:%M:%SZ"),
    "ISO_TIMESTAMP": lambda b: b._time("%Y-%m-%dT%H:%M:%SZ"),
    "TIMESTAMP_UNIX": Builtins._unix,
    "DATE": lambda b: b._time("%Y-%m-%d"),
    "TIME": lambda b: b._time("%H:%M:%S"),
}
