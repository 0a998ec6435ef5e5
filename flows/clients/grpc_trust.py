"""Credentials of a gRPC channel; gRPC has no switch for servers whose certificate nobody vouches for."""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import replace
from typing import Any

from flows.clients.errors import ClientError, reason
from flows.clients.tls import Tls

_ALPN = ("h2",)


def credentials(tls: Tls) -> Any:
    """The channel credentials that settings stand for.

    Args:
        tls: settings.

    Raises:
        ClientError: of type ``config`` when they cannot be used.
    """
    import grpc

    if tls.key_password:
        raise ClientError("gRPC cannot read an encrypted key; give tls.key without a password", "config")
    tls.context()
    key = tls.key if tls.key is not None else tls.cert
    return grpc.ssl_channel_credentials(tls.ca or _system_authorities(), key, tls.cert)


def _system_authorities() -> bytes | None:
    """Those of SSL_CERT_FILE or the system, as every other protocol trusts them; None = gRPC's own list."""
    file = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if not file or not os.path.exists(file):
        return None
    with open(file, "rb") as stream:
        return stream.read()


async def trusting(tls: Tls, address: str) -> Tls:
    """Settings that trust exactly the certificate that the server shows now, for `verify: false`.

    Args:
        tls: settings that check nothing.
        address: ``host:port``.

    Raises:
        ClientError: unreachable, or no TLS there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClientError(f"{address}: 'tls.verify: false' needs an address of the form host:port", "config")
    unchecked = replace(tls, verify=False).context(_ALPN)
    der = await _peer(address, unchecked, True)
    pem = ssl.DER_cert_to_PEM_cert(der)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem)
    context.set_alpn_protocols(list(_ALPN))
    told = await _peer(address, context, False)
    names = [name for kind, name in told.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    names += [value for part in told.get("subject", ()) for kind, value in part if kind == "commonName"]
    name = tls.server_name or next((found.replace("*", "any") for found in names), "")
    return replace(tls, ca=pem.encode(), server_name=name, verify=True)


async def _peer(address: str, context: ssl.SSLContext, binary: bool) -> Any:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context, server_hostname=host)
    except (OSError, ValueError) as error:
        raise ClientError(f"{address}: {reason(error)}") from error
    try:
        return writer.get_extra_info("ssl_object").getpeercert(binary)
    finally:
        writer.transport.abort()
