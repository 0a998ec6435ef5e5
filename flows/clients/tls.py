"""What a step says about TLS, as one value that every protocol's client understands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from flows.clients.errors import ClientError

if TYPE_CHECKING:
    import ssl

KEYS = ("ca", "cert", "key", "key_password", "server_name", "verify")
TLS_DOC = "`true`, or `{ca, cert, key, key_password, server_name, verify}`: files beside the flow, or PEM text."


class ReadsFiles(Protocol):
    """Where named files come from (`Call.files`)."""

    def read(self, name: str) -> bytes:
        """A file's bytes; UserError when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is encrypted, and whom it trusts.

    Args:
        ca: PEM of the authorities to trust; None = the system's, or those of `SSL_CERT_FILE`.
        cert: PEM of a client certificate.
        key: PEM of its key; None = it is in `cert`.
        key_password: of the key.
        server_name: name to ask for and to check, instead of the host's.
        verify: check the server's certificate.
    """

    ca: bytes | None = None
    cert: bytes | None = None
    key: bytes | None = None
    key_password: str = ""
    server_name: str = ""
    verify: bool = True

    def context(self, alpn: Sequence[str] = ()) -> ssl.SSLContext:
        """The context for asyncio and libraries on top of it, made once.

        Args:
            alpn: protocols to offer (RFC 7301), best first.

        Raises:
            ClientError: of type ``config`` when a certificate or key cannot be used.
        """
        return _context(replace(self, server_name=""), tuple(alpn))


PLAIN_TLS = Tls()


def tls_problems(config: Mapping[str, object], name: str = "tls") -> Iterable[tuple[str, str]]:
    """What is wrong with the `tls` of a config, for an action's static check.

    Args:
        config: as written.
        name: its key.
    """
    given = config.get(name)
    if given is None or isinstance(given, bool) or (isinstance(given, str) and ("$" in given or "{{" in given)):
        return
    if not isinstance(given, Mapping):
        yield name, f"'{name}' is true, false, or a map of {', '.join(KEYS)}"
        return
    unknown = [str(key) for key in given if key not in KEYS]
    if unknown:
        yield f"{name}.{unknown[0]}", f"'{name}' has no key '{unknown[0]}' ({', '.join(KEYS)})"
    if given.get("key") is not None and given.get("cert") is None:
        yield f"{name}.key", f"'{name}.key' needs '{name}.cert'"


def tls_of(given: object, files: ReadsFiles) -> Tls | None:
    """The settings that a rendered `tls` stands for; None when TLS is not asked for.

    Args:
        given: None, true, false, or a map of :data:`KEYS`.
        files: beside the flow.

    Raises:
        ClientError: of type ``config`` when it cannot be understood.
        UserError: a named file cannot be read.
    """
    if given is None or given is False:
        return None
    if given is True:
        return PLAIN_TLS
    if not isinstance(given, Mapping):
        raise ClientError(f"tls must be true, false or a map, not {type(given).__name__}", "config")
    problem = next(iter(tls_problems({"tls": given})), None)
    if problem is not None:
        raise ClientError(problem[1], "config")
    verify = given.get("verify")
    return Tls(
        ca=_pem(given.get("ca"), files),
        cert=_pem(given.get("cert"), files),
        key=_pem(given.get("key"), files),
        key_password=str(given.get("key_password") or ""),
        server_name=str(given.get("server_name") or ""),
        verify=verify is not False and verify != "false",
    )


def web_tls(given: object, verify: bool, files: ReadsFiles) -> Tls:
    """The settings for a URL whose scheme says whether TLS is used.

    Args:
        given: as for :func:`tls_of`.
        verify: `verify_ssl`; either of the two turns checking off.
        files: beside the flow.
    """
    found = tls_of(given, files) or PLAIN_TLS
    return found if verify else replace(found, verify=False)


def _pem(given: object, files: ReadsFiles) -> bytes | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise ClientError("a certificate or key of 'tls' is a file's name or PEM text", "config")
    text = given.encode() if given.lstrip().startswith("-----BEGIN") else files.read(given)
    if b"-----BEGIN" not in text:
        shown = given if len(given) < 100 else given[:100] + "..."
        raise ClientError(f"{shown} holds no PEM text ('-----BEGIN ...')", "config")
    return text


@lru_cache(maxsize=64)
def _context(settings: Tls, alpn: tuple[str, ...]) -> ssl.SSLContext:
    import ssl

    try:
        context = ssl.create_default_context(cadata=_authorities(settings.ca))
    except (ssl.SSLError, ValueError) as error:
        raise ClientError(f"tls.ca cannot be used: {error}", "config") from error
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None:
        _with_temporary_files(settings, context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _authorities(pem: bytes | None) -> str | None:
    return None if pem is None else pem.decode("ascii", "replace")


def _with_temporary_files(settings: Tls, context: ssl.SSLContext) -> None:
    """OpenSSL reads a client certificate only from files: private ones that are gone a moment later."""
    import ssl
    import tempfile

    password: Callable[[], str] | None = (lambda: settings.key_password) if settings.key_password else lambda: ""
    with tempfile.TemporaryDirectory(prefix="testmesh-tls-") as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        _private(cert, settings.cert or b"")
        if settings.key is not None:
            _private(key, settings.key)
        try:
            context.load_cert_chain(cert, key if settings.key is not None else None, password)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise ClientError(f"tls.cert and tls.key cannot be used together: {_plain(error)}", "config") from error


def _private(path: str, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)


def _plain(error: Exception) -> str:
    text = str(error)
    if "KEY_VALUES_MISMATCH" in text:
        return "the key does not belong to the certificate"
    if "BAD_DECRYPT" in text or "bad password" in text.lower() or "password" in text.lower():
        return "the key is encrypted, and key_password is missing or wrong"
    return text
