"""Folders that services are built from: build contexts, images, manifests, configuration, programs of a repository."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from posixpath import basename, dirname

from graph.linking.corpus import Corpus, Placed
from graph.linking.deployed import Service, image_name, under
from graph.linking.roles import aside, example
from graph.values import Fact, Location

_NO_PACKAGES = frozenset({"tsconfig"})
_LIBRARIES = frozenset({"lib", "libs"})  # folders of a monorepo that lists its programs


class Roots:
    """Looks folders up.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.coded = _coded_folders(corpus)
        named = [p for p in corpus.of("root") if p.fact.get("sort") not in _NO_PACKAGES and not aside(p.file[1])]
        self.registered = {
            (p.file[0], p.fact.get("root", "") or ""): str(p.fact.get("name"))
            for p in corpus.of("registers")
            if p.fact.get("name") and not p.fact.get("source") and not aside(p.file[1])
        }
        configured = [
            p
            for p in corpus.of("registers")
            if p.fact.get("root") and not p.fact.get("source") and not aside(p.file[1])
        ]
        self.facts = [*named, *configured, *_programs(corpus)]
        self._libraries = _depended_on(corpus)
        images: dict[tuple[str, str], set[str]] = defaultdict(set)
        for placed in corpus.of("service"):
            if placed.fact.get("image"):
                image = image_name(placed.fact.get("image"))
                images[placed.file[0], image].add(str(placed.fact.get("name", "")))
        self._several = {key for key, names in images.items() if len({n.rpartition("-")[2] for n in names}) > 3}

    def find(self, service: Service, sharing: Counter[tuple[str, str | None]]) -> None:
        """Give a service its folder: what builds the image or bears the name, and holds code when the context has none.

        Args:
            service: changed in place.
            sharing: how many services have each folder as build context.
        """
        built = [p for p in self.facts if p.file[0] == service.repository and p.fact.get("root", "")]
        if service.sort == "infrastructure":
            built = [p for p in built if p.fact.get("sort") == "dockerfile"]
        project = next((text.partition("=")[2] for text in service.build if text.startswith("project=")), "")
        if project and service.root is None:
            found = sorted({p.fact.get("root", "") for p in built if _is_project(p, project)})
            if len(found) == 1:
                service.root, service.rule = found[0], "project"
        if service.root and (service.repository, service.root) not in self.coded:
            inside = next((text.partition("=")[2] for text in sorted(service.build) if text.startswith("workdir=")), "")
            if (service.repository, inside) in self.coded:
                service.root, service.rule = inside, "working directory"
            else:
                names = [service.declared, *self._images(service)]
                self._choose(service, self._coded(built), names, "part of its image")
        program = _built_program(service, self.facts)
        if program:
            service.root, service.rule = program, "program its image builds"
        if service.root == "" or service.root is None:
            self._choose(service, built, [service.declared, *self._images(service)], "folder that builds its image")
        if service.root is not None and sharing[service.repository, service.root] > 1:
            parts = [p for p in self._coded(built) if under(p.fact.get("root", ""), service.root)]
            self._choose(service, parts, _told(service), "part of its build context")
        self._describe(service)

    def _images(self, service: Service) -> list[str]:
        """Names of its images; one that many services run says nothing about a folder, what they start in it does."""
        own = [i for i in sorted(service.images) if (service.repository, i) not in self._several]
        return own if len(own) == len(service.images) else [*own, *_started(service)]

    def _coded(self, roots: Iterable[Placed]) -> list[Placed]:
        return [p for p in roots if (p.file[0], p.fact.get("root", "")) in self.coded]

    def _choose(self, service: Service, roots: Collection[Placed], names: Iterable[str], rule: str) -> None:
        """Take the only folder of one of the names; an image's name counts less than the service's own."""
        for name in names:
            folders = _folders_named(roots, name)
            packed = [f for f in folders if f in _of_sort(roots, "dockerfile")]
            folders = packed if len(packed) == 1 else folders
            folders = [f for f in folders if f in _of_sort(roots, _PROGRAM)] if len(folders) > 1 else folders
            if len(folders) == 1 and (service.root is None or service.declared == name or rule.startswith("part")):
                service.root, service.rule = _whole(service, roots, folders[0]), rule
                return

    def _describe(self, service: Service) -> None:
        for placed in self.facts:
            if placed.file[0] == service.repository and placed.fact.get("root", "") == service.root and service.root:
                service.command = service.command or placed.fact.get("command", "") or ""
                service.store_kind = service.store_kind or placed.fact.get("store_kind", "") or ""
                if service.sort == "business" and placed.fact.get("base_sort"):
                    service.sort = placed.fact.get("base_sort")

    def nearest(self, repository: str, path: str) -> tuple[str, Placed | None]:
        """The deepest build folder around a file, and who says it is one.

        Args:
            repository: its repository.
            path: of the file.
        """
        best: Placed | None = None
        for placed in self.facts:
            root = placed.fact.get("root", "") or ""
            fits = placed.file[0] == repository and under(path, root)
            if fits and (best is None or len(root) > len(best.fact.get("root", "") or "")):
                best = placed
        return (best.fact.get("root", "") or "" if best else ""), best

    def library(self, source: Placed) -> bool:
        """Whether others depend on what a folder builds, or its project file says that it does not run.

        Args:
            source: a root fact.
        """
        folder = source.fact.get("root", "") or ""
        if source.fact.get("sort") == "csproj" and not source.fact.get("command"):
            return True
        if source.fact.get("sort") in ("go.mod", "dockerfile") and self._only_below(source.file[0], folder):
            return True
        if source.fact.get("sort") == "package.json" and self._workspace(source, folder):
            return True
        same = [p for p in self.facts if p.file[0] == source.file[0] and (p.fact.get("root", "") or "") == folder]
        if any(p.fact.get("sort") == _PROGRAM or is_dotnet_program(p) for p in same):
            return False
        names = {p.fact.get("name") for p in same}
        return bool(self._libraries & {(source.file[0], str(n)) for n in (*names, folder) if n})

    def _workspace(self, source: Placed, folder: str) -> bool:
        """Whether the programs are in folders below one that starts nothing, or whose project file names them."""
        programs = [p for p in self.facts if p.file[0] == source.file[0] and p.fact.get("sort") == "workspace"]
        below = [p for p in programs if p.fact.get("root") != folder and under(p.fact.get("root", ""), folder)]
        if not source.fact.get("command") and programs:
            listed = any(p.fact.get("root") == folder for p in programs)
            return bool(below) or (not listed and not _LIBRARIES.isdisjoint(folder.split("/")))
        return any(dirname(p.file[1]) == folder for p in below)

    def _only_below(self, repository: str, folder: str) -> bool:
        """Whether a folder has Go programs only in folders of their own: what is beside them is shared."""
        programs = {p.fact.get("root", "") for p in self.facts if p.file[0] == repository and _is_go(p)}
        return folder not in programs and any(under(f"{root}/", folder) for root in programs)


