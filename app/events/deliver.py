"""Delivering an Event to one target: one attempt, what it came to, and when the next one is due."""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from app.egress.models import NotPosted
from app.egress.poster import TargetPoster
from app.events.deps import EventDeps
from app.events.models import Delivery, DeliveryFailure, DeliveryPayload
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Exhausted, Finishing, Job, JobOutcome, JobPolicy, Permanent, Retry
from app.signatures import Secret, signed_headers
from app.telemetry.posting import count_delivery, count_disabled

# How often is tried is the ladder's affair, which an operator may change; one that is given up lets those behind it go
# on. The back-off is for failures of our own.
POLICY: Final = JobPolicy(max_attempts=50, base_seconds=5.0, cap_seconds=3600.0, dead_head="skip", attempt_seconds=60.0)
GONE: Final = 410
SLOW_DOWN: Final = (429, 502, 503, 504)
LONGEST_WAIT: Final = 86_400.0
JITTER: Final = 0.2
NO_KEY: Final = "no API key of its owner is valid any more"
# Its lane stands still until it is enabled; this is for a lane that somebody resumes by hand.
DISABLED_PAUSE: Final = 60.0

_log = logging.getLogger("lockstitch.events")
_decoder = msgspec.json.Decoder(DeliveryPayload)


class Sent(Struct, frozen=True, kw_only=True):
    """What one post came to. `reason` is the end of a sentence about the target, None where it accepted."""

    status: int | None
    reason: str | None
    retry_after: float | None = None


async def deliver(deps: EventDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """The handler of `deliver` jobs: make one attempt.

    Only 2xx is success. 410 ends the subscription. Anything else is tried again as the ladder says, or later where the
    target asks for it, also what the egress guard refuses: a name may lead elsewhere tomorrow. What its principal may
    not read (any more) is not delivered: a subscription is disabled, a callback given up.
    """
    consigned = _decoder.decode(job.payload)
    delivery = await deps.deliveries.open(consigned.delivery)
    if delivery is None:
        return Done()
    refused = _refusal(delivery, consigned.scopes)
    if refused is not None:
        return await _withhold(deps, job, delivery, refused)
    sent = await send(
        deps.poster,
        delivery.target_url,
        delivery.secrets,
        message_id=delivery.event,
        correlation_id=job.correlation_id,
        body=bytes(consigned.event),
    )
    if sent.status == GONE and delivery.subscription is not None:
        async with finishing() as transaction:
            await deps.subscriptions.delete(
                transaction, delivery.subscription, actor="lockstitch", because="the target answered 410"
            )
        _report(job, delivery, "dropped", status=GONE)
        return Done()
    if sent.reason is not None or sent.status is None:
        return await _try_again(deps, job, delivery, sent)
    async with finishing() as transaction:
        await deps.deliveries.succeed(transaction, delivery, status=sent.status)
    _report(job, delivery, "delivered", status=sent.status)
    return Done()


async def send(
    poster: TargetPoster,
    target_url: str,
    secrets: Sequence[Secret],
    *,
    message_id: str,
    correlation_id: str,
    body: bytes,
) -> Sent:
    """Sign as Standard Webhooks 1.0 has it, with this attempt's time, and post once. Never raises for the target."""
    signature = signed_headers(secrets, message_id=message_id, at=datetime.now(UTC), body=body)
    headers = {"content-type": "application/json", "x-correlation-id": correlation_id, **signature}
    try:
        reply = await poster.post(target_url, headers=headers, body=body)
    except NotPosted as failure:
        return Sent(status=None, reason=failure.why)
    if 200 <= reply.status < 300:
        return Sent(status=reply.status, reason=None)
    return Sent(status=reply.status, reason=f"answered {reply.status}", retry_after=reply.retry_after)


def seconds_until_next(ladder: Sequence[float], failures: int, asked: float | None) -> float:
    """How long to wait after so many failures: a step of the ladder and up to a fifth more, so that what failed
    together does not come back together; not less than the target asks for, up to a day."""
    step = ladder[min(failures, len(ladder)) - 1]
    jittered = step * (1.0 + JITTER * random.random())  # noqa: S311 - spreads load, guards nothing
    return max(jittered, min(asked or 0.0, LONGEST_WAIT))


def _refusal(delivery: Delivery, scopes: Sequence[str]) -> str | None:
    """Why the Event may not go to this principal, None where it may. An operation may be read with any scope of its
    object, so a callback of one's own write as well."""
    if not delivery.held:
        return NO_KEY
    enough = delivery.held
    if delivery.subscription is None:
        enough |= {scope.replace(":write", ":read") for scope in delivery.held}
    lacking = [scope for scope in scopes if scope not in enough]
    return f"no valid API key of its owner has the scope {' and '.join(lacking)}" if lacking else None


async def _withhold(deps: EventDeps, job: Job, delivery: Delivery, refused: str) -> JobOutcome:
    """A callback is given up; a subscription is disabled, and its Events wait."""
    if delivery.subscription is None:
        return await _give_up(deps, job, delivery, refused)
    if await deps.deliveries.disable(delivery.subscription, refused):
        count_disabled()
    return Deferred(reason=refused, after=DISABLED_PAUSE)


async def _try_again(deps: EventDeps, job: Job, delivery: Delivery, sent: Sent) -> JobOutcome:
    failures = job.attempt - job.deferred
    reason = f"the target {sent.reason}"
    failure = DeliveryFailure(
        status=sent.status,
        reason=reason,
        final=failures > len(deps.delivery_ladder),
        unresponsive=sent.status is None or sent.status in SLOW_DOWN,
        retry_after=None if sent.retry_after is None else min(sent.retry_after, LONGEST_WAIT),
    )
    if await deps.deliveries.fail(job, delivery, failure, disable_after=sum(deps.delivery_ladder)):
        count_disabled()
    _report(job, delivery, "given up" if failure.final else "failed", status=failure.status, reason=failure.reason)
    if failure.final:
        return Exhausted(reason=reason)
    return Retry(reason=reason, after=seconds_until_next(deps.delivery_ladder, failures, sent.retry_after))


async def _give_up(deps: EventDeps, job: Job, delivery: Delivery, reason: str) -> JobOutcome:
    failure = DeliveryFailure(status=None, reason=reason, final=True, unresponsive=False, retry_after=None)
    await deps.deliveries.fail(job, delivery, failure, disable_after=sum(deps.delivery_ladder))
    _report(job, delivery, "given up", reason=reason)
    return Permanent(reason=reason)


def _report(
    job: Job, delivery: Delivery, outcome: str, *, status: int | None = None, reason: str | None = None
) -> None:
    """Count and log one attempt. The target's URL is left out because it works like a password."""
    count_delivery(outcome)
    facts = {
        "delivery": delivery.id,
        "event": delivery.event,
        "subscription": delivery.subscription,
        "attempt": job.attempt,
        "outcome": outcome,
        "status": status,
        "code": reason,
        "correlation_id": job.correlation_id,
    }
    _log.log(logging.INFO if outcome == "delivered" else logging.WARNING, "a delivery: %s", outcome, extra=facts)


DELIVER: Final = JobKind(
    name="deliver", policy=POLICY, bind=lambda dependencies: partial(deliver, dependencies.of(EventDeps))
)
KINDS: Final = (DELIVER,)
