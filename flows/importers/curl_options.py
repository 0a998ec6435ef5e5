"""The options of curl (its manual page, versions 7 to 8): which take no value, which only change what is shown."""

from __future__ import annotations

SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "b": "cookie", "A": "user-agent",
    "e": "referer", "k": "insecure", "L": "location", "G": "get", "I": "head", "m": "max-time", "x": "proxy",
    "E": "cert", "T": "upload-file", "o": "output", "c": "cookie-jar", "w": "write-out", "s": "silent",
    "S": "show-error", "v": "verbose", "i": "include", "f": "fail", "O": "remote-name", "#": "progress-bar",
    "N": "no-buffer", "4": "ipv4", "6": "ipv6", "g": "globoff", "j": "junk-session-cookies", "n": "netrc",
    "0": "http1.0", "U": "proxy-user", "D": "dump-header", "r": "range", "a": "append", "K": "config",
    "C": "continue-at", "q": "disable", "P": "ftp-port", "l": "list-only", ":": "next", "Z": "parallel",
    "p": "proxytunnel", "Q": "quote", "J": "remote-header-name", "R": "remote-time", "Y": "speed-limit",
    "y": "speed-time", "2": "sslv2", "3": "sslv3", "t": "telnet-option", "z": "time-cond", "1": "tlsv1",
    "B": "use-ascii", "h": "help", "M": "manual", "V": "version",
}  # fmt: skip
_SHOWN = (
    "silent show-error verbose include progress-bar no-buffer remote-name remote-name-all remote-header-name "
    "remote-time remove-on-error create-dirs no-progress-meter styled-output suppress-connect-headers trace-time "
    "trace-ids xattr no-clobber skip-existing fail-early parallel parallel-immediate disable junk-session-cookies "
    "out-null"
)
_PACE = "compressed tcp-nodelay tcp-fastopen mptcp no-keepalive keepalive http1.1 ipv4 ipv6 basic no-sessionid"
_OTHER = (
    "insecure location location-trusted follow get head fail fail-with-body http1.0 http0.9 http2 globoff digest "
    "http2-prior-knowledge http3 http3-only path-as-is anyauth ntlm ntlm-wb negotiate netrc netrc-optional ssl "
    "ssl-reqd append cert-status "
    "compressed-ssh crlf disable-eprt disable-epsv disallow-username-in-url doh-cert-status "
    "doh-insecure false-start form-escape ftp-create-dirs ftp-pasv ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc "
    "ftp-ssl-control haproxy-protocol ignore-content-length list-only mail-rcpt-allowfails manual metalink next "
    "no-alpn no-npn post301 post302 post303 proxy-anyauth proxy-basic proxy-digest proxy-insecure proxy-negotiate "
    "proxy-ntlm proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 proxy-ca-native proxy-http2 proxytunnel "
    "raw retry-all-errors retry-connrefused sasl-ir socks5-basic socks5-gssapi socks5-gssapi-nec ssl-allow-beast "
    "ssl-auto-client-cert ssl-no-revoke ssl-revoke-best-effort sslv2 sslv3 tftp-no-options tlsv1 tlsv1.0 tlsv1.1 "
    "tlsv1.2 tlsv1.3 tr-encoding use-ascii version ca-native dump-ca-embed"
)
FLAGS = frozenset([*_SHOWN.split(), *_PACE.split(), *_OTHER.split()])
MEANT = frozenset(
    [
        *("get", "head", "digest", "fail", "fail-with-body", "path-as-is", "globoff", "ntlm", "ntlm-wb", "negotiate"),
        *("anyauth", "location", "location-trusted", "insecure", "http2", "http2-prior-knowledge"),
    ]
)
NO_EFFECT = frozenset(
    [
        *_SHOWN.split(),
        *_PACE.split(),
        *("output", "output-dir", "cookie-jar", "write-out", "dump-header", "trace", "trace-ascii", "trace-config"),
        *("stderr", "connect-timeout", "keepalive-time", "keepalive-cnt", "limit-rate", "speed-limit", "speed-time"),
        *("rate", "parallel-max", "happy-eyeballs-timeout-ms", "libcurl", "form-escape", "tlsv1.2", "tlsv1.3", "ssl"),
    ]
)
