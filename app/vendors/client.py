"""The one client for all vendors: authenticates, paces, sends, judges, and repeats what may be repeated.

This is the only layer that retries. A read, and an effect that the vendor itself recognises when it is repeated, is
sent up to three times. Any other effect is sent again only where it is certain that nothing was done: there was no
connection, or the vendor said a definite "not now". Where that is not certain the caller gets ReplyLost and finds out.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import msgspec

from app.egress.transport import NoReply, NotSent, Wire
from app.errors import Problem, VendorTimeout
from app.queue.pauses import PostgresPauses
from app.settings.environment import Settings
from app.settings.file import ConnectionSettings, SettingsError, resolve_secret
from app.telemetry import vendor_span
from app.telemetry.metrics import vendor_outcomes, vendor_retries
from app.vendors.accounts import Accounts
from app.vendors.attempts import AttemptFailure, error_of, judge, no_reply, not_sent
from app.vendors.circuit import Traffic
from app.vendors.connection_state import LiveConnection
from app.vendors.health import Admission, Patience
from app.vendors.models import CalledConnection, Connection, LiveState, OptionLists, ReplyLost, VendorRefused
from app.vendors.option_lists import OptionCache
from app.vendors.setup import AccountSetup
from mappings.http import VendorRefusal, VendorReply, VendorRequest
from mappings.registry import MANIFESTS, VENDORS, manifest_of
from mappings.spec import Vendor

_log = logging.getLogger("lockstitch.outbound")

DOTS: Final = (".", "..")
REFUSED: Final = "the vendor refuses the credential"
# A caller who waits for less than this share of the vendor's timeout learns nothing about the vendor.
FAIR_SHARE: Final = 0.5
TIMEOUTS: Final = ("timeout", "connect timeout")


class VendorClient:
    """The one client for all vendors. Open it with `open_vendor_client`."""

    def __init__(self, lines: Mapping[str, LiveConnection], wire: Wire, pauses: PostgresPauses | None = None) -> None:
        self._lines = lines
        self._wire = wire
        self._pauses = pauses
        self._accounts = Accounts(self._deliver)
        self._shelf = OptionCache(self._deliver, self._accounts)
        # Sent like reads, which may be repeated; what they show is how writes do.
        self._preparation = AccountSetup(partial(self._deliver, traffic="writes"))

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._shelf.close()
        await self._accounts.close()

    async def send(self, connection: Connection, request: VendorRequest, *, deadline: float) -> VendorReply:
        """Authenticate, pace, send, and retry where that is safe. `deadline` is on the clock of `time.monotonic`.

        Raises VendorRefused for a definite refusal, and ReplyLost if a request with an effect may have been carried
        out. The others are certain that nothing changed: VendorUnavailable, VendorTimeout, VendorThrottled,
        VendorAuthFailed, ConnectionPaused.
        """
        line = self._lines[connection.name]
        if not request.effect or not line.connection.vendor.setup:
            return await self._deliver(line, request, deadline)
        await self._preparation.prepare(line, deadline)
        try:
            return await self._deliver(line, request, deadline)
        except VendorRefused as refused:
            # Nothing was done, and what is complained about may be a part of the account that somebody removed.
            if not await self._preparation.repair(line, refused.refusal, deadline):
                raise
        return await self._deliver(line, request, deadline)

    async def account(self, connection: Connection, *, deadline: float, max_age: float | None = None) -> Any:
        """Return the facts about the account (its Struct), cached for at most `max_age` seconds. Raises like `send`."""
        return await self._accounts.get(self._lines[connection.name], deadline, max_age)

    async def options(self, connection: Connection, *, deadline: float, max_age: float | None) -> OptionLists:
        """Return the options of fields at a called vendor, cached for at most `max_age` seconds.

        Raises like `send`, and Unmappable for a list of another shape than the vendor documents.
        """
        return await self._shelf.get(self._lines[connection.name], deadline, max_age)

    def state(self, connection: Connection) -> LiveState | None:
        """Return the state of a connection, or None for one that never sends anything."""
        line = self._lines.get(connection.name)
        if line is None:
            return None
        state, seconds = line.standing()
        return LiveState(base_url=line.shown_url, state=state, seconds=seconds, failing=line.failing)

    async def _deliver(
        self, line: LiveConnection, request: VendorRequest, deadline: float, *, traffic: Traffic | None = None
    ) -> VendorReply:
        """Attempts until one succeeds, none may follow, or the time is over. Raises like `send`."""
        name = line.connection.name
        traffic = traffic or ("writes" if request.effect else "reads")
        if any(segment in DOTS for segment in request.path.split("/")):
            # Such an id would name another resource once the path is normalised (RFC 3986, section 5.2.4).
            raise VendorRefused(name, 404, VendorRefusal(kind="not_found", detail="there can be no such record"))
        lost: AttemptFailure | None = None
        attempts = 0
        try:
            while True:
                outcome = await self._attempt(line, request, traffic, deadline, attempts)
                if isinstance(outcome, VendorReply):
                    vendor_outcomes.labels(name, "success").inc()
                    return outcome
                attempts += 1
                if request.effect and outcome.maybe_done:
                    lost = lost or outcome
                if not await self._may_repeat(line, request, outcome, attempts, deadline):
                    raise error_of(outcome, line.connection)
                vendor_retries.labels(name, outcome.why).inc()
        except (Problem, VendorRefused) as error:
            category = error.refusal.category if isinstance(error, VendorRefused) else error.category
            vendor_outcomes.labels(name, "lost" if lost else category).inc()
            if lost is None:
                raise
            # What came later, a refusal too, does not tell what became of the attempt without a reply.
            raise ReplyLost(name, lost.why) from error

    async def _attempt(
        self, line: LiveConnection, request: VendorRequest, traffic: Traffic, deadline: float, resend_count: int
    ) -> VendorReply | AttemptFailure:
        async with line.admission(request, traffic, deadline) as admitted:
            vendor = line.connection.vendor
            seconds = min(vendor.timeout_seconds, deadline - time.monotonic())
            if seconds <= (line.patience.least_time if request.effect else 0.0):
                raise VendorTimeout(f"No time is left to ask {vendor.title}; nothing was sent.")
            if admitted.probes and line.health.standing()[0] == "unauthorised":
                line.credential.renew()
            with vendor_span(
                connection=line.connection.name,
                vendor=vendor.name,
                method=request.method,
                route=request.route,
                address=line.address,
                port=line.port,
                resend_count=resend_count,
            ) as call:
                failure: AttemptFailure | None
                credential = line.credential.header
                try:
                    reply = await self._wire.exchange(
                        line.base_url,
                        request,
                        line.headers(request),
                        seconds=seconds,
                        limit=vendor.response_limit_bytes,
                    )
                except NotSent as error:
                    failure = not_sent(error)
                except NoReply as error:
                    failure = no_reply(error)
                else:
                    failure = judge(line.connection, reply)
                    request_id = reply.headers.get(vendor.request_id_header) if vendor.request_id_header else None
                    call.answered(reply.status, failure.request_id if failure else request_id)
                    self._learn(line, reply)
                if failure is None:
                    line.health.worked(admitted)
                else:
                    call.failed(failure.refusal.kind if failure.refusal else failure.why)
            if failure is None:
                await self._prove(line)
                return reply
            if failure.category == "auth" and line.credential.renewed_since(credential):
                return msgspec.structs.replace(failure, repeatable=True)
            if failure.why not in TIMEOUTS or seconds >= vendor.timeout_seconds * FAIR_SHARE:
                await self._tell(line, failure, admitted)
            return failure

    async def _may_repeat(
        self, line: LiveConnection, request: VendorRequest, failure: AttemptFailure, attempts: int, deadline: float
    ) -> bool:
        """Whether to try again; waits as long as has to be waited before."""
        patience = line.patience
        if not failure.repeatable or (request.effect and failure.maybe_done and not request.idempotent):
            return False
        if failure.category == "auth":
            return attempts < patience.attempts  # somebody has renewed the credential
        if failure.category == "throttle":
            return attempts < patience.throttled_attempts  # admission waits, or says that there is no time
        bound = min(patience.longest_pause, patience.first_pause * 2.0 ** (attempts - 1))
        pause = max(bound * random.random(), failure.retry_after or 0.0)  # noqa: S311 - full jitter, no secret
        if attempts >= patience.attempts or time.monotonic() + pause >= deadline:
            return False
        await asyncio.sleep(pause)
        return True

    async def _tell(self, line: LiveConnection, failure: AttemptFailure, admitted: Admission) -> None:
        if failure.category == "throttle":
            line.health.throttled(admitted, failure.retry_after)
        elif failure.category == "auth":
            line.health.unauthorised(told=False)  # the others wait while it is written down
            if self._pauses is not None and await self._pauses.refuse(line.connection.name, REFUSED):
                line.health.unauthorised(told=True)
        elif failure.alive:
            line.health.worked(admitted)
            await self._prove(line)
        else:
            line.health.failed(admitted)

    async def _prove(self, line: LiveConnection) -> None:
        """The vendor has accepted the credential: the rest of its pause is over, if a person has resumed it."""
        pause = None if self._pauses is None else self._pauses.of(line.connection.name)
        if self._pauses is not None and pause is not None and not pause.held:
            await self._pauses.prove(line.connection.name)

    def _learn(self, line: LiveConnection, reply: VendorReply) -> None:
        try:
            budget = line.connection.vendor.budget(reply)
        except Exception as error:  # noqa: BLE001 - a strange header must not cost the reply
            _log.warning("%s: the rate limit cannot be read", line.connection.name, exc_info=error)
            return
        if budget is not None:
            line.pacer.learn(budget, time.monotonic())


@asynccontextmanager
async def open_vendor_client(
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
    patience: Patience | None = None,
    pauses: PostgresPauses | None = None,
) -> AsyncIterator[VendorClient]:
    """The client for every connection of the settings that is no mere intake, closed at the end of the block; `pauses`
    are those of the installation that it is part of.

    Raises SettingsError with every complaint at once: an unknown vendor, a missing address, a missing secret.
    """
    lines: dict[str, LiveConnection] = {}
    complaints = []
    for name, connection in settings.connections.items():
        if connection.vendor in MANIFESTS and not _is_called(connection):
            continue  # an intake: nothing is ever sent there
        try:
            lines[name] = _line(connection, environment, patience or Patience(), pauses)
        except SettingsError as error:
            complaints.append(str(error))
    if complaints:
        raise SettingsError("\n".join(complaints))
    wire = Wire()
    client = VendorClient(lines, wire, pauses)
    try:
        yield client
    finally:
        await client.close()
        await wire.close()


def _is_called(settings: ConnectionSettings) -> bool:
    manifest = manifest_of(settings.vendor, only_takes_webhooks=settings.only_takes_webhooks)
    return isinstance(manifest, Vendor)


def _line(
    settings: ConnectionSettings, environment: Mapping[str, str], patience: Patience, pauses: PostgresPauses | None
) -> LiveConnection:
    vendor = VENDORS.get(settings.vendor)
    if vendor is None:
        raise SettingsError(
            f"[connections.{settings.name}] vendor is {settings.vendor!r}: there are {', '.join(sorted(MANIFESTS))}."
        )
    return LiveConnection(
        CalledConnection(name=settings.name, vendor=vendor),
        settings,
        patience,
        lambda reference: resolve_secret(reference, environment),
        pauses,
    )
