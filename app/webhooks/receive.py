"""A webhook comes in: who sent it, what it tells, and how it is recorded. Nothing is done about it here.

signature → events → one transaction: receipts and jobs → answer
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct

from app import telemetry
from app.errors import BodyTooLarge, InvalidSignature, MethodNotAllowed, NotFound
from app.signatures import (
    VERIFIERS,
    HandshakeAnswer,
    ReceivedEvent,
    SignatureRefused,
    SignedRequest,
    events_of,
    handshake,
    verify,
)
from app.webhooks.group_commit import GroupCommit
from app.webhooks.invalid_signatures import InvalidSignatures
from app.webhooks.models import Arrival, NewReceipt
from app.webhooks.webhook_connections import WebhookConnection

MOST_EVENTS: Final = 1000
"""Events that one request may tell. HubSpot, the only vendor that sends several, sends a hundred at most."""

NO_CONNECTION: Final = "unknown"


class Received(Struct, frozen=True, kw_only=True):
    """How many events of a webhook were new, and how many were there already."""

    accepted: int
    """Number of new events that are recorded. Example: `1`"""
    duplicates: int
    """Number of events that were already recorded. Example: `0`"""


class WebhookReceiver:
    """The way in of one process."""

    def __init__(
        self,
        intakes: Mapping[str, WebhookConnection],
        gathering: GroupCommit,
        refused: InvalidSignatures,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._intakes = intakes
        self._gathering = gathering
        self._now = now
        self.refused = refused

    async def receive(self, connection: str, request: SignedRequest, correlation_id: str) -> Received | HandshakeAnswer:
        """Prove, record, and say how much of it was new; or answer a handshake.

        Raises InvalidSignature for any fault of the signature, NotFound for an unknown connection (after the same
        work), MethodNotAllowed, BodyTooLarge for more events than a vendor sends, and StoreUnavailable when nothing can
        be promised.
        """
        intake = self._intakes.get(connection)
        if intake is None:
            self._turn_away(request)
            raise NotFound("There is no connection of this name whose webhooks are taken.")
        scheme = intake.manifest.scheme
        greeting = handshake(scheme, request.method, request.headers, request.body, pending=intake.pending)
        if greeting is not None:
            return greeting
        if request.method != "POST":
            raise MethodNotAllowed(f"Webhooks of {connection} are sent with POST.", headers=(("Allow", "POST"),))
        self._prove(intake, request)
        events = events_of(scheme, request.headers, request.body)
        if len(events) > MOST_EVENTS:
            raise BodyTooLarge(f"The body tells of {len(events)} events; at most {MOST_EVENTS} are taken at once.")
        traceparent = telemetry.current_traceparent()
        arrivals = [_arrival(intake, event, correlation_id, traceparent) for event in events]
        accepted = await self._gathering.take(arrivals) if arrivals else 0
        telemetry.count_received(connection, accepted=accepted, duplicates=len(events) - accepted)
        return Received(accepted=accepted, duplicates=len(events) - accepted)

    def _prove(self, intake: WebhookConnection, request: SignedRequest) -> None:
        try:
            secret = verify(intake.manifest.scheme, request, intake.secrets, now=self._now())
        except SignatureRefused as refusal:
            self.refused.note(intake.connection, refusal.reason)
            raise InvalidSignature from None
        place = next(place for place, one in enumerate(intake.secrets, 1) if one is secret)
        telemetry.count_secret(intake.connection, place)

    def _turn_away(self, request: SignedRequest) -> None:
        """The work of a proof for nobody, in whichever scheme the request is signed."""
        telemetry.count_refused(NO_CONNECTION, "no-connection")
        for scheme in VERIFIERS:
            try:
                verify(scheme, request, (), now=self._now())
            except SignatureRefused as refusal:
                if refusal.reason == "no-secret":
                    return


def _arrival(intake: WebhookConnection, event: ReceivedEvent, correlation_id: str, traceparent: str | None) -> Arrival:
    return Arrival(
        receipt=NewReceipt(
            connection=intake.connection,
            dedupe_key=event.dedupe_key,
            topic=event.topic,
            remote_object=event.remote_object,
            remote_id=event.remote_id,
            occurred_at=event.occurred_at,
            payload=event.payload,
            digest=_digest(event.payload, intake.manifest.changing),
            correlation_id=correlation_id,
        ),
        order_key=_order_key(intake, event),
        traceparent=traceparent,
    )


def _order_key(intake: WebhookConnection, event: ReceivedEvent) -> str | None:
    """The record that it is about: what happens to one is worked on in order."""
    notice = intake.manifest.notice(event.topic, event.remote_object, event.remote_id, event.payload)
    if notice is not None:
        return f"{notice.object}:{notice.remote_id}"
    return f"{event.remote_object}:{event.remote_id}" if event.remote_object and event.remote_id else None


def _digest(payload: bytes, changing: frozenset[str]) -> bytes:
    """SHA-256 of what all copies of an event have in common."""
    if not changing:
        return hashlib.sha256(payload).digest()
    try:
        members = msgspec.json.decode(payload, type=dict[str, Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return hashlib.sha256(payload).digest()
    same = {name: value for name, value in members.items() if name not in changing}
    return hashlib.sha256(msgspec.json.encode(same, order="sorted")).digest()
