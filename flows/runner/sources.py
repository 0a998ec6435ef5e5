"""Values from outside a flow: made-up data, schema files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.engine.loading import beside, parsed_file
from flows.language.errors import NotEvaluable
from flows.language.files import DiskFiles, bounds
from flows.runner.secrets import learn_named, masked_secret, secret_source
from testmesh.guard.limits import MIB
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from faker import Faker

__all__ = ["faked", "learn_named", "masked_secret", "schema_file", "secret_source"]


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
