"""What is deployed, from which folder, under which names: compose, Kubernetes, Dockerfiles, manifests, annotations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import basename, dirname

from graph.linking.corpus import Corpus, Placed
from graph.linking.roles import aside, testing
from graph.schema import Evidence

OFFERING = ("endpoint", "router", "consume")
_WORKING = (*OFFERING, "http_call", "publish", "access", "sql", "operation")
_VARIABLE = re.compile(r"\$\{[^}]*\}|\$\w+|\{\{.*?\}\}")


@dataclass(slots=True)
class Service:
    """A deployable unit being put together.

    Args:
        name: unique in the workspace.
        repository: where it is declared.
        root: folder with its code, None when it is an image only.
        sort: business, gateway, frontend, infrastructure or job.
        store_kind: kind of store or broker it is, or empty.
        hosts: names it answers to, with or without port.
        ports: (published, inside) pairs, published empty when not published.
        declared: deployed name, before it was made unique.
        names: names deployment files give it; several when side deployments call it otherwise.
        evidence: where it is declared.
        images: image names without registry and tag.
        groups: folders whose deployment files declare it.
        variables: environment variables a person tied to it.
        command: start command, or empty.
        labels: labels of what it starts, as `key=value`.
        rule: how its root was found.
        registered: names it registers by its own configuration.
        local_ports: ports it listens on by its own configuration.
        prefix: path in front of every operation, or empty.
        mounts: files and folders of the repository it sees at run time.
        build: how it is built beside its folder.
    """

    name: str
    repository: str
    root: str | None = None
    sort: str = "business"
    store_kind: str = ""
    hosts: set[str] = field(default_factory=set)
    ports: set[tuple[str, str]] = field(default_factory=set)
    declared: str = ""
    names: set[str] = field(default_factory=set)
    evidence: set[Evidence] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    command: str = ""
    labels: set[str] = field(default_factory=set)
    rule: str = ""
    registered: set[str] = field(default_factory=set)
    local_ports: set[str] = field(default_factory=set)
    prefix: str = ""
    mounts: set[str] = field(default_factory=set)
    build: set[str] = field(default_factory=set)


class Services:
    """All services.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._found: dict[tuple[str, str], Service] = {}
        self._main = _main_groups(corpus)
        self._coded = _coded_folders(corpus)
        self.roots = [p for p in corpus.of("root") if p.fact.get("sort") != "tsconfig" and not aside(p.file[1])]
        for placed in corpus.of("service"):
            self._deployed(placed)
        for placed in corpus.of("service"):
            self._select(placed)
        for service in self._found.values():
            self._find_root(service)
        self._merge_side_names()
        self._keep_known_groups()
        for placed in corpus.of("declared_service"):
            self._declare(placed)
        self._cover_the_rest()
        self.by_name = self._unique()

    def main_group(self, repository: str) -> str:
        """The folder whose deployment files declare most services.

        Args:
            repository: its name.
        """
        return self._main.get(repository, "")

    def lookup(self, repository: str, declared: str) -> Service | None:
        """The service a repository's deployment files mean by a name.

        Args:
            repository: where the name is written.
            declared: the name.
        """
        found = self._found.get((repository, declared))
        return found if found is not None and found.name in self.by_name else None

    def beside(self, one: str, other: str) -> bool:
        """Whether two services are deployed together, so that a name or port of the one can mean the other.

        Args:
            one: name of a service.
            other: name of another.
        """
        mine, theirs = self.by_name.get(one), self.by_name.get(other)
        if mine is None or theirs is None or mine.repository != theirs.repository:
            return False
        return not mine.groups or not theirs.groups or bool(mine.groups & theirs.groups)

    def _deployed(self, placed: Placed) -> None:
        fact = placed.fact
        name = fact.get("name", "")
        if not name or aside(placed.file[1]) or testing(name) or fact.get("selector"):
            return
        service = self._service(placed.file[0], name)
        service.evidence.add(self._corpus.evidence(placed))
        service.groups.add(dirname(placed.file[1]))
        root = fact.get("root", "")
        if root and service.root is None:
            service.root, service.rule = root.strip("/").removeprefix("./") if root != "." else "", "build context"
        if fact.get("sort") and service.sort == "business":
            service.sort = fact.get("sort")
        service.store_kind = service.store_kind or fact.get("store_kind", "") or ""
        service.hosts.update(h.lower() for h in fact.get("hosts", ()) or ())
        service.ports.update(_ports(fact.get("ports", ()) or ()))
        service.command = service.command or fact.get("command", "") or ""
        service.labels.update(fact.get("labels", ()) or ())
        service.mounts.update(fact.get("mounts", ()) or ())
        service.build.update(fact.get("build", ()) or ())
        if fact.get("image"):
            service.images.add(_image_name(fact.get("image")))

    def _select(self, placed: Placed) -> None:
        """A name that deployment files put before what they start: a host of whatever its selector selects."""
        fact = placed.fact
        selector = set(fact.get("selector", ()) or ())
        if not selector or aside(placed.file[1]):
            return
        every = [s for s in self._found.values() if s.repository == placed.file[0]]
        chosen = [s for s in every if s.labels and selector <= s.labels] or [
            s for s in every if s.declared == fact.get("name")
        ]
        for service in chosen:
            service.hosts.update(h.lower() for h in fact.get("hosts", ()) or (fact.get("name", ""),))
            service.ports.update(_ports(fact.get("ports", ()) or ()))
            service.evidence.add(self._corpus.evidence(placed))

    def _service(self, repository: str, name: str) -> Service:
        made = Service(name, repository, declared=name, hosts={name.lower()}, names={name})
        return self._found.setdefault((repository, name), made)

    def _find_root(self, service: Service) -> None:
        """A folder that builds the image or bears the name, and holds code when the build context has none."""
        built = [p for p in self.roots if p.file[0] == service.repository and p.fact.get("root", "")]
        project = next((text.partition("=")[2] for text in service.build if text.startswith("project=")), "")
        if project and service.root is None:
            folders = sorted({p.fact.get("root", "") for p in built if _is_project(p, project)})
            if len(folders) == 1:
                service.root, service.rule = folders[0], "project"
        if service.root and (service.repository, service.root) not in self._coded:
            coded = [p for p in built if (service.repository, p.fact.get("root", "")) in self._coded]
            folders = _folders_named(coded, service.declared)
            if len(folders) == 1:
                service.root, service.rule = folders[0], "folder of that name with code"
        if service.root == "" or service.root is None:
            wanted = [service.declared, *sorted(service.images)]
            for name in wanted:
                folders = _folders_named(built, name)
                if len(folders) == 1 and (service.root is None or service.declared == name):
                    service.root, service.rule = folders[0], "folder that builds its image"
                    break
        for placed in self.roots:
            if placed.file[0] == service.repository and placed.fact.get("root", "") == service.root and service.root:
                service.command = service.command or placed.fact.get("command", "") or ""
                service.store_kind = service.store_kind or placed.fact.get("store_kind", "") or ""
                if service.sort == "business" and placed.fact.get("base_sort"):
                    service.sort = placed.fact.get("base_sort")

    def _merge_side_names(self) -> None:
        """One folder deployed under another name by a side deployment is the same service, not a second one."""
        self._merge_spellings()
        for key, service in sorted(self._found.items()):
            main = self._main.get(service.repository, "")
            if service.root is None or main in service.groups or service.sort == "job":
                continue
            same = [
                s
                for s in self._found.values()
                if s.repository == service.repository
                and s.root == service.root
                and main in s.groups
                and s.sort != "job"
                and not s.groups & service.groups
            ]
            named = [s for s in same if service.declared.startswith(s.declared)] or same
            if len(named) == 1:
                _merge(named[0], service)
                self._found[key] = named[0]

    def _merge_spellings(self) -> None:
        """``admin_api`` in compose and ``admin-api`` in a cluster are one, unless they are built from two folders."""
        spelled: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for repository, name in sorted(self._found):
            spelled[repository, name.lower().replace("_", "-")].append((repository, name))
        for (repository, _), keys in spelled.items():
            main = self._main.get(repository, "")
            ranked = sorted(
                keys, key=lambda k: (main not in self._found[k].groups, self._found[k].root is None, len(k[1]), k)
            )
            first = self._found[ranked[0]]
            for key in ranked[1:]:
                other = self._found[key]
                if None in (first.root, other.root) or first.root == other.root:
                    first.root = other.root if first.root is None else first.root
                    _merge(first, other)
                    self._found[key] = first

    def _keep_known_groups(self) -> None:
        """What only side deployments start, and whose code does nothing we know, is no part of the system.

        Monitoring extras, load generators, helper images: a repository's main deployment, when it starts most of what
        is built, says what the system is.
        """
        working = {(p.file[0], p.file[1]) for p in self._corpus.of(*_WORKING)}
        kept: dict[tuple[str, str], Service] = {}
        for key, service in self._found.items():
            main = self._main.get(service.repository, "") in service.groups
            beside = not self._dominates(service.repository) and service.root is not None
            works = service.root is not None and any(
                repository == service.repository and under(path, service.root) for repository, path in working
            )
            if main or beside or works:
                kept[key] = service
        self._found = kept

    def _dominates(self, repository: str) -> bool:
        built = [s for s in self._found.values() if s.repository == repository and s.root is not None]
        return 2 * sum(self._main[repository] in s.groups for s in built) > len(built) > 2

    def _declare(self, placed: Placed) -> None:
        fact = placed.fact
        service = self._service(placed.file[0], fact.get("name", ""))
        service.evidence.add(self._corpus.evidence(placed))
        if fact.get("root"):
            service.root, service.rule = str(fact.get("root")).strip("/").removeprefix("./"), "annotation"
        for host in fact.get("hosts", ()) or ():
            variable = re.fullmatch(r"\$\{(\w+)\}", host.strip())
            if variable:
                service.variables.add(variable.group(1))
            else:
                service.hosts.add(host.split("://")[-1].strip("/").lower())

    def _cover_the_rest(self) -> None:
        """Code that offers something but is deployed by no file we read is a service by its manifest folder."""
        used = {p.fact.get("name", "") for p in self._corpus.of("dependency")}
        for placed in self._corpus.of(*OFFERING, "http_call"):
            repository, path = placed.file
            mine = [s for s in self._found.values() if s.repository == repository]
            if any(s.root is not None and under(path, s.root) for s in mine):
                continue
            folder, source = self._nearest(repository, path)
            asks = placed.fact.kind == "http_call"
            if asks and (source is None or not _is_page_code(source) or source.fact.get("name") in used):
                continue
            if source is not None and source.fact.get("sort") == "csproj" and not source.fact.get("command"):
                continue
            if source is None and any(s.root is not None for s in mine):
                continue
            name = str(basename(folder) or (source.fact.get("name") if source else "") or repository).rpartition("/")[2]
            service = self._service(repository, name)
            service.root, service.rule = folder, "package manifest" if source else "repository"
            service.sort = "frontend" if asks and service.sort == "business" else service.sort
            service.evidence.add(self._corpus.evidence(source or placed))

    def _nearest(self, repository: str, path: str) -> tuple[str, Placed | None]:
        best: Placed | None = None
        for placed in self.roots:
            root = placed.fact.get("root", "")
            fits = placed.file[0] == repository and under(path, root)
            if fits and (best is None or len(root) > len(best.fact.get("root", ""))):
                best = placed
        return (best.fact.get("root", "") if best else ""), best

    def _unique(self) -> Mapping[str, Service]:
        every = {id(s): s for s in self._found.values()}.values()
        count = Counter(s.declared for s in every)
        for service in every:
            if count[service.declared] > 1:
                service.name = f"{service.repository}/{service.declared}"
        return {s.name: s for s in sorted(self._found.values(), key=lambda s: s.name)}


