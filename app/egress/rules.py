"""Egress rules: the addresses that Lockstitch may send to when a caller names the target (subscription, callback).

Public addresses are allowed by https on the usual web ports. The operator allows all others (`app/settings/egress.py`).
No I/O: the guard applies these rules to every address that it dials.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final

from app.settings.egress import Address, EgressRule, Scheme

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
