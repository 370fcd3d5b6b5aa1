"""The options of fields that an account has, for drop-downs: fetched when somebody asks, kept with their age.

Lists that are young enough for whoever asks, or came just now, are given out as they are. What has grown older is
fetched anew; where that fails, the old lists are given out with their age to whoever has not asked for younger ones.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from app.errors import Problem, VendorTimeout
from app.vendors.accounts import Accounts
from app.vendors.connection_state import LiveConnection
from app.vendors.field_choices import Deliver, pages_of
from app.vendors.models import OptionLists
from app.vendors.single_flight import SingleFlight
from mappings.http import VendorRequest
from mappings.spec import Choices, Pages

DEFAULT_AGE: Final = 600.0


class _Held(Struct, frozen=True, kw_only=True):
    lists: OptionLists
    fetched: float  # when they were asked for, on the clock of time.monotonic
    landed: float  # when they were there, on the same clock


class OptionCache:
    """The lists of all connections, one fetch at a time for each."""

    def __init__(self, deliver: Deliver, accounts: Accounts) -> None:
        self._deliver = deliver
        self._accounts = accounts
        self._held: dict[str, _Held] = {}
        self._fetches = SingleFlight(self._renew, "options")

    async def get(self, line: LiveConnection, deadline: float, max_age: float | None) -> OptionLists:
        """The lists, at most so many seconds old where that is given, or those that came just now. Raises the vendor's
        problems, and Unmappable for an answer of another shape."""
        held = self._held.get(line.connection.name)
        now = time.monotonic()
        if held is not None and now - held.landed < line.patience.options_rest:
            return held.lists
        if held is not None and now - held.fetched <= (DEFAULT_AGE if max_age is None else max_age):
            return held.lists
        try:
            return (await self._fetches.wait(line, deadline)).lists
        except TimeoutError:
            if held is None or max_age is not None:
                line.health.check(time.monotonic())
                raise VendorTimeout(f"{line.connection.vendor.title} did not tell its lists in time.") from None
        except Problem:
            if held is None or max_age is not None:
                raise
        return held.lists

    async def close(self) -> None:
        """Stop fetching."""
        await self._fetches.close()

    async def _renew(self, line: LiveConnection) -> _Held:
        vendor = line.connection.vendor
        deadline = time.monotonic() + vendor.timeout_seconds * line.patience.attempts
        asked_at, asked = datetime.now(UTC), time.monotonic()
        facts = await self._accounts.renewed(line, deadline)
        lists: dict[Any, Any] = {}
        if vendor.choices is not None:
            requests = vendor.choices.requests(facts.account)
            told_already = {vendor.choices.definitions[one]: pages for one, pages in facts.definitions.items()}
            pages = await asyncio.gather(
                *(self._pages(line, vendor.choices, one, deadline, told_already) for one in requests)
            )
            for object_name in {mapping.object for mapping in vendor.mappings}:
                lists[object_name] = vendor.choices.read(facts.account, object_name, tuple(pages))
        held = _Held(lists=OptionLists(by_object=lists, fetched_at=asked_at), fetched=asked, landed=time.monotonic())
        self._held[line.connection.name] = held
        return held

    async def _pages(
        self,
        line: LiveConnection,
        choices: Choices[Any],
        request: VendorRequest,
        deadline: float,
        known: Mapping[VendorRequest, Pages],
    ) -> Pages:
        if request in known:
            return known[request]
        return await pages_of(self._deliver, line, choices, request, deadline)
