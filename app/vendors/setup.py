"""What an account needs before its first write: the vendor's `setup`, such as the property that keeps our marker."""

import asyncio
import logging
import time

import msgspec

from app.errors import VendorTimeout
from app.vendors.connection_state import LiveConnection
from app.vendors.field_choices import Deliver
from app.vendors.models import VendorRefused
from mappings.http import VendorRefusal, VendorRequest

_log = logging.getLogger("lockstitch.outbound")


class AccountSetup:
    """Once in a process and connection; every request of it is safe to repeat."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._ready: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    async def prepare(self, line: LiveConnection, deadline: float) -> None:
        """See to it that the account is prepared.

        A request that the vendor refuses is logged and not asked again: the writes that need it will say so. What may
        pass, and a refused credential, is raised like a problem of the write itself, of which nothing was sent.
        """
        name = line.connection.name
        if name in self._ready:
            return
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await lock.acquire()
        except TimeoutError:
            line.health.check(time.monotonic())
            raise VendorTimeout(f"{line.connection.vendor.title} was not prepared in time.") from None
        try:
            if name not in self._ready:
                await self._run(line, deadline)
                self._ready.add(name)
        finally:
            lock.release()

    async def repair(self, line: LiveConnection, refusal: VendorRefusal, deadline: float) -> bool:
        """Prepare once more where a write was refused for something that preparation makes; whether it made any."""
        setup = line.connection.vendor.setup
        concerned = [
            request
            for request in setup
            if any(f'"{field}"'.encode() in (request.body or b"") for field, _ in refusal.fields)
        ]
        return bool(concerned) and await self._run(line, deadline)

    async def _run(self, line: LiveConnection, deadline: float) -> bool:
        made = False
        for request in line.connection.vendor.setup:
            made = await self._make(line, request, deadline) or made
        return made

    async def _make(self, line: LiveConnection, request: VendorRequest, deadline: float) -> bool:
        # Safe to repeat, and nothing depends on whether a lost reply meant yes: so it is sent like a read.
        harmless = msgspec.structs.replace(request, effect=False)
        try:
            await self._deliver(line, harmless, deadline)
        except VendorRefused as refused:
            if refused.refusal.kind != "duplicate":
                _log.warning(
                    "%s cannot be prepared: %s is refused",
                    line.connection.name,
                    request.route,
                    extra={"connection": line.connection.name, "kind": refused.refusal.kind},
                )
            return False
        return True
