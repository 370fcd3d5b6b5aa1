"""Receive a webhook: verify its signature, then record it. A job processes it later.

signature → events → one transaction: receipts and jobs → answer
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct
from prometheus_client import Counter

from app import telemetry
from app.audit.refused_requests import RefusedRequests
from app.errors import BodyTooLarge, InvalidSignature, MethodNotAllowed, NotFound, StoreUnavailable, WrongAccount
from app.signatures import (
    HandshakeAnswer,
    ReceivedEvent,
    SignatureRefused,
    SignedRequest,
    events_of,
    handshake,
    verify,
)
from app.telemetry.metrics import registry
from app.vendors.refused_webhooks import WebhookStates
from app.vendors.store import PostgresBoundAccounts
from app.webhooks.models import Arrival, NewReceipt
from app.webhooks.store.receipts import GroupCommit
from app.webhooks.webhook_connections import WebhookConnection
from mappings.registry import schemes

MOST_EVENTS: Final = 1000
"""Events in one request. HubSpot, the only vendor that sends several, sends 100 at most."""

RECORD_SECONDS: Final = 11.0
"""How long a sender waits for the database, queues included: one statement, and the end of its connection."""

NO_CONNECTION: Final = "unknown"

# Labels are configured connections and fixed words.
_received = Counter(
    "lockstitch_webhooks_received",
    "Events in verified webhooks: accepted, or duplicates.",
    ("connection", "outcome"),
    registry=registry,
)
_refused = Counter(
    "lockstitch_webhooks_refused",
    "Webhooks with an invalid signature, by reason; `unknown` is an unknown connection.",
    ("connection", "reason"),
    registry=registry,
)
_secrets_used = Counter(
    "lockstitch_webhook_secrets_used",
    "Verified webhooks by the place of the matching secret in the configuration, counted from 1.",
    ("connection", "place"),
    registry=registry,
)


class Received(Struct, frozen=True, kw_only=True):
    """The number of new events in a webhook, and of duplicates."""

    accepted: int
    """Number of new events that are recorded. Example: `1`"""
    duplicates: int
    """Number of events that were already recorded. Example: `0`"""


class WebhookReceiver:
    """Receives the webhooks of all connections of this process."""

    def __init__(
        self,
        connections: Mapping[str, WebhookConnection],
        group_commit: GroupCommit,
        refusals: RefusedRequests,
        states: WebhookStates,
        bound: PostgresBoundAccounts,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connections = connections
        self._group_commit = group_commit
        self._now = now
        self._refusals = refusals
        self._states = states
        self._schemes = schemes()
        self._bound = bound

    async def receive(self, connection: str, request: SignedRequest, correlation_id: str) -> Received | HandshakeAnswer:
        """Verify and record a webhook, and return how many of its events were new; or answer a handshake.

        Raises InvalidSignature for any fault of the signature, NotFound for an unknown connection (after the same work,
        so that timing reveals nothing), WrongAccount, MethodNotAllowed, BodyTooLarge for more events than any vendor
        sends, and StoreUnavailable.
        """
        webhooks = self._connections.get(connection)
        if webhooks is None:
            self._refuse_unknown(request)
            raise NotFound("Unknown webhook connection.")
        scheme = webhooks.manifest.scheme
        greeting = handshake(scheme, request.method, request.headers, request.body, pending=webhooks.pending)
        if greeting is not None:
            return greeting
        if request.method != "POST":
            raise MethodNotAllowed(f"Webhooks of {connection} are sent with POST.", headers=(("Allow", "POST"),))
        self._verify(webhooks, request)
        events = events_of(scheme, request.headers, request.body)
        if len(events) > MOST_EVENTS:
            raise BodyTooLarge(f"The body has {len(events)} events; the limit is {MOST_EVENTS}.")
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                events = await self._of_account(webhooks, request, events)
                traceparent = telemetry.current_traceparent()
                arrivals = [_arrival(webhooks, event, correlation_id, traceparent) for event in events]
                accepted = await self._group_commit.run(arrivals) if arrivals else 0
        except TimeoutError:
            detail = f"The database did not answer within {RECORD_SECONDS:.0f} s."
            raise StoreUnavailable(detail, retry_after=1) from None
        duplicates = len(events) - accepted
        for outcome, number in (("accepted", accepted), ("duplicate", duplicates)):
            if number:
                _received.labels(connection, outcome).inc(number)
        return Received(accepted=accepted, duplicates=duplicates)

    async def _of_account(
        self, webhooks: WebhookConnection, request: SignedRequest, events: tuple[ReceivedEvent, ...]
    ) -> tuple[ReceivedEvent, ...]:
        """Return the events of the connection's own account. An app of several accounts signs for all of them with one
        secret. Raises WrongAccount if none is left, and StoreUnavailable."""
        account = webhooks.manifest.account
        if account is None or not events:
            return events
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers}
        own = []
        for event in events:
            if await self._bound.bind_or_match(webhooks.connection, account(headers, event.payload)):
                own.append(event)
            else:
                self._refuse(webhooks.connection, "account")
        if not own:
            raise WrongAccount("The webhook is from another account than the one of this connection.")
        return tuple(own)

    def _verify(self, webhooks: WebhookConnection, request: SignedRequest) -> None:
        named = [secret for read in webhooks.readers for secret in read()]
        try:
            secret = verify(webhooks.manifest.scheme, request, [one for one, _ in named], now=self._now())
        except SignatureRefused as refusal:
            self._refuse(webhooks.connection, refusal.reason)
            self._states.note_refused(webhooks.connection, refusal.reason)
            raise InvalidSignature from None
        self._states.note_verified(webhooks.connection)
        place, name = next((place, name) for place, (one, name) in enumerate(named, 1) if one is secret)
        webhooks.source.note_use(name, f"{webhooks.connection} webhook")
        _secrets_used.labels(webhooks.connection, str(place)).inc()

    def _refuse(self, connection: str, reason: str) -> None:
        _refused.labels(connection, reason).inc()
        self._refusals.note("webhook.refused", connection, reason)

    def _refuse_unknown(self, request: SignedRequest) -> None:
        """Do the work of a verification, so that the response time does not reveal whether a connection exists."""
        _refused.labels(NO_CONNECTION, "no-connection").inc()
        for scheme in self._schemes:
            try:
                verify(scheme, request, (), now=self._now())
            except SignatureRefused as refusal:
                if refusal.reason == "no-secret":
                    return


def _arrival(
    webhooks: WebhookConnection, event: ReceivedEvent, correlation_id: str, traceparent: str | None
) -> Arrival:
    return Arrival(
        receipt=NewReceipt(
            connection=webhooks.connection,
            dedupe_key=event.dedupe_key,
            topic=event.topic,
            remote_object=event.remote_object,
            remote_id=event.remote_id,
            occurred_at=event.occurred_at,
            payload=event.payload,
            digest=_digest(event.payload, webhooks.manifest.changing),
            correlation_id=correlation_id,
        ),
        order_key=_order_key(webhooks, event),
        traceparent=traceparent,
    )


def _order_key(webhooks: WebhookConnection, event: ReceivedEvent) -> str | None:
    """Return the record that an event concerns. Events of one record are processed in order."""
    notice = webhooks.manifest.notice(event.topic, event.remote_object, event.remote_id, event.payload)
    if notice is not None and notice.part is None:
        return f"{notice.object}:{notice.remote_id}"
    return f"{event.remote_object}:{event.remote_id}" if event.remote_object and event.remote_id else None


def _digest(payload: bytes, changing: frozenset[str]) -> bytes:
    """Return the SHA-256 of the members that all copies of an event share."""
    if not changing:
        return hashlib.sha256(payload).digest()
    try:
        members = msgspec.json.decode(payload, type=dict[str, Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return hashlib.sha256(payload).digest()
    same = {name: value for name, value in members.items() if name not in changing}
    return hashlib.sha256(msgspec.json.encode(same, order="sorted")).digest()
