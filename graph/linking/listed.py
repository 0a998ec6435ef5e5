"""Hosts that only the caller's configuration knows: names of client-side discovery with the addresses listed there."""

from __future__ import annotations

from dataclasses import replace

from graph.linking.hosts import Target
from graph.linking.outcomes import Context, Frame, Text
from graph.linking.state import Linking
from graph.linking.urls import Url, take_apart
from graph.values import Config

_RULE = "listed addresses"
_KEYS = (
    "{}.ribbon.listOfServers",
    "quarkus.stork.{}.service-discovery.address-list",
    "quarkus.stork.{}.service-discovery.static.address-list",
    "spring.cloud.discovery.client.simple.instances.{}[0].uri",
    "spring.cloud.openfeign.client.config.{}.url",
    "feign.client.config.{}.url",
    "services:{}:http:0",
    "services:{}:https:0",
)


def listed(state: Linking, url: Url, caller: str) -> Target | None:
    """Who answers at the addresses a caller's configuration lists under a host name, or None when it lists none.

    Args:
        state: the link run.
        url: its host is a name that no deployment file knows.
        caller: whose configuration counts.
    """
    name = url.host.partition(":")[0]
    found: dict[str, Target] = {}
    for key in (pattern.format(name) for pattern in _KEYS):
        for address in _addresses(state, caller, key):
            target = state.hosts.find(replace(url, host=address), caller)
            found.update({service: target for service in target.services})
        if found:
            services = tuple(sorted(found))
            status = found[services[0]].status if len(services) == 1 else "candidate"
            return Target(services, _RULE, status, "", f"`{key}` lists {', '.join(services)}", name)
    return None


def _addresses(state: Linking, caller: str, key: str) -> list[str]:
    if not state.environment(caller, key):
        return []
    texts = [text for text, _ in state.evaluator.texts(Config(key), Frame(("", ""), ""), Context(caller))]
    parts = [part.strip() for text in texts if not text.holes for part in text.template.split(",")]
    return [take_apart(Text((part,))).host or part.lower() for part in parts if part]
