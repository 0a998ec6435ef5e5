"""Docker Compose's command line: what is asked, and what its answers mean."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from testmesh.environments.launching import harmless_environment
from testmesh.environments.tailing import Unread
from testmesh.guard import process
from testmesh.guard.process import MIB, Command, Finished
from testmesh.kernel.errors import UnavailableError, UserError

_PREFIXES = ("DOCKER_", "COMPOSE_", "BUILDKIT_")
_QUICK_SECONDS, _DOWN_SECONDS = 20.0, 60.0
_BUILD_SECONDS = 900.0
_BAD = ("exited", "dead", "restarting", "removing", "paused")
_HOST = "host.docker.internal"


@dataclass(frozen=True, slots=True)
class Engines:
    """Docker's command line on this machine.

    Args:
        compose: the words before a compose command.
        folder: where commands run.
        env: their environment.
    """

    compose: tuple[str, ...]
    folder: Path
    env: Mapping[str, str]

    def run(self, argv: tuple[str, ...], seconds: float = _QUICK_SECONDS) -> Finished:
        """Run a command to its end.

        Args:
            argv: the command.
            seconds: at most.
        """
        return process.run(Command(argv, cwd=self.folder, env=self.env, timeout=seconds, output_cap=16 * MIB))


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a project.

    Args:
        service: of which service.
        id: its id.
        state: running, exited, ...
        health: healthy, unhealthy, starting or empty.
        exit_code: when it ended.
        ports: (inside, published) TCP ports.
        labels: of its image and its own.
    """

    service: str
    id: str
    state: str
    health: str = ""
    exit_code: int = 0
    ports: tuple[tuple[int, int], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def trouble(self) -> str:
        """What is wrong with it, empty when nothing is; a job that ended well is right."""
        if self.state == "exited" and self.exit_code == 0:
            return ""
        if self.state in ("exited", "dead"):
            return f"ended with exit code {self.exit_code}"
        if self.state in _BAD:
            return f"is {self.state}"
        return "is not healthy" if self.health == "unhealthy" else ""


@dataclass(frozen=True, slots=True)
class Project:
    """A compose project under a name of its own.

    Args:
        engines: the command line.
        name: unique.
        files: compose files; Docker's defaults when empty.
        profiles: to activate.
    """

    engines: Engines
    name: str
    files: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ()

    def command(self, *words: str) -> tuple[str, ...]:
        """A compose command of this project.

        Args:
            words: the command and its arguments.
        """
        files = [word for file in self.files for word in ("--file", str(file))]
        profiles = [word for profile in self.profiles for word in ("--profile", profile)]
        return (*self.engines.compose, "--project-name", self.name, *files, *profiles, *words)

    def with_file(self, file: Path) -> Project:
        """The same with one more file, which needs the default ones by name.

        Args:
            file: added last.
        """
        return replace(self, files=(*(self.files or _defaults(self.engines.folder)), file))

    def variables(self) -> dict[str, str]:
        """What makes another `docker compose` command mean this project."""
        files = {"COMPOSE_FILE": os.pathsep.join(str(file) for file in self.files)} if self.files else {}
        return {"COMPOSE_PROJECT_NAME": self.name, **files}

    def services(self) -> tuple[str, ...]:
        """The services of the files, with active profiles.

        Raises:
            UserError: the files are not right.
        """
        done = self.engines.run(self.command("config", "--services"))
        if not done.ok:
            raise UserError(f"the compose file cannot be used: {done.complaint()}")
        return tuple(sorted(done.text().split()))

    def up(self, *, build: bool, seconds: float) -> None:
        """Start everything and wait until it is healthy.

        Args:
            build: images first.
            seconds: until everything must be healthy.

        Raises:
            UnavailableError: something did not come up.
        """
        words = ["up", "--detach", "--wait", "--wait-timeout", str(int(seconds)), "--quiet-pull"]
        done = self.engines.run(self.command(*words, *(["--build"] if build else [])), seconds + _BUILD_SECONDS)
        if not done.ok:
            bad = [f"{one.service} {one.trouble}" for one in self._found() if one.trouble]
            told = "; ".join(bad) or done.complaint()
            raise UnavailableError("the compose project", f"did not come up: {told}", hint=_last_lines(done))

    def _found(self) -> tuple[Container, ...]:
        try:
            return self.containers()
        except UnavailableError:
            return ()

    def containers(self) -> tuple[Container, ...]:
        """Every container of the project, ended ones too.

        Raises:
            UnavailableError: the engine does not answer.
        """
        done = self.engines.run(self.command("ps", "--all", "--format", "json"))
        if not done.ok:
            raise UnavailableError("the Docker engine", f"does not list containers: {done.complaint()}")
        found = listed(done.text())
        labels = self._labels([one.id for one in found])
        return tuple(replace(one, labels=labels.get(one.id, one.labels)) for one in found)

    def _labels(self, ids: list[str]) -> dict[str, Mapping[str, str]]:
        if not ids:
            return {}
        done = self.engines.run(("docker", "inspect", "--type", "container", *ids))
        return inspected(done.text(), ids) if done.ok else {}

    def logs(self, service: str, since: str) -> str:
        """The lines of a service, each behind its time.

        Args:
            service: which.
            since: RFC 3339, or empty for all.

        Raises:
            Unread: they cannot be had.
        """
        words = [
            "logs",
            "--no-color",
            "--no-log-prefix",
            "--timestamps",
            *(["--since", since] if since else []),
            service,
        ]
        done = self.engines.run(self.command(*words))
        if not done.ok:
            raise Unread(f"its log cannot be read: {done.complaint()}")
        return done.text()

    def down(self) -> None:
        """Remove containers, networks and volumes.

        Raises:
            UnavailableError: something is left.
        """
        done = self.engines.run(self.command("down", "--volumes", "--remove-orphans", "--timeout", "5"), _DOWN_SECONDS)
        if not done.ok:
            words = " ".join(self.command("down", "--volumes"))
            raise UnavailableError(f"compose project {self.name}", f"is not removed: {done.complaint()}", hint=words)


def engines(folder: Path, env: Mapping[str, str]) -> Engines:
    """Docker Compose with an engine that answers.

    Args:
        folder: where its commands run.
        env: their environment.

    Raises:
        UnavailableError: there is none.
    """
    if shutil.which("docker") is None:
        raise UnavailableError("Docker", "there is no 'docker' on the path", hint="install Docker with Compose v2")
    plain = Engines(("docker", "compose"), folder, env)
    asked = plain.run(("docker", "info", "--format", "{{.ServerVersion}}"))
    if not asked.ok:
        raise UnavailableError(
            "the Docker engine", f"does not answer: {asked.complaint()}", hint="start it, or set DOCKER_HOST"
        )
    if plain.run(("docker", "compose", "version", "--short")).ok:
        return plain
    if shutil.which("docker-compose") is not None:
        return replace(plain, compose=("docker-compose",))
    raise UnavailableError("Docker Compose", "is not installed", hint="install Docker's compose plugin (v2)")


def environment(inherit: tuple[str, ...]) -> dict[str, str]:
    """Our environment as Docker's command line may see it.

    Args:
        inherit: further names to pass on.
    """
    more = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)}
    return harmless_environment(inherit) | {
        n: v for n, v in more.items() if n not in ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME")
    }


