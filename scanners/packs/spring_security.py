"""OAuth by Spring Security: token endpoints, and the requests it sends to the servers that configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Fact, Lit, Value
from scanners.idioms.expressions import concat

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_USER_INFO = Config("security.oauth2.resource.user-info-uri")
_TOKEN = Config("security.oauth2.client.access-token-uri")
_KEYS = Config("spring.security.oauth2.resourceserver.jwt.jwk-set-uri")
_ISSUER = Config("spring.security.oauth2.resourceserver.jwt.issuer-uri")
_DISCOVERY = "/.well-known/openid-configuration"
# annotation: method, URL and the key that must be set
_ANNOTATIONS: dict[str, tuple[str, Value, str]] = {
    "EnableResourceServer": ("GET", _USER_INFO, _USER_INFO.key),
    "EnableOAuth2Sso": ("POST", _TOKEN, _TOKEN.key),
}
_CONFIGURED = (b"ClientCredentialsResourceDetails", b'"security.oauth2.client', b"OAuth2FeignRequestInterceptor")
_CLIENTS = ("OAuth2RestTemplate", "OAuth2FeignRequestInterceptor")


class SpringSecurity:
    """OAuth by Spring Security."""

    name: str = "spring_security"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"EnableAuthorizationServer",
        b"EnableResourceServer",
        b"EnableOAuth2Sso",
        b"oauth2ResourceServer",
        b"OAuth2RestTemplate",
        b"OAuth2FeignRequestInterceptor",
        b"OAuth2AuthorizationServerConfig",
        b"OAuth2AuthorizationServerConfigurer",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Endpoints and requests.

        Args:
            parsed: a Java file.
        """
        for mark in parsed.marks.get("EnableAuthorizationServer", ()):
            yield _token(parsed, mark.node, (mark.scope.name, "/oauth/token"))
        for name, (method, url, key) in _ANNOTATIONS.items():
            for mark in parsed.marks.get(name, ()):
                yield _request(parsed, mark.node, (mark.scope.name, method), (url, key))
        for site in parsed.calls:
            made = site.method in _CLIENTS and site.node.type == "object_creation_expression" and bool(site.args)
            if made and any(mark in parsed.data for mark in _CONFIGURED):
                yield _request(parsed, site.node, (site.scope.name, "POST"), (_TOKEN, _TOKEN.key))
            elif site.method == "oauth2ResourceServer":
                about = (site.scope.name, "GET")
                yield _request(parsed, site.node, about, (_KEYS, _KEYS.key))
                yield _request(parsed, site.node, about, (concat([_ISSUER, Lit(_DISCOVERY)]), _ISSUER.key))
            elif "OAuth2AuthorizationServerConfig" in site.dotted:
                yield _token(parsed, site.node, (site.scope.name, "/oauth2/token"))


def _token(code: JavaCode, node: Node, about: tuple[str, str]) -> Fact:
    handler, path = about
    fields = {"protocol": "http", "method": "POST", "path": Lit(path), "handler": handler}
    return Fact("endpoint", {**fields, "framework": "spring_security"}, code.at(node))


def _request(code: JavaCode, node: Node, about: tuple[str, str], where: tuple[Value, str]) -> Fact:
    symbol, method = about
    url, key = where
    fields = {"method": Lit(method), "url": url, "symbol": symbol, "client": "spring_security", "only": key}
    return Fact("http_call", fields, code.at(node))


PACK = SpringSecurity()