def _merge(into: Service, other: Service) -> None:
    for mine, theirs in (
        (into.hosts, other.hosts),
        (into.names, other.names),
        (into.images, other.images),
        (into.groups, other.groups),
    ):
        mine.update(theirs)
    into.ports.update(other.ports)
    into.evidence.update(other.evidence)
    into.command = into.command or other.command
    into.store_kind = into.store_kind or other.store_kind


def _coded_folders(corpus: Corpus) -> set[tuple[str, str]]:
    """Folders with code anywhere below them."""
    found: set[tuple[str, str]] = set()
    for repository, path in {placed.file for placed in corpus.of("symbol")}:
        folder = dirname(path)
        while folder and (repository, folder) not in found:
            found.add((repository, folder))
            folder = dirname(folder)
    return found


def _main_groups(corpus: Corpus) -> dict[str, str]:
    groups: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for placed in corpus.of("service"):
        if placed.fact.get("name") and not aside(placed.file[1]):
            groups[placed.file[0]][dirname(placed.file[1])].add(placed.fact.get("name"))
    return {
        repository: min(found, key=lambda folder: (-len(found[folder]), folder.count("/"), folder))
        for repository, found in groups.items()
    }


def _is_page_code(source: Placed) -> bool:
    """Whether a build folder is a script package or a program: one that only asks, and no other uses, is a front end."""
    runs = source.fact.get("sort") == "csproj" and bool(source.fact.get("command"))
    return (runs or source.fact.get("sort") == "package.json") and bool(source.fact.get("root", ""))