def _defaults(folder: Path) -> tuple[Path, ...]:
    """The files Docker Compose takes when none is named (its documented order, with their override)."""
    for base in ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"):
        if (folder / base).is_file():
            stem, _, ending = base.rpartition(".")
            override = [folder / f"{stem}.override.{e}" for e in (ending, "yaml", "yml")]
            return (folder / base, *[file for file in override if file.is_file()][:1])
    raise UserError(f"there is no compose file in {folder}", hint="name it: compose = { files = [...] }")


def listed(text: str) -> tuple[Container, ...]:
    """The containers `docker compose ps --format json` prints: an object a line (2.21 and later), or one list.

    Args:
        text: its output.

    Raises:
        UnavailableError: it is no such output.
    """
    try:
        whole = text.lstrip().startswith("[")
        parsed = json.loads(text) if whole else [json.loads(line) for line in text.splitlines() if line.strip()]
        return tuple(_container(one) for one in parsed)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnavailableError("Docker Compose", f"lists containers in a way that is not known: {error}") from error


def _container(one: Mapping[str, Any]) -> Container:
    published = sorted(
        (int(p["TargetPort"]), int(p["PublishedPort"]))
        for p in one.get("Publishers") or ()
        if p.get("Protocol", "tcp") == "tcp" and p.get("PublishedPort")
    )
    return Container(
        str(one["Service"]),
        str(one["ID"]),
        str(one["State"]).lower(),
        str(one.get("Health") or ""),
        int(one.get("ExitCode") or 0),
        tuple(dict.fromkeys(published)),
    )


def inspected(text: str, ids: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Labels by container id, out of `docker inspect`.

    Args:
        text: its output.
        ids: as `ps` prints them, possibly shortened.
    """
    try:
        found = {str(one["Id"]): one["Config"].get("Labels") or {} for one in json.loads(text)}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {short: labels for short in ids for full, labels in found.items() if full.startswith(short)}


def reachable(endpoint: str) -> bool:
    """Whether a container can reach an address of ours: not when it is bound to loopback.

    Args:
        endpoint: of the receiver, or empty.
    """
    host = urlsplit(endpoint).hostname or ""
    return bool(host) and not host.startswith("127.") and host not in ("localhost", "::1")


def telemetry_file(services: Iterable[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """A compose file that tells services where to send spans.

    Args:
        services: their names.
        variables: of the receiver.
    """
    port = urlsplit(variables["OTEL_EXPORTER_OTLP_ENDPOINT"]).port
    told = {name: value for name, value in variables.items() if name.startswith("OTEL_")}
    told["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{_HOST}:{port}"
    one = {"environment": told, "extra_hosts": [f"{_HOST}:host-gateway"]}
    return {"services": {name: one for name in services}}


def _last_lines(done: Finished) -> str:
    return "\n  ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-5:])
