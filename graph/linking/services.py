"""What is deployed, from which folder, under which names: compose, Kubernetes, Dockerfiles, manifests, annotations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from posixpath import basename, dirname

from graph.linking.corpus import Corpus, Placed
from graph.linking.deployed import (
    Service,
    folder_within,
    image_name,
    merge,
    one_folder,
    one_host,
    published,
    under,
    workload_of,
)
from graph.linking.roles import testing
from graph.linking.roots import Beside, Roots, is_dotnet_program, is_page_code, main_groups
from graph.linking.systems import join_repositories

OFFERING = ("endpoint", "router", "consume", "rpc_service")
_WORKING = (*OFFERING, "http_call", "publish", "access", "sql", "operation", "rpc_call", "repository")


class Services:
    """All services.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._found: dict[tuple[str, str], Service] = {}
        self._main = main_groups(corpus)
        self._beside = Beside(corpus)
        self._roots = Roots(corpus)
        self.roots = self._roots.facts
        for placed in corpus.of("service"):
            self._deployed(placed)
        for placed in corpus.of("service"):
            self._select(placed)
        sharing = Counter((s.repository, s.root) for s in self._found.values())
        for service in self._found.values():
            self._roots.find(service, sharing)
        self._merge_side_names()
        self._keep_known_groups()
        for placed in corpus.of("declared_service"):
            self._declare(placed)
        self._cover_the_rest()
        self._cover_images()
        self._cover_gateways()
        join_repositories(self._found)
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
        if mine is None or theirs is None:
            return False
        if mine.repository != theirs.repository:
            return bool(mine.deployed & theirs.deployed)
        return not mine.groups or not theirs.groups or bool(mine.groups & theirs.groups)

    def _deployed(self, placed: Placed) -> None:
        fact = placed.fact
        name = fact.get("name", "")
        if not name or placed in self._beside or testing(name) or fact.get("selector"):
            return
        service = self._service(placed.file[0], name)
        service.evidence.add(self._corpus.evidence(placed))
        service.groups.add(dirname(placed.file[1]))
        service.deployed.add((placed.file[0], dirname(placed.file[1])))
        root = fact.get("root", "")
        if root and not service.root:
            folder = root.strip("/").removeprefix("./") if root != "." else ""
            service.root, service.rule = folder or service.root or "", "build context"
        if fact.get("sort") and service.sort == "business":
            service.sort = fact.get("sort")
        service.store_kind = service.store_kind or fact.get("store_kind", "") or ""
        service.hosts.update(h.lower() for h in fact.get("hosts", ()) or ())
        service.ports.update(published(fact.get("ports", ()) or ()))
        service.command = service.command or fact.get("command", "") or ""
        service.labels.update(fact.get("labels", ()) or ())
        service.mounts.update(fact.get("mounts", ()) or ())
        service.build.update(fact.get("build", ()) or ())
        if fact.get("image"):
            service.images.add(image_name(fact.get("image")))

    def _select(self, placed: Placed) -> None:
        """A name that deployment files put before what they start: a host of whatever its selector selects."""
        fact = placed.fact
        selector = set(fact.get("selector", ()) or ())
        if not selector or placed in self._beside:
            return
        every = [s for s in self._found.values() if s.repository == placed.file[0]]
        chosen = [s for s in every if s.labels and selector <= s.labels] or [
            s for s in every if s.declared == fact.get("name")
        ]
        if len(chosen) == 1:
            self._rename(chosen[0], str(fact.get("name", "")))
        for service in chosen:
            service.hosts.update(h.lower() for h in fact.get("hosts", ()) or (fact.get("name", ""),))
            service.ports.update(published(fact.get("ports", ()) or ()))
            service.evidence.add(self._corpus.evidence(placed))

    def _rename(self, service: Service, name: str) -> None:
        """A workload called ``orders-deployment`` that is reached as ``orders`` is called that."""
        key = (service.repository, name)
        if workload_of(service.declared, name) and key not in self._found:
            service.name = service.declared = name
            service.names.add(name)
            self._found[key] = service

    def _service(self, repository: str, name: str) -> Service:
        made = Service(name, repository, declared=name, hosts={name.lower()}, names={name})
        return self._found.setdefault((repository, name), made)

    def _merge_side_names(self) -> None:
        """One folder deployed under another name by a side deployment is the same service, not a second one."""
        self._merge_spellings()
        for key, service in sorted(self._found.items()):
            main = self._main.get(service.repository, "")
            if main in service.groups or service.sort == "job":
                continue
            other = self._same(service, main)
            if other is not None:
                other.root = service.root if other.root is None else other.root
                merge(other, service)
                self._found[key] = other
        self._merge_copies()

    def _merge_copies(self) -> None:
        """Deployments apart from each other that start one folder under names with the folder's name in them."""
        alike: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for key, service in sorted(self._found.items()):
            words = re.split(r"[-_.]", service.declared.lower())
            if service.root and service.sort != "job" and basename(service.root).lower() in words:
                alike[service.repository, service.root].append(key)
        for (_, root), keys in alike.items():
            keys.sort(key=lambda k: (k[1].lower() != basename(root).lower(), len(k[1]), k))
            first = self._found[keys[0]]
            for key in keys[1:]:
                other = self._found[key]
                if other is not first and not first.groups & other.groups:
                    merge(first, other)
                    self._found[key] = first

    def _same(self, service: Service, main: str) -> Service | None:
        """The service of the main deployment that a side deployment calls otherwise: by folder, else by its host."""
        others = {
            id(s): s
            for s in self._found.values()
            if s.repository == service.repository
            and main in s.groups
            and s.sort != "job"
            and not s.groups & service.groups
        }.values()
        for alike in (one_folder, folder_within, one_host):
            same = [s for s in others if alike(s, service)]
            named = [s for s in same if service.declared.startswith(s.declared)] or same
            if len(named) == 1:
                return named[0]
        return None

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
                    merge(first, other)
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
        self._found = kept | self._beside_kept(kept) | self._stores_elsewhere(kept)

    def _stores_elsewhere(self, kept: Mapping[tuple[str, str], Service]) -> dict[tuple[str, str], Service]:
        """Stores, brokers and what runs beside them, of a repository whose main deployment leaves them to another."""
        stored = {s.repository for s in kept.values() if s.store_kind}
        return {
            key: service
            for key, service in self._found.items()
            if service.sort == "infrastructure" and service.repository not in stored
        }

    def _beside_kept(self, kept: Mapping[tuple[str, str], Service]) -> dict[tuple[str, str], Service]:
        """Stores and images that side deployments start for what is kept of them."""
        needed = {(s.repository, g) for s in kept.values() if s.root is not None for g in s.groups}
        return {
            key: service
            for key, service in self._found.items()
            if not self._dominates(service.repository) and {(service.repository, g) for g in service.groups} & needed
        }

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
        for placed in self._corpus.of(*OFFERING, "http_call", "route"):
            repository, path = placed.file
            mine = [s for s in self._found.values() if s.repository == repository]
            if any(s.root is not None and under(path, s.root) for s in mine):
                continue
            folder, source = self._roots.nearest(repository, path)
            asks = placed.fact.kind == "http_call"
            if asks and (source is None or not is_page_code(source) or source.fact.get("name") in used):
                continue
            if source is not None and self._roots.library(source):
                continue
            if placed.fact.kind == "route" and (source is None or not is_dotnet_program(source)):
                continue
            if source is None and any(s.root is not None for s in mine):
                continue
            registered = self._roots.registered.get((repository, folder), "")
            named = source.fact.get("name") if source else ""
            program = named if source is not None and source.fact.get("sort") == "program" else ""
            name = registered or str(program or basename(folder) or named or repository).rpartition("/")[2]
            service = self._service(repository, name)
            service.root, service.rule = folder, "package manifest" if source else "repository"
            service.sort = "frontend" if asks and service.sort == "business" else service.sort
            service.evidence.add(self._corpus.evidence(source or placed))

    def _cover_images(self) -> None:
        """Where a repository shows no service at all, what its Dockerfiles start is one."""
        known = {service.repository for service in self._found.values()}
        for placed in self._roots.facts:
            fact, repository = placed.fact, placed.file[0]
            starts = fact.get("sort") == "dockerfile" and fact.get("base_sort") == "business" and fact.get("command")
            if not starts or repository in known:
                continue
            folders = {str(text).strip("/") for text in fact.get("builds", ()) or ()} & self._folders(repository)
            folder = folders.pop() if len(folders) == 1 else str(fact.get("root", "") or "")
            service = self._service(
                repository, self._roots.registered.get((repository, folder), basename(folder) or repository)
            )
            service.root, service.rule = folder, "image"
            service.evidence.add(self._corpus.evidence(placed))

    def _folders(self, repository: str) -> set[str]:
        return {str(p.fact.get("root", "") or "") for p in self._roots.facts if p.file[0] == repository}

    def _cover_gateways(self) -> None:
        """A gateway with no code of its own, deployed by no file: its name stands before rules and in its folder."""
        rules = {(p.file[0], p.fact.get("gateway", "")): p for p in self._corpus.of("route") if p.fact.get("gateway")}
        taken = {(s.repository, s.root) for s in self._found.values()}
        for place, name in sorted(self._roots.registered.items()):
            if (place[0], name) in rules and place[1] and place not in taken:
                service = self._service(place[0], name)
                if service.root is None:
                    service.root, service.rule, service.sort = place[1], "own configuration", "gateway"
                    service.evidence.add(self._corpus.evidence(rules[place[0], name]))

    def _unique(self) -> Mapping[str, Service]:
        every = {id(s): s for s in self._found.values()}.values()
        count = Counter(s.declared for s in every)
        for service in every:
            if count[service.declared] > 1:
                service.name = f"{service.repository}/{service.declared}"
        return {s.name: s for s in sorted(self._found.values(), key=lambda s: s.name)}
