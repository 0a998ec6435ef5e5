"""`${...}` in environment settings: ports, other variables and a few places, each resolved once."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from testmesh.environments.launching import free_port
from testmesh.environments.settings import EnvironmentSettings
from testmesh.kernel.errors import UserError

_HOLE = re.compile(r"\$\{([^{}]*)\}")
_DEEPEST = 10


class Names:
    """What `${...}` may name in one environment instance.

    `${PYTHON}` is the interpreter TestMesh runs under, `${instance}` is unique to this start, `${<service>.port}` is a
    service's port, any other name is one of the environment's variables.

    Args:
        settings: the environment.
        instance: unique to this start.
    """

    def __init__(self, settings: EnvironmentSettings, instance: str) -> None:
        self.ports = {s.name: s.port or free_port() for s in settings.services}
        self._where = f"[environments.{settings.name}]"
        self._values: dict[str, str] = dict(settings.variables)
        self._values |= {f"{name}.port": str(port) for name, port in self.ports.items()}
        self._values |= {"PYTHON": sys.executable, "instance": instance}
        self._variables = dict.fromkeys(settings.variables)

    def define(self, name: str, value: str) -> None:
        """Add a variable, such as a part's address.

        Args:
            name: variable name.
            value: literal text.
        """
        self._values[name] = value
        self._variables[name] = None

    def place(self, service: str, port: int) -> None:
        """A service's port, once it is known.

        Args:
            service: its name.
            port: as reached from here.
        """
        self.ports[service] = port
        self._values[f"{service}.port"] = str(port)

    def forget(self, service: str) -> None:
        """A service that has no port: whoever names it is told so.

        Args:
            service: its name.
        """
        self._values.pop(f"{service}.port", None)

    def variables(self) -> dict[str, str]:
        """The environment's variables, resolved, in the order of the file."""
        return {name: self.fill(self._values[name]) for name in self._variables}

    def fill(self, text: str, more: Mapping[str, str] | None = None) -> str:
        """Text with every `${...}` replaced.

        Args:
            text: from testmesh.toml.
            more: names that hold here only.

        Raises:
            UserError: a name is unknown, or names lead in a circle.
        """
        values = self._values | dict(more or {})
        for _ in range(_DEEPEST):
            filled = _HOLE.sub(lambda hole: self._value(hole[1], values), text)
            if filled == text:
                return text
            text = filled
        raise UserError(f"testmesh.toml {self._where}: '{text[:80]}' refers to itself")

    def _value(self, name: str, values: Mapping[str, str]) -> str:
        if name not in values:
            known = ", ".join(sorted(values))
            raise UserError(f"testmesh.toml {self._where}: nothing is called '${{{name}}}'", hint=f"names: {known}")
        return values[name]
