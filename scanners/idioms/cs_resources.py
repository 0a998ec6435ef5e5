"""Resources of an Aspire application model: which call adds what, and which resource an expression stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Concat, Lit, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_noise import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_CHAIN = 64
_STORES: Mapping[str, str] = {
    "AddPostgres": "postgresql",
    "AddAzurePostgresFlexibleServer": "postgresql",
    "AddSqlServer": "mssql",
    "AddAzureSqlServer": "mssql",
    "AddMySql": "mysql",
    "AddOracle": "oracle",
    "AddMongoDB": "mongodb",
    "AddRedis": "redis",
    "AddValkey": "redis",
    "AddGarnet": "redis",
    "AddAzureRedis": "redis",
    "AddAzureManagedRedis": "redis",
    "AddRabbitMQ": "rabbitmq",
    "AddKafka": "kafka",
    "AddNats": "nats",
    "AddElasticsearch": "elasticsearch",
    "AddAzureServiceBus": "servicebus",
    "AddAzureEventHubs": "eventhubs",
    "AddAzureCosmosDB": "cosmosdb",
    "AddAzureStorage": "blob",
    "AddQdrant": "qdrant",
    "AddMilvus": "milvus",
    "AddMeilisearch": "meilisearch",
    "AddRavenDB": "ravendb",
    "AddClickHouse": "clickhouse",
    "AddMinioContainer": "s3",
    "AddEventStore": "eventstore",
    "AddKurrentDB": "eventstore",
}
_INSIDE = words(
    """AddDatabase AddBlobs AddQueues AddTables AddTopic AddQueue AddHub AddServiceBusQueue AddServiceBusTopic
    AddBlobContainer"""
)
_FOLDERS = words(
    """AddNpmApp AddNodeApp AddViteApp AddJavaScriptApp AddYarnApp AddPnpmApp AddPythonApp AddUvicornApp AddPythonScript
    AddGolangApp AddGoApp AddDockerfile AddRustApp AddJavaApp AddSpringApp AddBunApp AddDenoApp AddPythonModule
    AddCSharpApp AddAngularApp"""
)
_OTHERS = words(
    """AddContainer AddExecutable AddKeycloak AddSeq AddMailPit AddMailDev AddOllama AddYarp AddAzureFunctionsProject
    AddConnectionString AddExternalService AddParameter AddAzureOpenAI AddOpenAI AddAzureKeyVault AddDapr
    AddAzureSignalR AddPapercut AddProject AddUnleash AddFlagd AddGrafana AddPrometheus"""
)
_ADDERS = frozenset((*_STORES, *_INSIDE, *_FOLDERS, *_OTHERS))
_MARKS = (b"DistributedApplication", b"IResourceBuilder<", b"Aspire.Hosting")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the model.

    Args:
        name: its name.
        site: the call that adds it.
        kind: store, folder, project, inside or other.
        store_kind: kind of store, or empty.
    """

    name: str
    site: CallSite
    kind: str
    store_kind: str = ""


def models(code: CsCode) -> bool:
    """Whether a file is about an application model.

    Args:
        code: the file.
    """
    if code.modelled is None:
        code.modelled = any(mark in code.data for mark in _MARKS)
    return code.modelled


def added(code: CsCode, site: CallSite) -> Resource | None:
    """The resource a call adds, None when it adds none.

    Args:
        code: the file.
        site: a call.
    """
    if site.method not in _ADDERS or site.receiver is None:
        return None
    given = code.value(site.arg(0, "name"), site.scope) if site.arg(0, "name") is not None else None
    name = given.value if isinstance(given, Lit) and isinstance(given.value, str) else ""
    if not name or site.method == "AddParameter":
        return None
    if site.method in _STORES:
        return Resource(name, site, "store", _STORES[site.method])
    if site.method in _INSIDE:
        return Resource(name, site, "inside")
    if site.method in ("AddProject", "AddAzureFunctionsProject"):
        return Resource(name, site, "project")
    return Resource(name, site, "folder" if site.method in _FOLDERS else "other")


def behind(code: CsCode, node: Node | None, scope: Scope, depth: int = 0) -> Resource | None:
    """The resource an expression stands for, through chains and locals of this file.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how many names were followed.
    """
    from scanners.idioms.cs_code import bare

    at = bare(node)
    for _ in range(_CHAIN):
        site = code.site(at) if at is not None and at.type == "invocation_expression" else None
        if site is None:
            break
        found = added(code, site)
        if found is not None:
            return found
        at = bare(site.receiver)
    dotted = code.dotted(at)
    made = code.made_of(dotted, scope) if dotted and depth < 6 else None
    return behind(code, made.node, made.scope, depth + 1) if made is not None else None


def value(code: CsCode, site: CallSite, scope: Scope) -> Value | None:
    """A resource's name where an expression adds or configures one, ``http://name`` for an endpoint of it.

    Args:
        code: the file.
        site: a call.
        scope: where it is.
    """
    if not models(code):
        return None
    if site.method in ("GetEndpoint", "GetEndpointForNetwork") and site.receiver is not None:
        found = behind(code, site.receiver, scope)
        inner = Lit(found.name) if found is not None else code.value(site.receiver, scope)
        return Lit(f"http://{inner.value}") if isinstance(inner, Lit) else Concat((Lit("http://"), inner))
    found = _chained(code, site)
    return Lit(found.name) if found is not None else None


def _chained(code: CsCode, site: CallSite) -> Resource | None:
    from scanners.idioms.cs_code import bare

    at: CallSite | None = site
    for _ in range(_CHAIN):
        if at is None:
            return None
        found = added(code, at)
        if found is not None:
            return found
        if not at.method.startswith(("With", "Wait", "Add", "Publish", "Run", "As", "Configure", "Exclude")):
            return None
        inner = bare(at.receiver)
        at = code.site(inner) if inner is not None and inner.type == "invocation_expression" else None
    return None