_PROGRAM = "program"


def _is_go(placed: Placed) -> bool:
    return bool(placed.fact.get("sort") == _PROGRAM)


def _told(service: Service) -> list[str]:
    """Names that the build of a service gives: dockerfile folder, target, arguments, program started."""
    build = sorted(service.build)
    files = [basename(dirname(text.partition("=")[2])) for text in build if text.startswith("dockerfile=")]
    targets = [text.partition("=")[2] for text in build if text.startswith("target=")]
    given = [text.rpartition("=")[2].rpartition("/")[2] for text in build if text.startswith("arg:")]
    words = _started(service)
    return [name for name in (*files, *given, *targets, *words, service.declared) if name]


def _started(service: Service) -> list[str]:
    return [basename(word.strip("\"'[],")) for word in service.command.split()[:3]]


def _programs(corpus: Corpus) -> list[Placed]:
    """Folders of Go files with a main function: what ``go build`` makes one program of."""
    mains: dict[tuple[str, str], str] = {}
    for (repository, path), index in corpus.files.items():
        if path.endswith(".go") and "main" in index.symbols and "main" in index.packages and not aside(path):
            mains.setdefault((repository, dirname(path)), path)
    mains = {key: path for key, path in mains.items() if not _chore(key, mains)}
    inside = Counter((repository, above) for repository, folder in mains for above in _around(folder))
    found: list[Placed] = []
    for (repository, folder), path in mains.items():
        alone = [above for above in _around(folder) if above and inside[repository, above] == 1]
        own = (dirname(folder) if basename(folder) == "cmd" else "") or folder
        fact = Fact("root", {"root": alone[-1] if alone else own, "sort": _PROGRAM, "name": ""}, Location(path, 1))
        found.append(Placed(fact, (repository, path)))
    return _told_apart(found)


