"""The address of a server that answers as OpenAI's does, and whether it stands on this side of the door."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from doctorsun.core.errors import ModelError

# RFC 1918, RFC 4193 and the loopback of RFC 1122 and RFC 4291.
PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
)
_CALLS = ("/chat/completions", "/completions", "/models")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server stands: `base` ends before `/chat/completions`."""

    base: str
    host: str
    secure: bool


def is_url(target: object) -> bool:
    """Whether a word names a server and not a folder."""
    return "://" in str(target)


def read_address(url: str) -> Address:
    """The address a person typed; without a path it is `/v1`. ModelError where it is none or holds a key."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ModelError("engines.bad_url", found=_shown(url)) from None
    if parts.username is not None or parts.password is not None:
        raise ModelError("engines.key_in_url", found=host)
    bare = not parts.query and not parts.fragment and port != 0
    if parts.scheme not in {"http", "https"} or not host or not bare or any(map(str.isspace, host)):
        raise ModelError("engines.bad_url", found=_shown(url))
    path = parts.path.rstrip("/")
    for call in _CALLS:
        path = path.removesuffix(call)
    base = urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))
    return Address(base, host, parts.scheme == "https")


def check_reach(address: Address, *, remote: bool) -> None:
    """Raise ModelError where a server beyond the local network was not asked for, or is not https."""
    if is_local(address.host):
        return
    if not remote:
        raise ModelError("engines.remote", found=address.host)
    if not address.secure:
        raise ModelError("engines.clear_remote", found=address.host)


def is_local(host: str) -> bool:
    """Whether every address of a host is of this machine or of a private network; its name is looked up."""
    try:
        found = {ipaddress.ip_address(host)}
    except ValueError:
        found = _looked_up(host)
    return bool(found) and all(_private(address) for address in found)


def _looked_up(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ModelError("engines.unknown_host", found=host) from None
    return {ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers}


def _private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    inner = mapped or address
    return any(inner.version == network.version and inner in network for network in PRIVATE)


def _shown(url: str) -> str:
    """The start of what was typed, without what might be a password or a key."""
    return url.partition("?")[0].rpartition("@")[2][:80]
