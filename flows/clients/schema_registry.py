"""A schema registry (Confluent's REST API): schemas by number, by subject, and new versions, each asked for once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from flows.clients.errors import ClientError
from flows.clients.servers import UNREADABLE
from flows.clients.tls import TLS_DOC, ReadsFiles, Tls, tls_of
from flows.language.catalogue import option

if TYPE_CHECKING:
    from flows.clients.http import HttpPool

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
MAX_REFERENCES = 100


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """Settings of a schema registry, as a step writes them."""

    url: str = option(doc="`https://host[:port]`; several with commas are tried in order.")
    username: str | None = option(None, "For basic auth.", also=("user",))
    password: str | None = option(None, "For basic auth.")
    token: str | None = option(None, "Bearer token instead.")
    tls: object = option(None, TLS_DOC)
    schema: object = option(None, "Schema of the value, as a map or text; without one the subject's latest is used.")
    file: str | None = option(None, "File with the schema.", file=True)
    type: str = option("avro", "Of `schema`.", choices=("avro", "json", "protobuf"))
    message: str = option("", "Message type of a protobuf file, when it is not the first.")
    subject: str | None = option(None, "Instead of the name that the strategy gives.")
    strategy: str = option(
        "topic",
        "Name of the subject: `TOPIC-value`, `RECORD`, or `TOPIC-RECORD`.",
        choices=("topic", "record", "topic_record"),
    )
    version: int | None = option(None, "That version of the subject instead of the latest.")
    register: bool = option(True, "Register `schema` when the subject does not have it yet; else it must.")


@dataclass(frozen=True, slots=True)
class RegistryAddress:
    """Where a registry is and how to log in.

    Args:
        urls: base URLs, tried in order.
        authorization: header value; empty = none.
        tls: of the step.
    """

    urls: tuple[str, ...]
    authorization: str = ""
    tls: Tls | None = None

    def __str__(self) -> str:
        parts = urlsplit(self.urls[0])
        return f"schema registry {parts.hostname or ''}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


@dataclass(frozen=True, slots=True)
class Schema:
    """A registered schema.

    Args:
        number: its id in the registry.
        kind: AVRO, JSON or PROTOBUF.
        text: as registered.
        references: texts of the schemas it refers to, by name.
    """

    number: int
    kind: str
    text: str
    references: tuple[tuple[str, str], ...] = ()


def address(config: RegistryConfig, files: ReadsFiles) -> RegistryAddress:
    """The registry a step means; its own user and password go before those of the URL.

    Args:
        config: rendered.
        files: beside the flow.
    """
    urls, login = [], ("", "")
    for given in config.url.split(","):
        try:
            parts = urlsplit(given.strip())
            named = parts.hostname or ""
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise ClientError(f"schema_registry.url: its host or port cannot be read {UNREADABLE}", "config") from None
        if parts.scheme not in ("http", "https") or not named:
            raise ClientError("schema_registry.url: an http or https URL is expected", "config")
        host = f"[{named}]" if ":" in named else named
        urls.append(f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}")
        login = login if login[0] else (parts.username or "", parts.password or "")
    user = login[0] if config.username is None else config.username
    password = login[1] if config.password is None else config.password
    authorization = f"Bearer {config.token}" if config.token else ""
    if not authorization and user:
        authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return RegistryAddress(tuple(urls), authorization, tls_of(config.tls, files))


class Registry:
    """A registry as the steps of a run use it.

    Args:
        where: the registry.
        pool: HTTP connections of the run.
    """

    def __init__(self, where: RegistryAddress, pool: HttpPool) -> None:
        self.where = where
        self._pool = pool
        self._by_number: dict[int, Schema] = {}
        self._registered: dict[tuple[str, str, str], Schema] = {}
        self.codecs: dict[tuple[str, str, str], object] = {}

    async def aclose(self) -> None:
        """Nothing is held: the connections are the pool's."""

    async def by_number(self, number: int) -> Schema | None:
        """The schema of that number; None when the registry does not know it.

        Args:
            number: from a message.
        """
        known = self._by_number.get(number)
        if known is None:
            status, found = await self._asked("GET", f"/schemas/ids/{number}")
            if status == 404:
                return None
            known = await self._schema(self._fine(status, found, f"schema {number}"), number)
            self._by_number[number] = known
        return known

    async def of_subject(self, subject: str, version: int | None) -> Schema:
        """A version of a subject.

        Args:
            subject: its name.
            version: None = the latest.

        Raises:
            ClientError: of type ``server`` when there is none.
        """
        place = f"/subjects/{quote(subject, safe='')}/versions/{'latest' if version is None else version}"
        status, found = await self._asked("GET", place)
        if status == 404:
            wanted = "no schema" if version is None else f"no version {version}"
            raise ClientError(f"{self.where}: subject '{subject}' has {wanted}", "server")
        answer = self._fine(status, found, f"subject '{subject}'")
        return await self._schema(answer, self._number(answer, f"subject '{subject}'"))

    async def registered(self, subject: str, schema: Schema, *, register: bool) -> Schema:
        """The number of a schema under a subject.

        Args:
            subject: its name.
            schema: kind and text.
            register: make it a new version when the subject does not have it.

        Raises:
            ClientError: of type ``server`` when it is not there, not compatible, or no schema.
        """
        key = (subject, schema.kind, schema.text)
        known = self._registered.get(key)
        if known is None:
            place = f"/subjects/{quote(subject, safe='')}" + ("/versions" if register else "")
            body: dict[str, object] = {"schema": schema.text}
            if schema.kind != "AVRO":
                body["schemaType"] = schema.kind
            status, found = await self._asked("POST", place, body)
            if status == 404 and not register:
                raise ClientError(f"{self.where}: subject '{subject}' does not have this schema", "server")
            answer = self._fine(status, found, f"subject '{subject}'")
            known = replace(schema, number=self._number(answer, f"subject '{subject}'"))
            self._registered[key] = known
        return known

    async def _schema(self, answer: Mapping[str, object], number: int) -> Schema:
        found: dict[str, str] = {}
        await self._refer(answer, found)
        kind, text = str(answer.get("schemaType") or "AVRO").upper(), answer.get("schema")
        if not isinstance(text, str):
            raise ClientError(f"{self.where}: schema {number}: the answer holds no schema", "server")
        return Schema(number, kind, text, tuple(found.items()))

    def _number(self, answer: Mapping[str, object], what: str) -> int:
        number = answer.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**32:
            raise ClientError(f"{self.where}: {what}: the answer holds no schema's number", "server")
        return number

    async def _refer(self, answer: Mapping[str, object], found: dict[str, str]) -> None:
        """Adds the schemas that one refers to, the innermost first."""
        references = answer.get("references")
        for reference in references if isinstance(references, list) else ():
            if not isinstance(reference, dict):
                raise ClientError(f"{self.where}: a reference between schemas cannot be read", "server")
            name, subject = str(reference.get("name")), str(reference.get("subject"))
            if name in found or len(found) >= MAX_REFERENCES:
                continue
            place = f"/subjects/{quote(subject, safe='')}/versions/{quote(str(reference.get('version', 0)), safe='')}"
            status, inner = await self._asked("GET", place)
            read = self._fine(status, inner, f"reference '{name}'")
            await self._refer(read, found)
            found[name] = str(read.get("schema", ""))

    def _fine(self, status: int, found: Mapping[str, object], what: str) -> Mapping[str, object]:
        if status in (401, 403):
            raise ClientError(f"{self.where}: the login was refused", "config")
        if not 200 <= status < 300:
            raise ClientError(f"{self.where}: {what}: {found.get('message') or f'status {status}'}", "server")
        return found

    async def _asked(self, method: str, place: str, body: object = None) -> tuple[int, dict[str, object]]:
        for url in self.where.urls[:-1]:
            try:
                return await self._sent(method, url + place, body)
            except ClientError as error:
                if error.type != "connection":
                    raise
        return await self._sent(method, self.where.urls[-1] + place, body)

    async def _sent(self, method: str, url: str, body: object) -> tuple[int, dict[str, object]]:
        from flows.clients.http import HttpRequest

        headers = [("Accept", f"{CONTENT_TYPE}, application/json")]
        if self.where.authorization:
            headers.append(("Authorization", self.where.authorization))
        data = b""
        if body is not None:
            headers.append(("Content-Type", CONTENT_TYPE))
            data = json.dumps(body).encode()
        request = HttpRequest(method, url, headers, data)
        if self.where.tls is not None:
            request = request._replace(tls=self.where.tls)
        try:
            answer = await self._pool.send(request)
        except ClientError as error:
            named = str(self.where).removeprefix("schema registry ")
            raise ClientError(f"{self.where}: {error.message.removeprefix(f'{named}: ')}", error.type) from error
        try:
            found = json.loads(answer.body) if answer.body else {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ClientError(f"{self.where}: status {answer.status}, and the answer is no registry's", "server")
        return answer.status, found