_LAYERS = frozenset({"cmd", "internal", "app", "apps", "services", "service", "src", "pkg", "go", "backend", ""})


def _told_apart(programs: list[Placed]) -> list[Placed]:
    """Programs whose folders have one name (``orders/cmd/api``, ``users/cmd/api``) have the name above it, too."""
    count = Counter((p.file[0], basename(p.fact.get("root", ""))) for p in programs)
    made: list[Placed] = []
    for placed in programs:
        folder = str(placed.fact.get("root", ""))
        above = next((basename(f) for f in _around(dirname(folder)) if basename(f) not in _LAYERS), "")
        if count[placed.file[0], basename(folder)] > 1 and above:
            fields = {**placed.fact.fields, "name": f"{above}-{basename(folder)}"}
            placed = replace(placed, fact=Fact("root", fields, placed.fact.at))
        made.append(placed)
    return made


_CHORES = re.compile(r"^(migrat\w*|seed\w*|tools?|scripts?|hack|gen(erator)?|(\w*[_-])?(health\w*|cli|ctl))$", re.I)


def _chore(program: tuple[str, str], programs: Collection[tuple[str, str]]) -> bool:
    """Whether a program does work for another one beside it: ``cmd/migration`` for ``cmd/app``."""
    repository, folder = program
    if not _CHORES.match(basename(folder)):
        return False
    beside = [p for r, p in programs if r == repository and p != folder and dirname(p) == dirname(folder)]
    return any(not _CHORES.match(basename(p)) for p in beside)


def _around(folder: str) -> Iterator[str]:
    """A folder and those around it, the whole repository last."""
    while folder:
        yield folder
        folder = dirname(folder)
    yield ""


def _built_program(service: Service, built: Collection[Placed]) -> str:
    """The folder of the Go program that a service's Dockerfile builds, empty when it does not say."""
    named = {text.partition("=")[2] for text in service.build if text.startswith("dockerfile=")}
    files = {p.file[1]: p for p in built if p.fact.get("sort") == "dockerfile"}
    found: set[str] = set()
    for name in named:
        for path in (f"{service.root}/{name}" if service.root else name, name):
            for text in (files[path].fact.get("builds", ()) or ()) if path in files else ():
                program = re.sub(r"(/|^)[\w-]+\.go$", "", str(text).removeprefix("./")).rstrip("/")
                whole = f"{service.root}/{program}" if service.root else program
                found |= {p.fact.get("root", "") for p in built if _is_program(p, (whole, program))}
    return found.pop() if len(found) == 1 else ""


def _is_program(placed: Placed, folders: tuple[str, ...]) -> bool:
    folder = dirname(placed.file[1])
    return _is_go(placed) and any(name == folder or (folder and name.endswith(f"/{folder}")) for name in folders)


def _depended_on(corpus: Corpus) -> set[tuple[str, str]]:
    """Names of packages, and folders of projects, that other code of the same repository depends on."""
    found: set[tuple[str, str]] = set()
    for placed in corpus.of("dependency"):
        name = str(placed.fact.get("name", ""))
        found.add((placed.file[0], name))
        if placed.fact.get("ecosystem") == "maven":
            found.add((placed.file[0], name.rpartition(":")[2]))
    return found


def _whole(service: Service, roots: Collection[Placed], folder: str) -> str:
    """The folder called like the image around one that only a package inside bears the service's name of."""
    around = [p.fact.get("root", "") for p in roots if basename(p.fact.get("root", "")) in service.images]
    whole = [outer for outer in around if under(folder, outer) and folder not in _of_sort(roots, _PROGRAM)]
    return min(whole, default=folder, key=len)


def _of_sort(roots: Iterable[Placed], sort: str) -> set[str]:
    return {p.fact.get("root", "") for p in roots if p.fact.get("sort") == sort}


