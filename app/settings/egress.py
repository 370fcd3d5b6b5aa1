"""The addresses that the operator allows as targets although they are not public, as `127.0.0.1/32:5678` or
`[fd00::/8]:443` (`[egress] allow`, LOCKSTITCH_EGRESS_ALLOW). `app/egress/rules.py` applies them.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, Literal, NamedTuple, TypeAlias

from app.settings.reading import SettingsError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Scheme: TypeAlias = Literal["http", "https"]

_ENTRY: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[^\[\]:]+)):(?P<port>[0-9]{1,5})")


class EgressRule(NamedTuple):
    """An address range and a port to which Lockstitch may send, also by http."""

    network: Network
    port: int

    def __str__(self) -> str:
        return f"[{self.network}]:{self.port}" if self.network.version == 6 else f"{self.network}:{self.port}"


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
