"""What libraries say of TLS in their own words is told in ours, whichever library it was."""

from __future__ import annotations

import pytest

from flows.clients.errors import tls_meaning

AUTHORITY = "; name its authority in 'tls: {ca: FILE}'"
CASES = {
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006)": (
        "certificate not trusted (certificate has expired)"
    ),
    "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:"
    "CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate: OK": (
        f"certificate not trusted (unable to get local issuer certificate){AUTHORITY}"
    ),
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, certificate is not valid for "
    "'127.0.0.1'. (_ssl.c:1006)": (
        "certificate not trusted (IP address mismatch, certificate is not valid for '127.0.0.1'); "
        "'tls: {server_name: NAME}' checks another name"
    ),
    "SSL handshake failed: error:0A00042E:SSL routines::tlsv1 alert protocol version: SSL alert number 70": (
        "no TLS version suits both sides"
    ),
    "SSL_ERROR_SSL: error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER: Invalid certificate "
    "verification context: OK": "it does not speak TLS at this port",
    "connection closed": "",
}


@pytest.mark.parametrize("text", sorted(CASES))
def test_a_library_s_words_for_tls(text: str) -> None:
    assert tls_meaning(text) == CASES[text]


@pytest.mark.timeout(30)
def test_a_long_message_is_looked_at_once() -> None:
    assert tls_meaning("x" * 400_000) == ""