_KIND = re.compile(r"[-_.](service|svc|server|srv)$")


def _folders_named(roots: Iterable[Placed], name: str) -> list[str]:
    """Folders that bear a name, or whose name an image's name ends in (``shop-orders`` for ``services/orders``)."""
    wanted = name.lower()
    folders: dict[str, str] = {p.fact.get("root", ""): basename(p.fact.get("root", "")).lower() for p in roots}
    built = {p.fact.get("root", "") for p in roots if image_name(p.fact.get("name", "") or "").lower() == wanted}
    exact = built | {root for root, base in folders.items() if base == wanted}
    kind = exact or {root for root, base in folders.items() if base and _KIND.sub("", base) == _KIND.sub("", wanted)}
    plain = kind or {p.fact.get("root", "") for p in roots if _bare(wanted) in _namespaced(p.fact.get("root", ""))}
    if plain:
        return sorted(plain)
    ending = {
        root: base for root, base in folders.items() if len(base) > 2 and wanted.endswith((f"-{base}", f"_{base}"))
    }
    longest = max(map(len, ending.values()), default=0)
    return sorted(root for root, base in ending.items() if len(base) == longest)


def _namespaced(root: str) -> tuple[str, ...]:
    """A folder named like a .NET namespace without separators, whole and without the company in front."""
    whole = basename(root)
    return (_bare(whole), _bare(whole.partition(".")[2])) if "." in whole else ()


def _bare(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()


def _coded_folders(corpus: Corpus) -> set[tuple[str, str]]:
    """Folders with code anywhere below them."""
    found: set[tuple[str, str]] = set()
    for repository, path in {placed.file for placed in corpus.of("symbol")}:
        folder = dirname(path)
        while folder and (repository, folder) not in found:
            found.add((repository, folder))
            folder = dirname(folder)
    return found


class Beside:
    """Deployment files of tests and examples; where a repository deploys itself by examples only, those count.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        places = {placed.file for placed in corpus.of("service")}
        plain = {repository for repository, path in places if not aside(path)}
        self._only = {repository for repository, _ in places} - plain

    def __contains__(self, placed: Placed) -> bool:
        repository, path = placed.file
        return aside(path) and not (repository in self._only and example(path))


def main_groups(corpus: Corpus) -> dict[str, str]:
    """Of each repository, the folder whose deployment files declare most services.

    Args:
        corpus: the facts.
    """
    groups: dict[str, dict[str, dict[str, Placed]]] = defaultdict(lambda: defaultdict(dict))
    beside = Beside(corpus)
    for placed in corpus.of("service"):
        if placed.fact.get("name") and placed not in beside:
            groups[placed.file[0]][dirname(placed.file[1])].setdefault(placed.fact.get("name"), placed)
    return {
        repository: min(found, key=lambda folder: (_weight(found[folder].values()), folder.count("/"), folder))
        for repository, found in groups.items()
    }


def _weight(services: Iterable[Placed]) -> tuple[int, int, int]:
    """Fewer is heavier: services of the system's own count first, then those built from folders, then all."""
    facts = [p.fact for p in services]
    business = [f for f in facts if f.get("sort") != "infrastructure" and not f.get("selector")]
    return -len(business), -sum(bool(f.get("root") or f.get("build")) for f in business), -len(facts)


def is_page_code(source: Placed) -> bool:
    """Whether a build folder is a script package or a program: one that only asks, unused by others, is a front end.

    Args:
        source: a root fact.
    """
    script = source.fact.get("sort") == "package.json"
    return (script or is_dotnet_program(source)) and bool(source.fact.get("root", ""))


def is_dotnet_program(placed: Placed) -> bool:
    """Whether a .NET project file says that it is a program; tests and application models refer to programs, too.

    Args:
        placed: a root fact.
    """
    return placed.fact.get("sort") == "csproj" and bool(placed.fact.get("command"))


def _is_project(placed: Placed, project: str) -> bool:
    """Whether a .NET project file is the one an application model names: dots and dashes become underscores there."""
    name = str(placed.fact.get("name", "")).replace(".", "_").replace("-", "_")
    return placed.fact.get("sort") == "csproj" and name == project
