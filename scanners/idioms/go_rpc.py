"""Generated Go stubs as they look from code that uses them: their packages, constructors and channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanners.idioms.go_imports import is_standard

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.code import CallSite
    from scanners.idioms.go import GoCode

_STUB = re.compile(r"^New\w+Client$")
_TWIRP = re.compile(r"^New(\w+?)(?:Protobuf|JSON)Client$")
_GENERATED = re.compile(
    r"(?i)(^|[/_.-])(\w*pb|\w*proto(s|buf|c|gen)?|\w*grpc\w*|gen\w*|api\w*|rpc|stubs?|v\d+|idl|pkg/.*)($|[/_.-])|pb$|proto$"
)
_LIBRARIES = (
    "github.com/aws/",
    "github.com/redis/",
    "github.com/go-redis/",
    "cloud.google.com/",
    "github.com/Azure/",
    "google.golang.org/api/",
    "k8s.io/",
    "sigs.k8s.io/",
    "go.mongodb.org/",
    "github.com/nats-io/",
    "github.com/hashicorp/",
    "go.etcd.io/",
    "github.com/elastic/",
    "github.com/IBM/",
    "github.com/Shopify/",
    "github.com/docker/",
    "github.com/prometheus/",
)


def generated_name(code: GoCode, path: str) -> bool:
    """Whether an import path looks like generated RPC code: by its name, or by a stub made from it in this file.

    Args:
        code: the file.
        path: import path.
    """
    if is_standard(path) or path.startswith(_LIBRARIES):
        return False
    if _GENERATED.search(path) or _GENERATED.search(code.locals.get(path, "")):
        return True
    local = code.locals.get(path, "")
    mark = rf"{re.escape(local)}\.(New\w+Client\(\w*(conn|cc)\w*\)|Register\w+Server\(|Unimplemented\w+Server)"
    return bool(local) and re.search(mark.encode(), code.data, re.IGNORECASE) is not None


def stub_channel(code: GoCode, site: CallSite) -> Node | None:
    """The channel, address or discovery name a generated stub is made with, None when a call makes no stub.

    Args:
        code: the file.
        site: a call.
    """
    if site.dotted.count(".") != 1 or not site.args:
        return None
    found = code.imports.get(site.dotted.partition(".")[0])
    if found is None:
        return None
    count = len(site.args)
    if _STUB.match(site.method) and count == 1:
        return site.args[0] if generated_name(code, found.module) or _connection(code, site) else None
    if _STUB.match(site.method) and count > 1 and found.module.endswith("connect"):
        return site.args[1]
    if _TWIRP.match(site.method) and count > 1:
        return site.args[0]
    micro = (
        re.match(r"New\w+Service(Client)?$", site.method) is not None
        and count == 2
        and generated_name(code, found.module)
    )
    return site.args[0] if micro and "lient" in code.text(site.args[1]) else None


def stub_service(code: GoCode, site: CallSite) -> str:
    """The service a call makes a stub of, empty when it makes none.

    Args:
        code: the file.
        site: a call.
    """
    if stub_channel(code, site) is None:
        return ""
    twirp = _TWIRP.match(site.method)
    if twirp is not None:
        return twirp.group(1)
    name = site.method.removeprefix("New")
    return name.removesuffix("Client") if name.endswith("Client") else name


def _connection(code: GoCode, site: CallSite) -> bool:
    dotted = code.dotted(site.args[0])
    made = code.type_of(dotted, site.scope) if dotted else ""
    return made.startswith("google.golang.org/grpc.") or re.search(r"(?i)(conn|cc)$", dotted) is not None
