"""Account facts: data about an account that mappings need and records do not contain. Kept for ten minutes.

They include the choices of custom enum fields, if the connection has any. Old facts are used while newer ones are
fetched. For a fact that the vendor refuses (the credential lacks a scope), the documented default applies.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from app.credentials.secrets import NoSecret
from app.errors import VendorTimeout
from app.problem_document import Problem
from app.queue.pauses import PostgresPauses
from app.vendors.connection_state import LiveConnection
from app.vendors.field_choices import Deliver, FieldSettings, ask_definitions, with_choices
from app.vendors.health import wrong_account
from app.vendors.models import VendorRefused
from app.vendors.single_flight import SingleFlight
from app.vendors.store import PostgresBoundAccounts, shown
from canonical.parts import ObjectName
from mappings.http import VendorReply
from mappings.spec import AccountMarks, Pages, Unmappable

_log = logging.getLogger("lockstitch.outbound")


class Facts(Struct, frozen=True, kw_only=True):
    """The vendor's account Struct, when it was requested, and the replies with the choices of custom fields."""

    account: Any
    asked: float  # on the clock of time.monotonic, like renew_at
    renew_at: float
    definitions: Mapping[ObjectName, Pages] = {}


def _header_of(live: LiveConnection) -> tuple[str, str] | None:
    """Return the header with the credential, or None while the vault lacks it: then nothing is sent."""
    with suppress(NoSecret):
        return live.credential.header
    return None


def marks_of(live: LiveConnection, replies: tuple[VendorReply | None, ...]) -> AccountMarks:
    """Return what tells the account apart. `replies` are those to the account requests, then to the identity's."""
    vendor = live.connection.vendor
    identity, facts = vendor.identity, replies[: len(vendor.account_requests)]
    marks: dict[str, str] = {}
    if identity.replies is not None:
        marks.update(identity.replies(facts))
    if identity.read is not None and (reply := replies[-1]) is not None:
        marks.update(identity.read(reply))
    if identity.credential is not None:
        marks.update(identity.credential(live.credential.header[1]))
    declared = (identity.replies, identity.read, identity.credential)
    if vendor.default_base_url is None and not any(declared):
        marks["host"] = live.address
    return marks


class Accounts:
    """The account facts of all connections, with one fetch at a time for each."""

    def __init__(
        self,
        deliver: Deliver,
        bound: PostgresBoundAccounts | None = None,
        pauses: PostgresPauses | None = None,
    ) -> None:
        """`bound` are the accounts that connections stay with, `pauses` those of the installation."""
        self._deliver = deliver
        self._bound = bound
        self._pauses = pauses
        self._known: dict[str, Facts] = {}
        # The credential that the known facts were read with.
        self._credentials: dict[str, tuple[str, str] | None] = {}
        self._fetches = SingleFlight(self._renew, "account")

    async def get(self, live: LiveConnection, deadline: float, max_age: float | None = None) -> Any:
        """Return the vendor's account Struct, at most `max_age` seconds old if given. Raises the vendor's problems if
        none is that young."""
        known = None if self._is_new(live) else self._known.get(live.connection.name)
        if known is not None and (max_age is None or time.monotonic() - known.asked <= max_age):
            if time.monotonic() >= known.renew_at:
                self._fetches.begin(live)
            return known.account
        return (await self.renewed(live, deadline)).account

    async def meet(self, live: LiveConnection) -> None:
        """Bind a connection to what its credential says without a call, before a webhook of another account can. Raises
        StoreUnavailable."""
        marks = live.connection.vendor.identity.credential
        if marks is not None and self._bound is not None:
            with suppress(NoSecret):
                await self._bound.meet(live.connection.name, marks(live.credential.header[1]))

    async def check(self, live: LiveConnection, deadline: float) -> None:
        """Check which account a new credential opens, before anything is written with it. Raises like `get`, and
        ConnectionPaused for another account."""
        if self._is_new(live):
            await self.renewed(live, deadline)

    def _is_new(self, live: LiveConnection) -> bool:
        """Return whether the account of the present credential was not checked yet."""
        return self._bound is not None and self._credentials.get(live.connection.name) != _header_of(live)

    async def renewed(self, live: LiveConnection, deadline: float) -> Facts:
        """Fetch the facts now. Raises the vendor's problems."""
        try:
            return await self._fetches.wait(live, deadline)
        except TimeoutError:
            live.health.check(time.monotonic())  # raises the better problem if the connection is paused
            raise VendorTimeout(f"{live.connection.vendor.title} did not send the account facts in time.") from None

    async def close(self) -> None:
        """Stop fetching."""
        await self._fetches.close()

    async def _renew(self, live: LiveConnection) -> Facts:
        """Fetch the facts. If that fails, keep the known ones and retry soon."""
        name, credential = live.connection.name, _header_of(live)
        try:
            facts = await self._ask(live)
        except Exception:
            known = self._known.get(name)
            if known is not None:
                _log.warning("%s: account facts are outdated", name, exc_info=True)
                retry_at = time.monotonic() + live.patience.account_retry
                self._known[name] = msgspec.structs.replace(known, renew_at=retry_at)
            raise
        self._known[name] = facts
        self._credentials[name] = credential
        return facts

    async def _ask(self, live: LiveConnection) -> Facts:
        vendor = live.connection.vendor
        asked = time.monotonic()
        deadline = asked + vendor.timeout_seconds * live.patience.attempts
        identifying = () if vendor.identity.request is None else (vendor.identity.request,)
        requests = (*vendor.account_requests, *identifying)
        outcomes = await asyncio.gather(
            *(self._deliver(live, request, deadline) for request in requests), return_exceptions=True
        )
        failed: list[Problem] = []
        replies: list[VendorReply | None] = []
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(outcome, VendorReply):
                replies.append(outcome)
                continue
            if not isinstance(outcome, Problem | VendorRefused):
                raise outcome
            _log.warning("%s refuses %s", live.connection.name, request.route, exc_info=outcome)
            replies.append(None)
            if isinstance(outcome, Problem):
                failed.append(outcome)
        if failed and not any(replies):
            raise failed[0]
        await self._check_account(live, tuple(replies))
        del replies[len(vendor.account_requests) :]
        account = self._build(live, tuple(replies), live.custom_fields)
        definitions, missing = await ask_definitions(self._deliver, live, deadline)
        settings = with_choices(live, account, definitions)
        age = live.patience.account_retry if failed or missing else live.patience.account_age
        return Facts(
            account=account if settings == live.custom_fields else self._build(live, tuple(replies), settings),
            asked=asked,
            renew_at=time.monotonic() + age,
            definitions=definitions,
        )

    async def _check_account(self, live: LiveConnection, replies: tuple[VendorReply | None, ...]) -> None:
        """Pause a connection that opens another account than the one that it first met. Raises ConnectionPaused."""
        name, seen = live.connection.name, marks_of(live, replies)
        if self._bound is None or await self._bound.meet(name, seen):
            return
        self._known.pop(name, None)
        note = f"it opens the account {shown(seen)}, and belongs to {shown(self._bound.of(name))}"
        if self._pauses is not None:
            await self._pauses.refuse(name, note, "account")
        raise wrong_account(name, note)

    def _build(self, live: LiveConnection, replies: tuple[VendorReply | None, ...], settings: FieldSettings) -> Any:
        vendor = live.connection.vendor
        try:
            return vendor.build_account(replies, settings)
        except Unmappable as error:
            _log.warning("%s: account facts cannot be read at %s", live.connection.name, error.path, exc_info=error)
            return vendor.build_account((None,) * len(replies), settings)
