"""The options of an account's fields, for drop-downs: fetched on demand and cached with their age.

Older lists are fetched again. If that fails, callers who set no `max_age` get the old ones with their age.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from app.errors import VendorTimeout
from app.problem_document import Problem
from app.vendors.accounts import Accounts
from app.vendors.connection_state import LiveConnection
from app.vendors.field_choices import Deliver, pages_of
from app.vendors.models import OptionLists
from app.vendors.single_flight import SingleFlight
from mappings.http import VendorRequest
from mappings.manifest import Choices, Pages

DEFAULT_AGE: Final = 600.0


class _Cached(Struct, frozen=True, kw_only=True):
    lists: OptionLists
    fetched: float  # when they were requested, on the clock of time.monotonic
    arrived: float  # when they arrived, on the same clock


class OptionCache:
    """The option lists of all connections, with one fetch at a time for each."""

    def __init__(self, deliver: Deliver, accounts: Accounts) -> None:
        self._deliver = deliver
        self._accounts = accounts
        self._cached: dict[str, _Cached] = {}
        self._fetches = SingleFlight(self._renew, "options")

    async def get(self, live: LiveConnection, deadline: float, max_age: float | None) -> OptionLists:
        """Return the lists, at most `max_age` seconds old if given, or those that arrived just now. Raises the vendor's
        problems, and Unmappable for an answer of another shape."""
        cached = self._cached.get(live.connection.name)
        now = time.monotonic()
        if cached is not None and now - cached.arrived < live.patience.options_rest:
            return cached.lists
        if cached is not None and now - cached.fetched <= (DEFAULT_AGE if max_age is None else max_age):
            return cached.lists
        try:
            return (await self._fetches.wait(live, deadline)).lists
        except TimeoutError:
            if cached is None or max_age is not None:
                live.health.check(time.monotonic())
                raise VendorTimeout(f"{live.connection.vendor.title} did not send its option lists in time.") from None
        except Problem:
            if cached is None or max_age is not None:
                raise
        return cached.lists

    async def close(self) -> None:
        """Stop fetching."""
        await self._fetches.close()

    async def _renew(self, live: LiveConnection) -> _Cached:
        vendor = live.connection.vendor
        deadline = time.monotonic() + vendor.timeout_seconds * live.patience.attempts
        asked_at, began = datetime.now(UTC), time.monotonic()
        facts = await self._accounts.renewed(live, deadline)
        lists: dict[Any, Any] = {}
        if vendor.choices is not None:
            requests = vendor.choices.requests(facts.account)
            known = {vendor.choices.definitions[one]: pages for one, pages in facts.definitions.items()}
            pages = await asyncio.gather(*(self._pages(live, vendor.choices, one, deadline, known) for one in requests))
            for object_name in {mapping.object for mapping in vendor.mappings}:
                lists[object_name] = vendor.choices.read(facts.account, object_name, tuple(pages))
        cached = _Cached(
            lists=OptionLists(by_object=lists, fetched_at=asked_at), fetched=began, arrived=time.monotonic()
        )
        self._cached[live.connection.name] = cached
        return cached

    async def _pages(
        self,
        live: LiveConnection,
        choices: Choices[Any],
        request: VendorRequest,
        deadline: float,
        known: Mapping[VendorRequest, Pages],
    ) -> Pages:
        if request in known:
            return known[request]
        return await pages_of(self._deliver, live, choices, request, deadline)