def _is_project(placed: Placed, project: str) -> bool:
    """Whether a .NET project file is the one an application model names: dots and dashes become underscores there."""
    name = str(placed.fact.get("name", "")).replace(".", "_").replace("-", "_")
    return placed.fact.get("sort") == "csproj" and name == project


def under(path: str, root: str) -> bool:
    """Whether a file is in a folder; the empty folder is the whole repository.

    Args:
        path: of the file.
        root: of the folder.
    """
    return not root or path.startswith(root + "/")


def _image_name(image: str) -> str:
    bare = _VARIABLE.sub("", image).split("@")[0].rsplit("/", 1)[-1]
    return bare.split(":")[0].strip("-_.")


def _folders_named(roots: Iterable[Placed], name: str) -> list[str]:
    """Folders that bear a name, or whose name an image's name ends in (``shop-orders`` for ``services/orders``)."""
    wanted = name.lower()
    folders: dict[str, str] = {p.fact.get("root", ""): basename(p.fact.get("root", "")).lower() for p in roots}
    built = {p.fact.get("root", "") for p in roots if _image_name(p.fact.get("name", "") or "").lower() == wanted}
    exact = built | {root for root, base in folders.items() if base == wanted}
    if exact:
        return sorted(exact)
    ending = {
        root: base for root, base in folders.items() if len(base) > 2 and wanted.endswith((f"-{base}", f"_{base}"))
    }
    longest = max(map(len, ending.values()), default=0)
    return sorted(root for root, base in ending.items() if len(base) == longest)


def _ports(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        pieces = str(text).split("/")[0].split(":")
        yield (pieces[-2], pieces[-1]) if len(pieces) > 1 else ("", pieces[-1])
