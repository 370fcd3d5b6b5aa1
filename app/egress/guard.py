"""The egress guard: a name is looked up once, every address behind it is judged, and only those are dialled.

A name that has one address that may not be dialled is refused whole: what else its owner answers is not ours to pick
from. The addresses judged are the addresses dialled, so that a name that changes its mind meanwhile changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final, TypeAlias

from msgspec import Struct

from app.egress.models import TargetRefused, TargetUnreachable
from app.egress.targets import Target, parse_target
from app.settings.egress import Address, EgressRules

LookUp: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""All addresses of a name, as text; raises OSError where there are none."""

# As many as a worker has jobs at work, so that no number of slow name servers keeps a delivery waiting for a thread.
LOOK_UPS_AT_ONCE: Final = 64


class ClearedTarget(Struct, frozen=True, kw_only=True):
    """A target and the addresses that may be dialled for it; there is at least one."""

    target: Target
    addresses: tuple[Address, ...]

    def open_socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """The socket for one attempt to connect (an aiohttp socket factory): the last place to see where it goes."""
        family, kind, protocol, _, address = info
        if ip_address(str(address[0])) not in self.addresses or address[1] != self.target.port:
            raise PermissionError("the address is not one that was cleared")
        return socket.socket(family, kind, protocol)


class EgressGuard:
    """Clears targets under the rules of one installation."""

    def __init__(self, rules: EgressRules, look_up: LookUp) -> None:
        self._rules = rules
        self._look_up = look_up

    async def clear(self, url: str) -> ClearedTarget:
        """The addresses behind a URL, none of which is refused. Raises TargetRefused, TargetUnreachable."""
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
            found = await self._look_up(target.host)
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise TargetUnreachable("has a host whose name is not found")
        try:
            return tuple(dict.fromkeys(map(ip_address, found)))
        except ValueError:
            raise TargetRefused("is at an address that cannot be read") from None


class DnsLookup:
    """Asks the system's resolver, in threads of its own: a subscriber's slow name server holds up nobody else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="egress-look-up")

    async def __call__(self, name: str) -> Sequence[str]:
        """See `LookUp`."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, name)
        return [str(address[0]) for *_, address in found]

    def close(self) -> None:
        """Let go of the threads; what is still being looked up is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(name: str) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    return list(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
