"""Facts about accounts that mappings need and records do not hold: fetched together, kept for ten minutes. What custom
fields can hold is among them, where a connection has such fields, so that a write can be judged by it.

Facts that have grown old are still given out while newer ones are fetched; a fact that the vendor refuses to tell (the
credential lacks a scope) is left to the vendor's documented default.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from app.errors import Problem, VendorTimeout
from app.vendors.connection_state import LiveConnection
from app.vendors.field_choices import Deliver, FieldSettings, ask_definitions, with_choices
from app.vendors.models import VendorRefused
from app.vendors.single_flight import SingleFlight
from canonical.parts import ObjectName
from mappings.http import VendorReply
from mappings.spec import Pages, Unmappable

_log = logging.getLogger("lockstitch.outbound")


class Facts(Struct, frozen=True, kw_only=True):
    """The vendor's account Struct, when it was asked for, and the answers that tell what custom fields can hold."""

    account: Any
    asked: float  # on the clock of time.monotonic, as renew_at
    renew_at: float
    definitions: Mapping[ObjectName, Pages] = {}


class Accounts:
    """The accounts of all connections, one fetch at a time for each."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._known: dict[str, Facts] = {}
        self._fetches = SingleFlight(self._renew, "account")

    async def get(self, line: LiveConnection, deadline: float, max_age: float | None = None) -> Any:
        """The vendor's account Struct, at most so many seconds old where that is given. Raises the vendor's problems
        while nothing so young is known."""
        known = self._known.get(line.connection.name)
        if known is not None and (max_age is None or time.monotonic() - known.asked <= max_age):
            if time.monotonic() >= known.renew_at:
                self._fetches.begin(line)
            return known.account
        return (await self.renewed(line, deadline)).account

    async def renewed(self, line: LiveConnection, deadline: float) -> Facts:
        """The facts as they are now. Raises the vendor's problems."""
        try:
            return await self._fetches.wait(line, deadline)
        except TimeoutError:
            line.health.check(time.monotonic())  # where that is what the fetch waits for, it says so
            raise VendorTimeout(f"{line.connection.vendor.title} did not tell about the account in time.") from None

    async def close(self) -> None:
        """Stop fetching."""
        await self._fetches.close()

    async def _renew(self, line: LiveConnection) -> Facts:
        """Where it fails, what is known stays and is asked about again a little later."""
        name = line.connection.name
        try:
            facts = await self._ask(line)
        except Exception:
            known = self._known.get(name)
            if known is not None:
                _log.warning("%s: facts about the account are old", name, exc_info=True)
                retry_at = time.monotonic() + line.patience.account_retry
                self._known[name] = msgspec.structs.replace(known, renew_at=retry_at)
            raise
        self._known[name] = facts
        return facts

    async def _ask(self, line: LiveConnection) -> Facts:
        vendor = line.connection.vendor
        asked = time.monotonic()
        deadline = asked + vendor.timeout_seconds * line.patience.attempts
        outcomes = await asyncio.gather(
            *(self._deliver(line, request, deadline) for request in vendor.account_requests), return_exceptions=True
        )
        failed: list[Problem] = []
        replies: list[VendorReply | None] = []
        for request, outcome in zip(vendor.account_requests, outcomes, strict=True):
            if isinstance(outcome, VendorReply):
                replies.append(outcome)
                continue
            if not isinstance(outcome, Problem | VendorRefused):
                raise outcome
            _log.warning("%s does not tell %s", line.connection.name, request.route, exc_info=outcome)
            replies.append(None)
            if isinstance(outcome, Problem):
                failed.append(outcome)
        if failed and not any(replies):
            raise failed[0]
        account = self._build(line, tuple(replies), line.custom_fields)
        definitions, missing = await ask_definitions(self._deliver, line, deadline)
        settings = with_choices(line, account, definitions)
        age = line.patience.account_retry if failed or missing else line.patience.account_age
        return Facts(
            account=account if settings == line.custom_fields else self._build(line, tuple(replies), settings),
            asked=asked,
            renew_at=time.monotonic() + age,
            definitions=definitions,
        )

    def _build(self, line: LiveConnection, replies: tuple[VendorReply | None, ...], settings: FieldSettings) -> Any:
        vendor = line.connection.vendor
        try:
            return vendor.build_account(replies, settings)
        except Unmappable as error:
            _log.warning(
                "%s: facts about the account cannot be read at %s", line.connection.name, error.path, exc_info=error
            )
            return vendor.build_account((None,) * len(replies), settings)
