"""The egress guard: look up a name once, check every address behind it, and dial only those.

A name with any refused address is refused, because its owner controls which of them is dialled. The checked addresses
are the dialled ones, so a name that resolves differently later (DNS rebinding) changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final, TypeAlias

from msgspec import Struct

from app.egress.rules import EgressRules
from app.egress.targets import Target, TargetRefused, TargetUnreachable, parse_target
from app.settings.egress import Address

LookUp: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Returns all addresses of a name, as text. Raises OSError if there are none."""

# As many as a worker runs jobs at once, so that slow name servers never make another delivery wait for a thread.
LOOK_UPS_AT_ONCE: Final = 64


class ClearedTarget(Struct, frozen=True, kw_only=True):
    """A target and the addresses that may be dialled for it, at least one."""

    target: Target
    addresses: tuple[Address, ...]

    def open_socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Open the socket for one connect (an aiohttp socket factory). Raises PermissionError for another address."""
        family, kind, protocol, _, address = info
        if ip_address(str(address[0])) not in self.addresses or address[1] != self.target.port:
            raise PermissionError("the address was not cleared")
        return socket.socket(family, kind, protocol)


class EgressGuard:
    """Clears targets by the rules of one installation."""

    def __init__(self, rules: EgressRules, look_up: LookUp) -> None:
        self._rules = rules
        self._look_up = look_up

    async def clear(self, url: str) -> ClearedTarget:
        """Look up and check the addresses of a URL. Raises TargetRefused, TargetUnreachable."""
        target = parse_target(url)
        addresses = await self._addresses(target)
        for address in addresses:
            refusal = self._rules.refusal(target.scheme, address, target.port)
            if refusal is not None:
                raise TargetRefused(refusal)
        return ClearedTarget(target=target, addresses=addresses)

    async def _addresses(self, target: Target) -> tuple[Address, ...]:
        if target.literal is not None:
            return (target.literal,)
        try:
            addresses = await self._look_up(target.host)
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise TargetUnreachable("has a host name that was not found")
        try:
            return tuple(dict.fromkeys(map(ip_address, addresses)))
        except ValueError:
            raise TargetRefused("has an unreadable address") from None


class DnsLookup:
    """Queries the system's resolver in dedicated threads, so that a slow name server delays only its own target."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="egress-look-up")

    async def __call__(self, name: str) -> Sequence[str]:
        """Implement `LookUp`."""
        loop = asyncio.get_running_loop()
        addresses = await loop.run_in_executor(self._threads, _look_up, name)
        return [str(address[0]) for *_, address in addresses]

    def close(self) -> None:
        """Shut down the threads without waiting for running look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(name: str) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    return list(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
