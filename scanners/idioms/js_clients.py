"""HTTP client libraries of JavaScript as data: the names they are called by and where the parts of a request are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanners.idioms.http import VERBS

_VERBS: Mapping[str, str] = {verb: verb.upper() for verb in VERBS} | {"request": "", "del": "DELETE"}
_UPPER: Mapping[str, str] = {verb.upper(): verb.upper() for verb in VERBS}
_PLAIN: Mapping[str, str] = {"request": "", "get": "GET"}


@dataclass(frozen=True, slots=True)
class Library:
    """A client library.

    Args:
        name: shown as the fact's client.
        callees: names under which it is called as a function, through imports.
        makers: calls that make an instance of it.
        types: declared types of instances.
        names: names of injected instances whose type is not seen.
        owners: modules and objects its verbs are called on.
        verbs: methods that send, with the HTTP method each means; empty when options say it.
        base: option of an instance with the base URL, or empty.
        data: positional argument that holds the body of post, put and patch, -1 when only an option does.
        url: positional argument that holds the URL.
        body: options that hold a body.
        default: method of a plain call.
        chained: the body is given by a call behind the request.
        hosts: options may name host, port and path instead of a URL.
    """

    name: str
    callees: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    verbs: Mapping[str, str] = field(default_factory=lambda: _VERBS)
    base: str = ""
    data: int = -1
    url: int = 0
    body: tuple[str, ...] = ("data", "json", "body")
    default: str = "GET"
    chained: bool = False
    hosts: bool = False


_AXIOS = ("axios", "axios.default", "axios.Axios")
_FETCHES: tuple[str, ...] = (
    "fetch",
    "node-fetch",
    "node-fetch.default",
    "undici.fetch",
    "cross-fetch",
    "cross-fetch.fetch",
)
_FETCHES += ("window.fetch", "globalThis.fetch", "self.fetch", "isomorphic-fetch", "isomorphic-unfetch", "unfetch")
_FETCHES += ("$fetch", "ofetch.$fetch", "ofetch.ofetch", "ofetch", "useFetch", "useLazyFetch", "expo/fetch.fetch")
_FETCHES += ("fetch-retry", "make-fetch-happen", "bent", "@vercel/fetch", "event.fetch", "svelteFetch")
_NEST = ("@nestjs/axios.HttpService", "@nestjs/common.HttpService")
_NODE = ("http", "https", "node:http", "node:https", "follow-redirects.http", "follow-redirects.https")
LIBRARIES = (
    Library(
        "axios",
        callees=_AXIOS,
        makers=("axios.create", "axios.default.create"),
        types=("axios.AxiosInstance", "axios.AxiosStatic", "axios.Axios"),
        names=("axios", "axiosInstance", "axiosRef", "axiosClient", "$axios"),
        owners=_AXIOS,
        base="baseURL",
        data=1,
    ),
    Library("axios", types=_NEST, names=("httpService",), owners=tuple(f"{n}.axiosRef" for n in _NEST), data=1),
    Library("fetch", callees=_FETCHES, makers=("ofetch.ofetch.create", "$fetch.create"), base="baseURL", verbs={}),
    Library(
        "request",
        callees=("request", "request-promise", "request-promise-native"),
        makers=("request.defaults", "request-promise.defaults"),
        owners=("request", "request-promise", "request-promise-native"),
        base="baseUrl",
        data=-1,
    ),
    Library(
        "got",
        callees=("got", "got.default", "got.got", "ky", "ky.default"),
        makers=("got.extend", "got.default.extend", "got.got.extend", "ky.create", "ky.extend", "ky.default.create"),
        types=("got.Got", "ky.KyInstance"),
        owners=("got", "got.default", "got.got", "ky", "ky.default"),
        base="prefixUrl",
    ),
    Library("superagent", owners=("superagent", "superagent.default"), callees=(), chained=True),
    Library("undici", callees=("undici.request", "undici.stream"), owners=("undici.default",), verbs=_PLAIN),
    Library("undici", makers=("undici.Pool", "undici.Client"), verbs={"request": "", "fetch": ""}, base="origin"),
    Library("needle", callees=("needle",), owners=("needle",), data=1, url=0),
    Library("node", owners=_NODE, verbs=_PLAIN, hosts=True),
    Library(
        "angular",
        callees=("$http", "this.$http"),
        types=("@angular/common/http.HttpClient", "HttpClient"),
        names=("$http", "httpClient", "http"),
        owners=("$http", "this.$http"),
        data=1,
    ),
    Library(
        "jquery",
        callees=("$.ajax", "jQuery.ajax"),
        owners=("$", "jQuery"),
        verbs={"get": "GET", "post": "POST", "getJSON": "GET"},
        data=1,
    ),
    Library(
        "openapi-fetch",
        makers=("openapi-fetch", "openapi-fetch.default", "openapi-fetch.createClient"),
        verbs=_UPPER,
        base="baseUrl",
        data=-1,
    ),
    Library("wretch", makers=("wretch", "wretch.default"), verbs={}),
    Library("swr", callees=("swr", "swr.useSWR", "swr/immutable", "swr.default", "useSWR"), verbs={}, body=()),
)
