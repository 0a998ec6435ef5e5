"""Reads the root of a flow file and puts the parts together."""

from __future__ import annotations

from flows.language.catalogue import Catalogue
from flows.language.declarations import DeclarationReader
from flows.language.files import Files
from flows.language.findings import Findings, More, position
from flows.language.names import Place, World, env_shape
from flows.language.policies import PolicyReader
from flows.language.reader import Reader, key_of
from flows.language.resolution import Resolver
from flows.language.rules import StepRules
from flows.language.shapes import ANYTHING, Shape
from flows.language.spec import PHASES, Data, EnvFile, Flow, FlowConfig, Phase, Step, Variable
from flows.language.steps import Read, StepReader
from testmesh.guard.yaml_nodes import ListNode, MapNode, ScalarNode

FLOW_KEYS = (
    "name",
    "steps",
    "description",
    "version",
    "suite",
    "author",
    "tags",
    "env",
    "env_file",
    "config",
    "graph",
    "data",
    "setup",
    "teardown",
)
CONFIG_KEYS = ("timeout", "retry", "fail_fast", "wait")


class FlowReader:
    """Reads one flow.

    Args:
        findings: where problems go.
        catalogue: known actions.
        files: files beside the flow.
        ids: names that contain hyphens.
    """

    def __init__(self, findings: Findings, catalogue: Catalogue, files: Files, ids: frozenset[str]) -> None:
        self.findings = findings
        self.catalogue = catalogue
        self.files = files
        self.ids = ids
        self.reader = Reader(findings, ids)
        self.read_steps: dict[Step, Read] = {}

    def read(self, root: MapNode, given: frozenset[str]) -> Flow | None:
        """The flow, with everything that is wrong with it reported.

        Args:
            root: of the file.
            given: variables from outside.
        """
        node, owner = self._flow_node(root)
        if node is None:
            return None
        known = FLOW_KEYS if owner is not None else (*FLOW_KEYS, "flow")
        meant = self.reader.known_keys(node, known, "a flow", ("name", "steps"))
        declarations = DeclarationReader(self.reader, self.files)
        env = declarations.env(node.get("env"))
        env_file = declarations.env_file(node.get("env_file"))
        data = declarations.data(node.get("data"))
        declarations.unnamed(data, node.get("data"))
        phases: dict[Phase, tuple[Step, ...]] = {phase: self._phase(node, phase) for phase in PHASES}
        self._required(node, owner, meant)
        world, implied = self._resolve((env, env_file, data), phases, given)
        uses = world.uses
        needed = uses.required | uses.defaulted
        flow = Flow(
            file=self.findings.file,
            name=self.reader.text(node.get("name")) or "",
            at=position(node),
            description=self.reader.text(node.get("description")),
            version=self.reader.text(node.get("version"), numbers=True),
            suite=self.reader.text(node.get("suite")),
            author=self.reader.text(node.get("author")),
            tags=self.reader.texts(node.get("tags")),
            env=env,
            env_file=env_file,
            config=self._config(node),
            require=declarations.graph(node.get("graph")),
            data=data,
            setup=phases["setup"],
            steps=phases["steps"],
            teardown=phases["teardown"],
            references={name: at for name, at in uses.first.items() if name in needed},
            implied=frozenset(implied | (uses.optional - uses.required)),
            defaulted=frozenset(uses.defaulted - uses.required),
            used=frozenset(uses.steps),
            ids=self.ids,
        )
        rules = StepRules(self.findings, self.read_steps, self.files)
        rules.flow(flow)
        config = node.get("config")
        owner = key_of(config, "retry") if isinstance(config, MapNode) else None
        if owner is not None:
            rules.flow_retry(flow, owner)
        return flow

    def _flow_node(self, root: MapNode) -> tuple[MapNode | None, ScalarNode | None]:
        owner = key_of(root, "flow")
        if owner is None:
            return root, None
        for key, entry in root.entries.items():
            if key != "flow":
                message = f"'{key}' stands beside 'flow'; it belongs inside"
                self.findings.add("flow/unknown-key", entry.key.at, message, More(len(key)))
        return self.reader.mapping(root.get("flow")), owner

    def _required(self, node: MapNode, owner: ScalarNode | None, meant: frozenset[str]) -> None:
        for key in ("name", "steps"):
            if key not in node.entries and not {key, "flow"} & meant:
                self.findings.missing(owner, node, key, "a flow")
        name = node.get("name")
        if isinstance(name, ScalarNode) and isinstance(name.value, str) and not name.value.strip():
            self.findings.node("flow/empty", name, "a flow needs a name")
        steps = node.get("steps")
        if isinstance(steps, ListNode) and not steps.items:
            self.findings.node("flow/empty", steps, "a flow needs at least one step")

    def _phase(self, node: MapNode, phase: Phase) -> tuple[Step, ...]:
        reader = StepReader(self.reader, self.catalogue, self.files, phase)
        steps = reader.steps(node.get(phase))
        self.read_steps.update(reader.read)
        return steps

    def _config(self, node: MapNode) -> FlowConfig:
        mapping = self.reader.mapping(node.get("config"))
        if mapping is None:
            return FlowConfig()
        self.reader.known_keys(mapping, CONFIG_KEYS, "a flow's config")
        policies = PolicyReader(self.reader)
        return FlowConfig(
            timeout=self.reader.duration(mapping.get("timeout")),
            retry=policies.retry(mapping.get("retry")),
            fail_fast=self.reader.flag(mapping.get("fail_fast")),
            wait=policies.wait(mapping.get("wait")),
        )

    def _resolve(
        self,
        declared: tuple[tuple[Variable, ...], EnvFile | None, Data | None],
        phases: dict[Phase, tuple[Step, ...]],
        given: frozenset[str],
    ) -> tuple[World, set[str]]:
        env, env_file, data = declared
        names: dict[str, Shape] = {}
        world = World(self.findings, names, self.files)
        implied: set[str] = set()
        resolver = Resolver(world, self.reader, self.read_steps, implied)
        for phase in PHASES:
            resolver.announce(phases[phase])
        if env_file is not None:
            names.update(dict.fromkeys(env_file.values, ANYTHING))
        names.update(dict.fromkeys(given, ANYTHING))
        world.pending.update({found.name: found.at for found in env if found.plain and found.name not in given})
        # `name: ${name}` asks the outside for it: no misspelling, however near another name is
        world.near.update({found.name: None for found in env if not found.plain})
        for variable in env:
            world.pending.pop(variable.name, None)
            resolver.template(variable.value, Place())
            names[variable.name] = env_shape(variable.value.value) if variable.plain else ANYTHING
        for row in data.rows if data is not None else ():
            if not row.constant:
                resolver.template(row, Place())
        names.update(dict.fromkeys(data.columns if data is not None else (), ANYTHING))
        for phase in PHASES:
            resolver.steps(phases[phase])
        return world, implied
