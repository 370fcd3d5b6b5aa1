"""Prepare an account before its first write with the vendor's `setup`, such as creating the property for the marker."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from app.errors import VendorTimeout
from app.vendors.connection_state import LiveConnection
from app.vendors.fact_store import PostgresAccountFacts, StoredFact
from app.vendors.field_choices import Deliver
from app.vendors.models import VendorRefused
from canonical.parts import ObjectName
from mappings.http import VendorRefusal, VendorRequest

Result = Literal["made", "present", "refused"]
"""What became of a request of the setup: `present` means that the account has it already."""
_log = logging.getLogger("lockstitch.outbound")


class AccountSetup:
    """Runs the setup once per connection and object. All its requests are safe to repeat. `shared` remembers what is
    there for all processes; a property that a person removes is found missing by `repair`."""

    def __init__(self, deliver: Deliver, shared: PostgresAccountFacts | None = None) -> None:
        self._deliver = deliver
        self._shared = shared
        self._ready: set[tuple[str, VendorRequest]] = set()
        self.prepared: Final[set[tuple[str, ObjectName | None]]] = set()
        """The connections, with the object, that this process knows as prepared."""
        self._locks: dict[str, asyncio.Lock] = {}

    async def prepare(self, live: LiveConnection, object_name: ObjectName | None, deadline: float) -> None:
        """Prepare the account for writes of an object, or of all, if no process has done so.

        A request that the vendor refuses is logged, and repeated only by a new process; writes that need it will fail
        with a reason. A temporary failure or a refused credential is raised as a problem of the write, of which nothing
        was sent.
        """
        name, vendor = live.connection.name, live.connection.vendor
        needed = vendor.setup if object_name is None else vendor.setup_of.get(object_name, vendor.setup)
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await lock.acquire()
        except TimeoutError:
            live.health.check(time.monotonic())
            raise VendorTimeout(f"{live.connection.vendor.title} was not set up in time.") from None
        try:
            missing = await self._missing(live, needed)
            if missing:
                results = await self._run(live, missing, object_name, deadline)
                await self._note(live, [request for request, result in results.items() if result != "refused"])
            self._ready |= {(name, request) for request in needed}
            self.prepared.add((name, object_name))
        finally:
            lock.release()

    async def repair(self, live: LiveConnection, refusal: VendorRefusal, deadline: float) -> bool:
        """Prepare again if a write was refused for a field that the setup creates. Return whether it created any."""
        setup = live.connection.vendor.setup
        concerned = any(
            f'"{field}"'.encode() in (request.body or b"") for request in setup for field, _ in refusal.fields
        )
        return concerned and "made" in (await self._run(live, setup, None, deadline)).values()

    async def _missing(self, live: LiveConnection, needed: tuple[VendorRequest, ...]) -> tuple[VendorRequest, ...]:
        """Return the requests that no process has sent lately."""
        name = live.connection.name
        missing = tuple(request for request in needed if (name, request) not in self._ready)
        if self._shared is None or not missing:
            return missing
        # Whatever credential did it, it is done.
        known = await self._shared.load(name, live.base_url, "", missing)
        return tuple(request for request in missing if request not in known)

    async def _note(self, live: LiveConnection, done: Sequence[VendorRequest]) -> None:
        if self._shared is not None and done:
            facts = {request: StoredFact(pages=(), age=0.0) for request in done}
            await self._shared.keep(live.connection.name, live.base_url, "", facts)

    async def _run(
        self, live: LiveConnection, requests: tuple[VendorRequest, ...], object_name: ObjectName | None, deadline: float
    ) -> Mapping[VendorRequest, Result]:
        vendor = live.connection.vendor
        at_once = None if object_name is None else vendor.setup_at_once.get(object_name)
        if at_once is not None and requests == vendor.setup_of[object_name or "customer"]:
            try:
                await self._send(live, at_once, deadline)
            except VendorRefused:
                pass  # one of them may exist: they are sent one by one
            else:
                return dict.fromkeys(requests, "made")
        return {request: await self._create(live, request, deadline) for request in requests}

    async def _create(self, live: LiveConnection, request: VendorRequest, deadline: float) -> Result:
        try:
            await self._send(live, request, deadline)
        except VendorRefused as refused:
            if refused.refusal.kind == "duplicate":
                return "present"
            _log.warning(
                "%s: the setup request %s is refused",
                live.connection.name,
                request.route,
                extra={"connection": live.connection.name, "kind": refused.refusal.kind},
            )
            return "refused"
        return "made"

    async def _send(self, live: LiveConnection, request: VendorRequest, deadline: float) -> None:
        # Safe to repeat, so it is sent like a read.
        await self._deliver(live, msgspec.structs.replace(request, effect=False), deadline)
