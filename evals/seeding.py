"""Truth by execution: a commit of a sample, disturbed or edited, brought up, its flows run, kept by content."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures.build import build
from flows.events import run_from_json, run_to_json
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from testmesh.compose.trees import export
from testmesh.environments.environment import Addresses, Environment, open_environment
from testmesh.environments.settings import EnvironmentSettings, from_toml
from testmesh.guard.git import Repository
from testmesh.guard.git_write import NewCommit, Writer
from testmesh.guard.yaml import FLOW, plain, read
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path(os.environ.get("TESTMESH_EVALS_CACHE", Path(tempfile.gettempdir()) / "testmesh-evals"))
AUTHOR = "Eval <eval@localhost>"
DATE = "2026-04-01T09:00:00+00:00"
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in a file.

    Args:
        path: repository-relative.
        old: text to replace, which must be there.
        new: what comes instead.
        every: replace all occurrences, not only the first.
    """

    path: str
    old: str
    new: str
    every: bool = False


@dataclass(frozen=True, slots=True)
class Seed:
    """A commit to put on top of a sample.

    Args:
        name: of the case.
        message: of the commit.
        edits: what it changes.
    """

    name: str
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is wrong with the surroundings, not with the code.

    Args:
        name: of the case.
        env: service to environment variables it gets instead.
        dead: services that do not listen.
        variables: what flows get instead.
    """

    name: str = ""
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dead: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


CALM = Disturbance()


@dataclass(frozen=True, slots=True)
class Sample:
    """A built sample repository.

    Args:
        system: its name.
        path: the repository.
        hashes: commit by name (`base`, ids, `bug/...`, `stale/...`, `mixed/...`).
    """

    system: str
    path: Path
    hashes: Mapping[str, str]


def sample(system: str) -> Sample:
    """The sample's repository with its standing branches, built once.

    Args:
        system: `shop` or `depot`.
    """
    with tempfile.TemporaryDirectory(prefix="testmesh-sample-", dir=_folder(CACHE)) as scratch:
        hashes = build(system, Path(scratch) / "repo")
        target = CACHE / f"{system}-{digest(dict(sorted(hashes.items())))[:12]}"
        if not target.exists():
            try:
                os.replace(Path(scratch) / "repo", target)
            except OSError:
                if not target.exists():
                    raise
    return Sample(system, target, hashes)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def seeded(made: Sample, parent: str, seeds: Sequence[Seed]) -> list[str]:
    """Commits with the seeds on top of a commit, in order; their hashes.

    Args:
        made: the sample.
        parent: 40 hex.
        seeds: what to commit.

    Raises:
        UserError: an edit does not fit.
    """
    writer = Writer(made.path)
    hashes: list[str] = []
    for seed in seeds:
        texts: dict[str, str] = {}
        for edit in seed.edits:
            texts[edit.path] = _edited(texts.get(edit.path) or _text(writer, parent, edit.path), edit, seed.name)
        files = {path: text.encode() for path, text in texts.items()}
        parent = writer.commit(NewCommit(parent, files, seed.message, AUTHOR, DATE))
        writer.point(f"refs/testmesh/seed/{parent}", parent, writer.refs("refs/testmesh/seed/").get(
            f"refs/testmesh/seed/{parent}", "0" * 40))  # fmt: skip
        hashes.append(parent)
    return hashes


def _text(writer: Writer, commit: str, path: str) -> str:
    data = writer.file(commit, path)
    if data is None:
        raise UserError(f"{path} is not in {commit[:10]}")
    return data.decode()


def _edited(text: str, edit: Edit, name: str) -> str:
    if edit.old not in text:
        raise UserError(f"seed {name}: {edit.path} does not hold {edit.old!r}")
    return text.replace(edit.old, edit.new, -1 if edit.every else 1)


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to run.

    Args:
        made: the sample.
        commit: 40 hex of the product and its flows.
        disturbance: of the surroundings.
        texts: files with another text, None for one that is gone.
        flows: files to run; all when empty.
        again: number of the repetition, part of the cache key.
    """

    made: Sample
    commit: str
    disturbance: Disturbance = CALM
    texts: Mapping[str, str | None] = field(default_factory=dict)
    flows: tuple[str, ...] = ()
    again: int = 0

    @property
    def key(self) -> str:
        """Hash of everything that decides the outcome."""
        tree = [[e.path, e.oid] for e in Repository(self.made.path).tree(self.commit)]
        d = self.disturbance
        env = {s: dict(v) for s, v in d.env.items()}
        parts = [FORMAT, tree, env, list(d.dead), dict(d.variables), dict(self.texts), list(self.flows), self.again]
        return digest(parts)


