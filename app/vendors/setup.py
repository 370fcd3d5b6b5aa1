"""Prepare an account before its first write with the vendor's `setup`, such as creating the property for the marker."""

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
    """Runs the setup once per process and connection. All its requests are safe to repeat."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._ready: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    async def prepare(self, live: LiveConnection, deadline: float) -> None:
        """Prepare the account, if this process has not done so.

        A request that the vendor refuses is logged and not repeated; writes that need it will fail with a reason. A
        temporary failure or a refused credential is raised as a problem of the write, of which nothing was sent.
        """
        name = live.connection.name
        if name in self._ready:
            return
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await lock.acquire()
        except TimeoutError:
            live.health.check(time.monotonic())
            raise VendorTimeout(f"{live.connection.vendor.title} was not set up in time.") from None
        try:
            if name not in self._ready:
                await self._run(live, deadline)
                self._ready.add(name)
        finally:
            lock.release()

    async def repair(self, live: LiveConnection, refusal: VendorRefusal, deadline: float) -> bool:
        """Prepare again if a write was refused for a field that the setup creates. Return whether it created any."""
        setup = live.connection.vendor.setup
        requests = [
            request
            for request in setup
            if any(f'"{field}"'.encode() in (request.body or b"") for field, _ in refusal.fields)
        ]
        return bool(requests) and await self._run(live, deadline)

    async def _run(self, live: LiveConnection, deadline: float) -> bool:
        made = False
        for request in live.connection.vendor.setup:
            made = await self._create(live, request, deadline) or made
        return made

    async def _create(self, live: LiveConnection, request: VendorRequest, deadline: float) -> bool:
        # Safe to repeat, so it is sent like a read.
        harmless = msgspec.structs.replace(request, effect=False)
        try:
            await self._deliver(live, harmless, deadline)
        except VendorRefused as refused:
            if refused.refusal.kind != "duplicate":
                _log.warning(
                    "%s: the setup request %s is refused",
                    live.connection.name,
                    request.route,
                    extra={"connection": live.connection.name, "kind": refused.refusal.kind},
                )
            return False
        return True
