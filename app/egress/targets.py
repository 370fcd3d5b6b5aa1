"""The targets of posts: their URLs are parsed strictly. Check and call use the same parsed target, so they cannot
differ."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, cast

from msgspec import Struct

from app.settings.egress import Address, Scheme

LONGEST: Final = 2048
_DEFAULT_PORT: Final[dict[Scheme, int]] = {"http": 80, "https": 443}

# RFC 3986 without user information and fragment. Ports and hosts have only spellings that all parsers agree on.
_URL: Final = re.compile(
    r"""(?P<scheme>https?)://
        (?: \[ (?P<six> [0-9A-Fa-f:.]+ ) \] | (?P<host> [A-Za-z0-9._-]+ ) )
        (?: : (?P<port> [1-9][0-9]{0,4} ) )?
        (?P<path> / (?: [A-Za-z0-9._~!$&'()*+,;=:@/-] | %[0-9A-Fa-f]{2} )* )?
        (?: \? (?P<query> (?: [A-Za-z0-9._~!$&'()*+,;=:@/?-] | %[0-9A-Fa-f]{2} )* ) )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# The WHATWG URL parser and inet_aton read a host that ends in such a label as IPv4: 127.1, 0x7f.0.0.1, 017700…
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class PostReply(Struct, frozen=True, kw_only=True):
    """The target's answer, without its body, which may contain personal data.

    `retry_after` is the target's Retry-After in seconds. `seconds` is the duration of the request.
    """

    status: int
    retry_after: float | None
    seconds: float


class NotPosted(Exception):
    """There was no answer. `why` ends a sentence ("the target …") and contains no personal data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class TargetRefused(NotPosted):
    """The egress guard refuses the target. Nothing was sent."""


class TargetUnreachable(NotPosted):
    """The name was not found, or no connection was made. Nothing was sent."""


class NoAnswer(NotPosted):
    """The request was sent, in part or whole, and no answer arrived in time."""


class Target(Struct, frozen=True, kw_only=True):
    """A parsed URL.

    `host` is a lower-case name without final dot, or an address in canonical form, and `literal` is that address.
    `path` and `query` are unchanged.
    """

    scheme: Scheme
    host: str
    port: int
    path: str
    query: str
    literal: Address | None


# One worker posts to the same few targets again and again.
@lru_cache(maxsize=1024)
def parse_target(url: str) -> Target:
    """Parse a URL. Raises TargetRefused unless it is plain http(s) and unambiguous to all parsers."""
    if len(url) > LONGEST:
        raise TargetRefused(f"is longer than {LONGEST} characters")
    match = _URL.fullmatch(url)
    if match is None:
        raise TargetRefused(_malformation(url))
    scheme = cast(Scheme, match["scheme"].lower())
    port = int(match["port"] or _DEFAULT_PORT[scheme])
    if port > 65535:
        raise TargetRefused("has a port above 65535")
    literal = _ipv6(match["six"]) if match["six"] else _ipv4(match["host"])
    return Target(
        scheme=scheme,
        host=_name(match["host"]) if literal is None else str(literal),
        port=port,
        path=match["path"] or "/",
        query=match["query"] or "",
        literal=literal,
    )


def _ipv6(spelled: str) -> IPv6Address:
    try:
        return IPv6Address(spelled)
    except ValueError:
        raise TargetRefused("has brackets around something that is not an IPv6 address") from None


def _ipv4(host: str) -> IPv4Address | None:
    """Return the IPv4 address of a host, or None for a name."""
    bare = host.lower().removesuffix(".")
    if _NUMERIC_LABEL.fullmatch(bare.rpartition(".")[2]) is None:
        return None
    try:
        return IPv4Address(bare)
    except ValueError:
        raise TargetRefused("has a numeric host that is not four decimal numbers from 0 to 255") from None


def _name(host: str) -> str:
    name = host.lower().removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise TargetRefused("has an invalid host name")
    return name


def _malformation(url: str) -> str:
    authority = re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]
    if re.match(r"https?://", url, re.IGNORECASE) is None:
        return "is not an http or https URL"
    if "@" in authority:
        return "has a user name or password before the host"
    if "#" in url:
        return "has a fragment, which is never sent"
    if not url.isascii():
        return "has characters outside ASCII: write hosts as xn--… and percent-encode the other parts"
    return "is not a valid URL of host, port, path and query (RFC 3986)"
