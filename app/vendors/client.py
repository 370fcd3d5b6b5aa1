"""The one client for all vendors: authenticate, pace, send, classify, and retry if that is safe.

This is the only layer that retries. Reads, and effects whose repeat the vendor recognises, are sent up to three times.
Any other effect is sent again only if it certainly did not happen: there was no connection, or the vendor definitely
said "not now". Otherwise the caller gets ReplyLost and must find out.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec

from app.credentials.secrets import NoSecret
from app.credentials.tokens import Tokens
from app.egress.exchange import NoReply, NotSent, RequestSender
from app.errors import ConnectionPaused, VendorAuthFailed, VendorTimeout
from app.problem_document import Problem
from app.queue.models import Allowances
from app.queue.pauses import PostgresPauses
from app.telemetry import vendor_span
from app.telemetry.metrics import vendor_outcome, vendor_retries
from app.vendors.accounts import Accounts
from app.vendors.attempts import AttemptFailure, error_of, judge, no_reply, not_sent
from app.vendors.circuit import Traffic
from app.vendors.connection_state import AccountBudgets, LiveConnection
from app.vendors.fact_store import PostgresAccountFacts
from app.vendors.health import FIRST_THROTTLE, Admission
from app.vendors.models import Connection, LiveState, OptionLists, ReplyLost, VendorRefused
from app.vendors.observations import LiveObservation
from app.vendors.option_lists import OptionCache
from app.vendors.setup import AccountSetup
from app.vendors.store import PostgresBoundAccounts
from canonical.parts import ObjectName
from mappings.http import DEFAULT, VendorRefusal, VendorReply, VendorRequest

_log = logging.getLogger("lockstitch.outbound")

DOTS: Final = frozenset({".", ".."})
REFUSED: Final = "the vendor refuses the credential"
# A timeout below this share of the vendor's own timeout says nothing about the vendor.
FAIR_SHARE: Final = 0.5
TIMEOUTS: Final = ("timeout", "connect timeout")


class VendorClient:
    """The one client for all vendors. Open it with `open_client.open_vendor_client`."""

    def __init__(
        self,
        live_connections: Mapping[str, LiveConnection],
        wire: RequestSender,
        pauses: PostgresPauses | None = None,
        bound: PostgresBoundAccounts | None = None,
        shared: PostgresAccountFacts | None = None,
        budgets: AccountBudgets | None = None,
    ) -> None:
        self._live_connections = live_connections
        self._wire = wire
        self._pauses = pauses
        self._budgets = budgets
        self._accounts = Accounts(self._deliver, bound, pauses, shared)
        self._options = OptionCache(self._deliver, self._accounts)
        # Sent like reads, which may be repeated; but they count as writes for the circuit.
        self._setup = AccountSetup(partial(self._deliver, traffic="writes"), shared)

    async def meet_accounts(self) -> None:
        """Bind connections to the accounts that their credentials alone tell. Raises StoreUnavailable."""
        for live in self._live_connections.values():
            await self._accounts.bind_by_credential(live)

    async def close(self) -> None:
        """Stop background fetches, and let refreshes of tokens end."""
        await self._options.close()
        await self._accounts.close()
        if self._budgets is not None:
            await self._budgets.close()
        for live in self._live_connections.values():
            if isinstance(live.credential, Tokens):
                await live.credential.close()

    async def send(
        self,
        connection: Connection,
        request: VendorRequest,
        *,
        deadline: float,
        object_name: ObjectName | None = None,
    ) -> VendorReply:
        """Authenticate, pace, send, and retry where that is safe. `deadline` is on the clock of `time.monotonic`. The
        account is prepared for effects on this object, or on all. An account request is answered from the known facts,
        with status 403 if the vendor refuses it.

        Raises VendorRefused for a definite refusal, and ReplyLost if a request with an effect may have been carried
        out. The others are certain that nothing changed: VendorUnavailable, VendorTimeout, VendorThrottled,
        VendorAuthFailed, ConnectionPaused.
        """
        live = self._live_connections[connection.name]
        if request in live.connection.vendor.account_requests:
            return await self._accounts.fact(live, request, deadline)
        if request.effect:
            await self._accounts.check(live, deadline)
        if not request.effect or not live.connection.vendor.setup:
            return await self._deliver(live, request, deadline)
        if (connection.name, object_name) not in self._setup.prepared:
            await self._setup.prepare(live, object_name, deadline)
        try:
            return await self._deliver(live, request, deadline)
        except VendorRefused as refused:
            # Nothing was done. Somebody may have removed the property that the vendor complains about.
            if not await self._setup.repair(live, refused.refusal, deadline):
                raise
        return await self._deliver(live, request, deadline)

    async def set_up(self, connection: Connection, object_name: ObjectName, *, deadline: float) -> None:
        """Prepare the account for writes of an object, before a read that needs it. Raises like `send`."""
        live = self._live_connections[connection.name]
        if live.connection.vendor.setup and (connection.name, object_name) not in self._setup.prepared:
            await self._setup.prepare(live, object_name, deadline)

    async def account(
        self,
        connection: Connection,
        *,
        deadline: float,
        object_name: ObjectName | None = None,
        max_age: float | None = None,
    ) -> Any:
        """Return the facts about the account (its Struct) that an object needs, or all, cached for at most `max_age`
        seconds. Raises like `send`."""
        return await self._accounts.get(self._live_connections[connection.name], deadline, object_name, max_age)

    async def options(self, connection: Connection, *, deadline: float, max_age: float | None) -> OptionLists:
        """Return the options of fields at a called vendor, cached for at most `max_age` seconds.

        Raises like `send`, and Unmappable for a list of another shape than the vendor documents.
        """
        return await self._options.get(self._live_connections[connection.name], deadline, max_age)

    def is_test(self, connection: Connection) -> bool:
        """Return whether the credential of a connection says that its account is a test."""
        live = self._live_connections.get(connection.name)
        marks = None if live is None else live.connection.vendor.identity.credential
        if live is not None and marks is not None:
            with suppress(NoSecret):
                return marks(live.credential.header[1]).get("mode") == "test"
        return False

    def tokens(self, name: str) -> Tokens | None:
        """Return the tokens of a connection; None for one with a static credential, or that is not called."""
        live = self._live_connections.get(name)
        return live.credential if live is not None and isinstance(live.credential, Tokens) else None

    async def renew_due_tokens(self) -> None:
        """Renew the tokens that are due though nobody uses them, and pause connections whose grant has ended."""
        await asyncio.gather(*(self._renew_due_tokens(live) for live in self._live_connections.values()))

    async def _renew_due_tokens(self, live: LiveConnection) -> None:
        if not isinstance(live.credential, Tokens):
            return
        try:
            await live.credential.renew_if_due()
        except NoSecret as error:
            await self._refuse_credential(live, str(error))
        except Problem as error:
            _log.warning("%s: its tokens are not renewed yet: %s", live.connection.name, error.detail)

    def state(self, connection: Connection) -> LiveState | None:
        """Return the state of a connection, or None for one that never sends anything."""
        live = self._live_connections.get(connection.name)
        if live is None:
            return None
        state, seconds = live.current_state()
        tokens = self.tokens(connection.name)
        return LiveState(
            base_url=live.shown_url,
            unauthorised_seconds=seconds if state == "unauthorised" else None,
            scopes=None if tokens is None else tokens.scope_state(),
            refused=None if tokens is None else tokens.refused,
        )

    def observe(self) -> Mapping[str, LiveObservation]:
        """Return the throttles and failures of this process, by connection."""
        observations = {name: live.observation() for name, live in self._live_connections.items()}
        return {name: one for name, one in observations.items() if one is not None}

    def account_of_limit(self, connection: Connection) -> str | None:
        """Return the account whose rate limit applies to a connection, or None for one that never sends anything."""
        live = self._live_connections.get(connection.name)
        return None if live is None else live.budgets[DEFAULT].account

    def allowances(self) -> Allowances:
        """Return how many jobs may start, by connection and share, where the budget is short."""
        return {
            (name, share): allowance
            for name, live in self._live_connections.items()
            for share, allowance in live.allowances()
        }

    def keeps_back(self, connection: str, correlation_id: str) -> bool:
        """Return whether a request of this run waits in this process until it may be sent."""
        live = self._live_connections.get(connection)
        return live is not None and correlation_id in live.waiting_runs

    async def _deliver(
        self, live: LiveConnection, request: VendorRequest, deadline: float, *, traffic: Traffic | None = None
    ) -> VendorReply:
        """Attempt the request until one succeeds, no retry is allowed, or the deadline passes. Raises like `send`."""
        name = live.connection.name
        traffic = traffic or ("writes" if request.effect else "reads")
        if not DOTS.isdisjoint(request.path.split("/")):
            # Such an id would address another resource after the path is normalised (RFC 3986, section 5.2.4).
            raise VendorRefused(name, 404, VendorRefusal(kind="not_found", detail="no record can have this id"))
        lost: AttemptFailure | None = None
        attempts = 0
        try:
            while True:
                try:
                    outcome = await self._attempt(live, request, traffic, deadline, attempts)
                except NoSecret as error:
                    # The vault lacks the credential, or a person must authorise the connection.
                    await self._refuse_credential(live, str(error))
                    raise VendorAuthFailed(str(error)) from error
                if isinstance(outcome, VendorReply):
                    vendor_outcome(name, "success").inc()
                    return outcome
                attempts += 1
                if request.effect and outcome.maybe_done:
                    lost = lost or outcome
                if not await self._may_repeat(live, request, outcome, attempts, deadline):
                    raise error_of(outcome, live.connection)
                if request.effect and outcome.category == "auth":
                    await self._accounts.check(live, deadline)  # the new credential may open another account
                vendor_retries.labels(name, outcome.why).inc()
        except (Problem, VendorRefused) as error:
            category = error.refusal.category if isinstance(error, VendorRefused) else error.category
            vendor_outcome(name, "lost" if lost else category).inc()
            if lost is None:
                raise
            # A later failure, even a refusal, says nothing about the attempt without a reply.
            raise ReplyLost(name, lost.why) from error

    async def _attempt(
        self, live: LiveConnection, request: VendorRequest, traffic: Traffic, deadline: float, resend_count: int
    ) -> VendorReply | AttemptFailure:
        """Send the request once. Raises NoSecret, and problems of a request that was not sent."""
        admitted = await live.enter(request, traffic, deadline)
        try:
            vendor = live.connection.vendor
            seconds = min(vendor.timeout_seconds, deadline - time.monotonic())
            if seconds <= (live.patience.least_time if request.effect else 0.0):
                raise VendorTimeout(f"No time was left to ask {vendor.title}; nothing was sent.")
            if admitted.probes and live.health.current_state()[0] == "unauthorised":
                live.credential.renew()
            await live.credential.ready(deadline)
            credential = live.credential.header
            with vendor_span(
                connection=live.connection.name,
                vendor=vendor.name,
                method=request.method,
                route=request.route,
                base_url=live.base_url,
                resend_count=resend_count,
            ) as call:
                failure: AttemptFailure | None
                try:
                    reply = await self._wire.exchange(
                        live.base_url,
                        request,
                        live.headers(request, credential),
                        seconds=seconds,
                        limit=vendor.response_limit_bytes,
                    )
                except NotSent as error:
                    failure = not_sent(error)
                except NoReply as error:
                    failure = no_reply(error)
                else:
                    failure = judge(live.connection, reply, credential[1])
                    request_id = reply.headers.get(vendor.request_id_header) if vendor.request_id_header else None
                    call.answered(reply.status, failure.request_id if failure else request_id)
                    self._learn(live, reply)
                if failure is None:
                    await self._worked(live, admitted)
                else:
                    call.failed(failure.refusal.kind if failure.refusal else failure.why)
            if failure is None:
                live.credential.note_use("write" if request.effect else "read")
                await self._confirm_credential(live)
                return reply
            if failure.category == "auth" and await live.credential.renewed_since(credential, deadline):
                return msgspec.structs.replace(failure, repeatable=True)
            if failure.category == "auth" and live.credential.unreadable is not None and not _retries(live, admitted):
                raise _pause_for_secret(live)
            if failure.why not in TIMEOUTS or seconds >= vendor.timeout_seconds * FAIR_SHARE:
                await self._record_failure(live, failure, admitted)
            return failure
        finally:
            live.leave(admitted)

    async def _may_repeat(
        self, live: LiveConnection, request: VendorRequest, failure: AttemptFailure, attempts: int, deadline: float
    ) -> bool:
        """Return whether to try again, after any required wait."""
        patience = live.patience
        if not failure.repeatable or (request.effect and failure.maybe_done and not request.idempotent):
            return False
        if failure.category == "auth":
            return attempts < patience.attempts  # the credential was renewed
        if failure.category == "throttle":
            return attempts < patience.throttled_attempts  # admission waits, or raises if there is no time
        bound = min(patience.longest_pause, patience.first_pause * 2.0 ** (attempts - 1))
        pause = max(bound * random.random(), failure.retry_after or 0.0)  # noqa: S311 - full jitter, no secret
        if attempts >= patience.attempts or time.monotonic() + pause >= deadline:
            return False
        await asyncio.sleep(pause)
        return True

    async def _record_failure(self, live: LiveConnection, failure: AttemptFailure, admitted: Admission) -> None:
        if failure.category == "throttle":
            live.health.throttled(admitted, failure.retry_after)
            if self._pauses is not None:
                await self._pauses.throttle(live.connection.name, failure.why, failure.retry_after)
        elif failure.category == "auth":
            await self._refuse_credential(live, REFUSED, failure)
        elif failure.alive:
            await self._worked(live, admitted)
            await self._confirm_credential(live)
        else:
            was_throttled = admitted.probes and _is_throttled(live)
            live.health.failed(admitted)
            if was_throttled and self._pauses is not None:
                await self._pauses.probe_undecided(live.connection.name, FIRST_THROTTLE)

    async def _worked(self, live: LiveConnection, admitted: Admission) -> None:
        """Record that the vendor works, which ends a throttle in all processes if this was the probe."""
        was_throttled = admitted.probes and _is_throttled(live)
        live.health.worked(admitted)
        if was_throttled and self._pauses is not None:
            await self._pauses.throttle_ended(live.connection.name)

    async def _refuse_credential(self, live: LiveConnection, why: str, failure: AttemptFailure | None = None) -> None:
        """Pause the connection in all processes, until an operator resumes it."""
        facts = {
            "why": why,
            "credential": ", ".join(live.credential.named),
            "vendor_code": None if failure is None or failure.refusal is None else failure.refusal.code,
            "vendor_request_id": None if failure is None else failure.request_id,
        }
        live.health.unauthorised(recorded=False, facts=facts)  # other requests wait while the pause is recorded
        if self._pauses is not None and await self._pauses.refuse(live.connection.name, why):
            live.health.unauthorised(recorded=True)

    async def _confirm_credential(self, live: LiveConnection) -> None:
        """Record that the vendor accepted the credential, which ends the pause if an operator has resumed it."""
        pause = None if self._pauses is None else self._pauses.known.get(live.connection.name)
        if self._pauses is not None and pause is not None and not pause.until_resumed:
            await self._pauses.credential_accepted(live.connection.name)

    def _learn(self, live: LiveConnection, reply: VendorReply) -> None:
        try:
            budget = live.connection.vendor.budget(reply)
        except Exception as error:  # noqa: BLE001 - an odd header must not lose the reply
            _log.warning("%s: the rate limit cannot be read", live.connection.name, exc_info=error)
            return
        if budget is not None:
            live.budgets[DEFAULT].learn(budget)


def _retries(live: LiveConnection, admitted: Admission) -> bool:
    """Return whether the request was the first one after a pause for a refused credential."""
    return admitted.probes and live.health.current_state()[0] == "unauthorised"


def _pause_for_secret(live: LiveConnection) -> ConnectionPaused:
    """Pause this process alone, and return the problem of a former secret that is refused while the present one cannot
    be read: a file that is being replaced needs no person to resume. One that still cannot be read later does."""
    live.health.unauthorised(recorded=False, facts={"why": live.credential.unreadable})
    detail = f"{live.connection.vendor.title} refuses a former secret, and the present one cannot be read."
    return ConnectionPaused(detail, retry_after=live.health.current_state()[1], category="auth")


def _is_throttled(live: LiveConnection) -> bool:
    return live.health.current_state()[0] == "throttled"