def execute(trial: Trial) -> Run:
    """The run of a trial, from the cache or by bringing the system up.

    Args:
        trial: what to run.
    """
    file = _folder(CACHE / "runs") / f"{trial.key}.json"
    if file.exists():
        return replace(run_from_json(file.read_bytes()), revision=trial.commit)
    with system(trial) as up:
        run = up.run({}, trial.flows)
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(run_to_json(run))
    os.replace(temporary, file)
    return run


class Up:
    """A system that is up; its data are put back before each run.

    Args:
        trial: what is up.
        tree: its files.
        environment: that holds it.
        addresses: where it is.
    """

    def __init__(self, trial: Trial, tree: Path, environment: Environment, addresses: Addresses) -> None:
        self.trial = trial
        self.tree = tree
        self._environment = environment
        self._addresses = addresses
        self._fresh = True

    def run(self, texts: Mapping[str, str], flows: Sequence[str]) -> Run:
        """Run flows, some with another text.

        Args:
            texts: file to text.
            flows: files; all when empty.
        """
        if not self._fresh:
            self._environment.reset()
        self._fresh = False
        before = {path: (self.tree / path).read_text() for path in texts}
        try:
            for path, text in texts.items():
                (self.tree / path).write_text(text)
            return asyncio.run(run_flows(self._options(flows)))
        finally:
            for path, text in before.items():
                (self.tree / path).write_text(text)

    def _options(self, flows: Sequence[str]) -> RunOptions:
        wanted = [f for f in (flows or flow_files(self.tree)) if not self._missing(f)]
        commit = self.trial.commit
        services = services_of(self.tree)
        return RunOptions(
            paths=tuple(wanted),
            root=self.tree,
            environment="local",
            environment_variables={**self._addresses.variables, **self.trial.disturbance.variables},
            process={},
            parallel=1,
            seed=7 + self.trial.again,
            deployed=dict.fromkeys(services, commit),
            revision=commit,
            logs=self._logs,
        )

    def _missing(self, flow: str) -> bool:
        return bool(required(self.tree / flow) & set(self._addresses.unavailable))

    def _logs(self, started: str, finished: str) -> Mapping[str, tuple[str, ...]]:
        lines = self._environment.logs(datetime.fromisoformat(started)).lines
        found: dict[str, list[str]] = {}
        for line in lines:
            found.setdefault(line.service, []).append(line.text)
        return {service: tuple(texts) for service, texts in found.items()}


@contextmanager
def system(trial: Trial) -> Iterator[Up]:
    """The system of a trial, up and taken down again.

    Args:
        trial: what to bring up.
    """
    scratch = Path(tempfile.mkdtemp(prefix="testmesh-trial-"))
    tree, folder = scratch / "tree", scratch / "environment"
    for path in (tree, folder):
        path.mkdir()
    export(Repository(trial.made.path), trial.commit, tree)
    for name, text in trial.texts.items():
        if text is None:
            (tree / name).unlink()
        else:
            (tree / name).write_text(text)
    environment = open_environment(disturbed(settings(tree), trial.disturbance), folder)
    try:
        addresses = environment.up(tree)
        yield Up(trial, tree, environment, addresses)
    finally:
        environment.down()
        shutil.rmtree(scratch, ignore_errors=True)


def settings(tree: Path) -> EnvironmentSettings:
    """The `local` environment of a tree.

    Args:
        tree: folder with testmesh.toml.
    """
    table = tomllib.loads((tree / "testmesh.toml").read_text())
    return from_toml("local", table["environments"]["local"])


def services_of(tree: Path) -> tuple[str, ...]:
    """Names of the services of a tree.

    Args:
        tree: folder with testmesh.toml.
    """
    return tuple(s.name for s in settings(tree).services)


def disturbed(calm: EnvironmentSettings, by: Disturbance) -> EnvironmentSettings:
    """Settings under which the disturbance happens.

    Args:
        calm: as written.
        by: what goes wrong.
    """
    services = []
    for service in calm.services:
        if service.name in by.dead:
            service = replace(service, run=("sleep", "3600"), ready=(), build=(), install=None)
        if service.name in by.env:
            service = replace(service, env={**(service.env or {}), **by.env[service.name]})
        services.append(service)
    return replace(calm, services=tuple(services))


def flow_files(tree: Path) -> tuple[str, ...]:
    """Flow files of a tree, sorted.

    Args:
        tree: folder.
    """
    return tuple(p.relative_to(tree).as_posix() for p in sorted((tree / "flows").glob("*.yaml")))


def required(file: Path) -> set[str]:
    """Services a flow says it requires.

    Args:
        file: the flow.
    """
    parsed = read(file.read_text(), file.name, FLOW)
    root = plain(parsed.roots[0]) if parsed.roots else {}
    flow = root.get("flow", root) if isinstance(root, dict) else {}
    graph = flow.get("graph") if isinstance(flow, dict) else None
    wanted = graph.get("require", []) if isinstance(graph, dict) else []
    return {str(w["service"]) for w in wanted if isinstance(w, dict) and "service" in w}
