"""Egress rules: the addresses that Lockstitch may send to when a caller names the target (subscription, callback).

Public addresses are allowed by https on the usual web ports. The operator lists all others, as `127.0.0.1/32:5678` or
`[fd00::/8]:443` (`[egress] allow`, LOCKSTITCH_EGRESS_ALLOW). No I/O: the guard in `app/egress/` applies these rules to
every address that it dials.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, Literal, NamedTuple, TypeAlias

from app.settings.file import SettingsError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Scheme: TypeAlias = Literal["http", "https"]

PUBLIC_PORTS: Final = frozenset({443, 5678, 8443})
"""Allowed ports of public addresses: https, n8n's port, and the usual alternative https port. If any port were allowed,
a subscriber could make Lockstitch connect to other people's mail servers, databases and printers."""

# From the IANA registries of special-purpose addresses (RFC 6890), as of 2026: ranges that are not globally reachable,
# and ranges that lead to another host than they name. `ipaddress.is_global` differs between Python versions.
_SPECIAL_IPV4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network; 0.0.0.0 reaches the host itself
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT; clouds' metadata at 100.100.100.200
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # looks public, but is the platform's agent on every Azure host
            "169.254.0.0/16",  # link-local; clouds' metadata at 169.254.169.254
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # IETF protocols; a cloud's metadata at 192.0.0.192
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT relays
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # class E, and the broadcast address
        ),
    )
)
# Only 2000::/3 is assigned to internet hosts. This excludes loopback, IPv4-mapped and IPv4-compatible addresses, NAT64
# (64:ff9b::/96, 64:ff9b:1::/48), discard-only, SRv6 (5f00::/16), unique local, site-local, link-local and multicast
# addresses, and future ranges.
_UNICAST: Final = IPv6Network("2000::/3")
_SPECIAL_IPV6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocols: Teredo, which holds an IPv4 address, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which holds an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

_ENTRY: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[^\[\]:]+)):(?P<port>[0-9]{1,5})")


class EgressRule(NamedTuple):
    """An address range and a port to which Lockstitch may send, also by http."""

    network: Network
    port: int

    def __str__(self) -> str:
        return f"[{self.network}]:{self.port}" if self.network.version == 6 else f"{self.network}:{self.port}"


class EgressRules:
    """All rules of one installation. Public targets need none."""

    def __init__(self, allowed: Iterable[EgressRule] = ()) -> None:
        self._allowed = frozenset(allowed)

    def refusal(self, scheme: Scheme, address: Address, port: int) -> str | None:
        """Return why the target is refused, as the end of a sentence ("the target …"), or None if it is allowed."""
        if any(port == rule.port and address in rule.network for rule in self._allowed):
            return None
        if not is_public(address):
            return "has an address that is not public"
        if scheme != "https":
            return "is not https"
        if port not in PUBLIC_PORTS:
            return f"has port {port}; public targets may use only {', '.join(map(str, sorted(PUBLIC_PORTS)))}"
        return None


def is_public(address: Address) -> bool:
    """Return whether this is the address of an internet host, and of nothing in the local network."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    if address.scope_id is not None:
        return False
    return address in _UNICAST and not any(address in network for network in _SPECIAL_IPV6)


def parse_egress_rules(entries: Iterable[str]) -> tuple[EgressRule, ...]:
    """Parse the entries. Raises SettingsError, whose text continues after the name of the setting."""
    return tuple(_parse(entry.strip()) for entry in entries)


def _parse(entry: str) -> EgressRule:
    match = _ENTRY.fullmatch(entry)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise SettingsError(
            f"has {entry!r}: use an address range and a port, such as 127.0.0.1/32:5678 or [fd00::/8]:443."
        )
    spelled = match["six"] or match["four"]
    try:
        network = ip_network(spelled, strict=False)
    except ValueError:
        raise SettingsError(
            f"has {entry!r}: {spelled} is not an address range. List the addresses of a host, not its name."
        ) from None
    if (network.version == 6) != (match["six"] is not None):
        raise SettingsError(f"has {entry!r}: write an IPv6 range in brackets, and an IPv4 range without.")
    if "/" in spelled and _parse_exactly(spelled) is None:
        raise SettingsError(f"has {entry!r}: {spelled} has host bits set. Did you mean {network}?")
    if network.prefixlen == 0:
        raise SettingsError(f"has {entry!r}: this allows every address and would disable the egress guard.")
    return EgressRule(network, int(match["port"]))


def _parse_exactly(spelled: str) -> Network | None:
    try:
        return ip_network(spelled)
    except ValueError:
        return None
