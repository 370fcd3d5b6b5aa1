"""Account facts: data about an account that mappings need and records do not contain. Kept for ten minutes.

They are fetched for the object that needs them, and shared by all processes in the database. They include the choices
of custom enum fields, if the object has any. Old facts are used while newer ones are fetched. For a fact that the
vendor refuses (the credential lacks a scope), the documented default applies.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Struct

from app import telemetry
from app.credentials.secrets import NoSecret
from app.errors import VendorTimeout
from app.problem_document import Problem
from app.queue.pauses import PostgresPauses
from app.vendors.connection_state import LiveConnection
from app.vendors.fact_store import PostgresAccountFacts, StoredFact
from app.vendors.field_choices import Deliver, FieldSettings, definitions_of, pages_of, with_choices
from app.vendors.health import wrong_account
from app.vendors.models import VendorRefused
from app.vendors.single_flight import SingleFlight
from app.vendors.store import PostgresBoundAccounts, text_of_marks
from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.manifest import AccountMarks, Pages
from mappings.spec import Unmappable

_log = logging.getLogger("lockstitch.outbound")
# Processes renew their facts at different times, so that one of them asks, and the others find what it kept.
EARLIEST_RENEWAL: Final = 0.8
REFUSED: Final = 403
YOUNG_SHARE: Final = 0.4
"""A renewal asks for replies that are older than this share of the age at which facts are renewed."""


class Facts(Struct, frozen=True, kw_only=True):
    """The vendor's account Struct, when its oldest reply was requested, and the replies with the choices of custom
    fields."""

    account: Any
    asked_at: float  # on the clock of time.monotonic, like renew_at
    renew_at: float
    definitions: Mapping[ObjectName, Pages] = {}


class _Reply(Struct, frozen=True, kw_only=True):
    """The pages of one reply, None if the vendor refused the request, and when and with what it was requested."""

    pages: Pages | None
    asked_at: float
    credential: tuple[str, str] | None


def _header_of(live: LiveConnection) -> tuple[str, str] | None:
    """Return the header with the credential, or None while the vault lacks it: then nothing is sent."""
    try:
        return live.credential.header
    except NoSecret:
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
    """The account facts of all connections, with one fetch at a time for each request."""

    def __init__(
        self,
        deliver: Deliver,
        bound: PostgresBoundAccounts | None = None,
        pauses: PostgresPauses | None = None,
        shared: PostgresAccountFacts | None = None,
    ) -> None:
        """`bound` are the accounts that connections stay with, `pauses` those of the installation, `shared` the facts
        of all processes."""
        self._deliver = deliver
        self._bound = bound
        self._pauses = pauses
        self._shared = shared
        self._known: dict[tuple[str, ObjectName | None], Facts] = {}
        self._replies: dict[tuple[str, VendorRequest], _Reply] = {}
        # The credential whose account was checked last.
        self._credentials: dict[str, tuple[str, str] | None] = {}
        self._renewals = SingleFlight(self._renew, "account")
        self._fetches = SingleFlight(self._fetch, "account fact")

    async def get(
        self, live: LiveConnection, deadline: float, object_name: ObjectName | None = None, max_age: float | None = None
    ) -> Any:
        """Return the vendor's account Struct with what an object needs, or with all facts. They are at most `max_age`
        seconds old if given. Raises the vendor's problems if none is that young."""
        known = None if self._is_new(live) else self._known.get((live.connection.name, object_name))
        if known is not None and (max_age is None or time.monotonic() - known.asked_at <= max_age):
            if time.monotonic() >= known.renew_at:
                self._renewals.begin(live, object_name, live.patience.account_age * YOUNG_SHARE)
            return known.account
        age = live.patience.account_age if max_age is None else max_age
        return (await self.renewed(live, deadline, object_name, age)).account

    async def fact(self, live: LiveConnection, request: VendorRequest, deadline: float) -> VendorReply:
        """Return the known reply to one of the account requests, with status 403 if the vendor refuses it. Raises its
        problems."""
        age = live.patience.account_age
        reply = self._known_reply(live, request, age)
        if reply is None:
            began = time.monotonic()
            await self._share(live, (request,), age)
            reply = await self._reply(live, request, age, deadline)
            await self._keep(live, {request: reply}, began)
            self._forget_built(live.connection.name)
        return _first(reply) or VendorReply(status=REFUSED, headers={}, body=b"")

    async def bind_by_credential(self, live: LiveConnection) -> None:
        """Bind a connection to what its credential says without a call, before a webhook of another account can. Raises
        StoreUnavailable."""
        marks = live.connection.vendor.identity.credential
        if marks is not None and self._bound is not None:
            with suppress(NoSecret):
                await self._bound.bind_or_match(live.connection.name, marks(live.credential.header[1]))

    async def check(self, live: LiveConnection, deadline: float) -> None:
        """Check which account a new credential opens, before anything is written with it. Raises like `get`, and
        ConnectionPaused for another account."""
        if self._is_new(live):
            await self.renewed(live, deadline, "comment", live.patience.account_age)

    def _is_new(self, live: LiveConnection) -> bool:
        """Return whether the account of the present credential was not checked yet."""
        return self._bound is not None and self._credentials.get(live.connection.name) != _header_of(live)

    async def renewed(
        self, live: LiveConnection, deadline: float, object_name: ObjectName | None = None, max_age: float = 0.0
    ) -> Facts:
        """Fetch the facts that are older than `max_age` seconds. Raises the vendor's problems."""
        try:
            return await self._renewals.wait(live, deadline, object_name, max_age)
        except TimeoutError:
            live.health.check(time.monotonic())  # raises the better problem if the connection is paused
            live.health.circuits["reads"].check()
            raise VendorTimeout(f"{live.connection.vendor.title} did not send the account facts in time.") from None

    async def close(self) -> None:
        """Stop fetching."""
        await self._renewals.close()
        await self._fetches.close()

    def _forget_built(self, name: str) -> None:
        """Build the account Structs of a connection again, with the replies that came meanwhile."""
        for key in [key for key in self._known if key[0] == name]:
            del self._known[key]

    async def _renew(self, live: LiveConnection, object_name: ObjectName | None, max_age: float) -> Facts:
        """Build the facts anew. If that fails, keep the known ones and retry soon."""
        key, credential, began = (live.connection.name, object_name), _header_of(live), time.monotonic()
        try:
            with telemetry.discovery_span(live.connection.vendor.name):
                facts = await self._ask(live, object_name, max_age)
        except Exception:
            known = self._known.get(key)
            if known is not None:
                _log.warning("%s: account facts are outdated", live.connection.name, exc_info=True)
                retry_at = time.monotonic() + live.patience.account_retry
                self._known[key] = msgspec.structs.replace(known, renew_at=retry_at)
            raise
        if any(reply.asked_at >= began for (name, _), reply in self._replies.items() if name == live.connection.name):
            self._forget_built(live.connection.name)
        self._known[key] = facts
        self._credentials[live.connection.name] = credential
        return facts

    async def _ask(self, live: LiveConnection, object_name: ObjectName | None, max_age: float) -> Facts:
        vendor, began = live.connection.vendor, time.monotonic()
        deadline = began + vendor.timeout_seconds * live.patience.attempts
        identity = () if vendor.identity.request is None else (vendor.identity.request,)
        own, definitions = (*_needed(live, object_name), *identity), definitions_of(live, object_name)
        await self._share(live, (*own, *definitions.values()), max_age)
        own_replies, failed = await self._replies_to(live, own, max_age, deadline)
        if failed and not any(reply.pages for reply in own_replies.values()):
            raise failed[0]
        # An outdated reply is nearer to the truth than the documented default.
        replies = tuple(
            _first(own_replies.get(one) or self._known_reply(live, one, math.inf))
            for one in (*vendor.account_requests, *identity)
        )
        await self._check_account(live, replies)
        replies = replies[: len(vendor.account_requests)]
        account = self._build(live, replies, live.custom_fields)
        defined, missing = await self._replies_to(live, tuple(definitions.values()), max_age, deadline)
        latest = {
            one: defined.get(request) or self._known_reply(live, request, math.inf)
            for one, request in definitions.items()
        }
        pages = {one: reply.pages or () for one, reply in latest.items() if reply is not None}
        settings = with_choices(live, account, pages, object_name)
        known = own_replies | defined
        await self._keep(live, known, began)
        oldest = min((reply.asked_at for reply in known.values()), default=began)
        age = live.patience.account_age * random.uniform(EARLIEST_RENEWAL, 1.0)  # noqa: S311 - spreads load
        return Facts(
            account=account if settings == live.custom_fields else self._build(live, replies, settings),
            asked_at=oldest,
            renew_at=time.monotonic() + live.patience.account_retry if failed or missing else oldest + age,
            definitions=pages,
        )

    async def _replies_to(
        self, live: LiveConnection, requests: tuple[VendorRequest, ...], max_age: float, deadline: float
    ) -> tuple[dict[VendorRequest, _Reply], list[Problem]]:
        """Return the known replies, ask for the others, and return the problems of those that failed."""
        outcomes = await asyncio.gather(
            *(self._reply(live, request, max_age, deadline) for request in requests), return_exceptions=True
        )
        replies: dict[VendorRequest, _Reply] = {}
        failed: list[Problem] = []
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(outcome, _Reply):
                replies[request] = outcome
                continue
            if not isinstance(outcome, Problem | Unmappable):
                raise outcome
            _log.warning("%s did not answer %s", live.connection.name, request.route, exc_info=outcome)
            if isinstance(outcome, Problem):
                failed.append(outcome)
        return replies, failed

    async def _share(self, live: LiveConnection, requests: tuple[VendorRequest, ...], max_age: float) -> None:
        """Take over what other processes have fetched."""
        missing = [one for one in requests if self._known_reply(live, one, max_age) is None]
        header = _header_of(live)
        if self._shared is None or header is None or not missing or max_age <= 0:
            return
        stored = await self._shared.load(live.connection.name, live.base_url, header[1], missing)
        now = time.monotonic()
        for request, fact in stored.items():
            if fact.age <= max_age:
                reply = _Reply(pages=fact.pages, asked_at=now - fact.age, credential=header)
                self._replies[live.connection.name, request] = reply

    async def _keep(self, live: LiveConnection, fetched: Mapping[VendorRequest, _Reply], began: float) -> None:
        """Share what this process has fetched."""
        now, header = time.monotonic(), _header_of(live)
        fresh = {
            request: StoredFact(pages=reply.pages, age=now - reply.asked_at)
            for request, reply in fetched.items()
            if reply.asked_at >= began and reply.credential == header
        }
        if self._shared is not None and header is not None and fresh:
            await self._shared.keep(live.connection.name, live.base_url, header[1], fresh)

    def _known_reply(self, live: LiveConnection, request: VendorRequest, max_age: float) -> _Reply | None:
        reply = self._replies.get((live.connection.name, request))
        if reply is None or reply.credential != _header_of(live) or time.monotonic() - reply.asked_at > max_age:
            return None
        return reply

    async def _reply(self, live: LiveConnection, request: VendorRequest, max_age: float, deadline: float) -> _Reply:
        """Return the known reply, or ask. Raises the vendor's problems."""
        known = self._known_reply(live, request, max_age) if max_age > 0 else None
        return known or await self._fetches.wait(live, deadline, request)

    async def _fetch(self, live: LiveConnection, request: VendorRequest) -> _Reply:
        vendor, began, credential = live.connection.vendor, time.monotonic(), _header_of(live)
        deadline = began + vendor.timeout_seconds * live.patience.attempts
        pages: Pages | None
        if vendor.choices is not None and request in vendor.choices.definitions.values():
            pages = await pages_of(self._deliver, live, vendor.choices, request, deadline)
        else:
            try:
                pages = (await self._deliver(live, request, deadline),)
            except VendorRefused as refused:
                _log.warning("%s refuses %s", live.connection.name, request.route, exc_info=refused)
                pages = None
        reply = _Reply(pages=pages, asked_at=began, credential=credential)
        self._replies[live.connection.name, request] = reply
        return reply

    async def _check_account(self, live: LiveConnection, replies: tuple[VendorReply | None, ...]) -> None:
        """Pause a connection that opens another account than the one that it first met. Raises ConnectionPaused."""
        name, marks = live.connection.name, marks_of(live, replies)
        if self._bound is None or await self._bound.bind_or_match(name, marks):
            return
        self._forget_built(name)
        note = f"it opens the account {text_of_marks(marks)}, and belongs to {text_of_marks(self._bound.of(name))}"
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


def _needed(live: LiveConnection, object_name: ObjectName | None) -> tuple[VendorRequest, ...]:
    """Return the account requests that an object needs, and those that show which account it is."""
    vendor = live.connection.vendor
    if object_name is None:
        return vendor.account_requests
    needed = vendor.account_needs.get(object_name, vendor.account_requests)
    return tuple(one for one in vendor.account_requests if one in needed or one in vendor.identity.shown_in)


def _first(reply: _Reply | None) -> VendorReply | None:
    return reply.pages[0] if reply is not None and reply.pages else None
