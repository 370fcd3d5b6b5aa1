"""Deliver an Event to one target: one attempt, its outcome, and the time of the next one."""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec
from msgspec import Raw, Struct

from app.egress.poster import TargetPoster
from app.egress.targets import NotPosted
from app.events.deps import EventDeps
from app.events.models import JITTER, Delivery, DeliveryFailure, DeliveryPayload
from app.events.store.deliveries import fail
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Exhausted, Job, JobOutcome, JobPolicy, Permanent, Retry
from app.signatures import Secret, signed_headers
from app.telemetry.posting import count_delivery, count_disabled

# The retry ladder sets the attempts; this back-off applies only to internal failures. A delivery that exhausts the
# ladder does not block later ones.
POLICY: Final = JobPolicy(max_attempts=50, base_seconds=5.0, cap_seconds=3600.0, dead_head="skip", attempt_seconds=60.0)
GONE: Final = 410
REDIRECTS: Final = (301, 302, 303, 307, 308)
SLOW_DOWN: Final = (429, 502, 503, 504)
LONGEST_WAIT: Final = 86_400.0
NO_KEY: Final = "its owner has no valid API key"

_log = logging.getLogger("lockstitch.events")
_decoder = msgspec.json.Decoder(DeliveryPayload)


class Sent(Struct, frozen=True, kw_only=True):
    """The result of one post. `reason` completes "the target …"; None if the target accepted it."""

    status: int | None
    reason: str | None
    retry_after: float | None = None


async def deliver(deps: EventDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `deliver` job: make one attempt.

    Only 2xx is success. 410 removes the subscription. Anything else is retried by the ladder, or later if the target
    asks for it; also what the egress guard refuses, because a name may resolve differently tomorrow. If its principal
    may not read the Event, a subscription is disabled, and a callback is given up.
    """
    payload = _decoder.decode(job.payload)
    delivery = await deps.deliveries.open(job)
    if delivery is None:
        return Done()
    refused = _refusal(delivery, payload.scopes)
    if refused is not None:
        return await _withhold(deps, job, delivery, refused)
    body = payload.event if delivery.principal_scopes.issuperset(payload.scopes) else payload.withheld
    assert isinstance(body, Raw)  # noqa: S101 - only a callback passes without the scopes
    sent = await send(
        deps.poster,
        delivery.target_url,
        delivery.secrets,
        message_id=delivery.event,
        correlation_id=job.correlation_id,
        body=bytes(body),
    )
    finishing.answered()
    if sent.status == GONE and delivery.subscription is not None:
        async with finishing() as transaction:
            await deps.subscriptions.delete(
                transaction, delivery.subscription, actor="lockstitch", because="the target answered 410"
            )
        _report(job, delivery, "dropped", status=GONE)
        return Done()
    if sent.reason is not None or sent.status is None:
        return await _retry(deps, job, delivery, sent)
    await deps.deliveries.succeed(finishing, delivery, status=sent.status)
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
    """Sign the body as Standard Webhooks 1.0 with the current time, and post it once. Never raises for a failure of the
    target."""
    signature = signed_headers(secrets, message_id=message_id, at=datetime.now(UTC), body=body)
    headers = {"content-type": "application/json", "x-correlation-id": correlation_id, **signature}
    try:
        reply = await poster.post(target_url, headers=headers, body=body)
    except NotPosted as failure:
        return Sent(status=None, reason=failure.why)
    if 200 <= reply.status < 300:
        return Sent(status=reply.status, reason=None)
    what = " with a redirect, which is not followed" if reply.status in REDIRECTS else ""
    return Sent(status=reply.status, reason=f"answered {reply.status}{what}", retry_after=reply.retry_after)


def seconds_until_next(ladder: Sequence[float], failures: int, requested: float | None) -> float:
    """Return the seconds to wait after this many failures: a step of the ladder plus up to a fifth, so that deliveries
    that failed together do not retry together. At least what the target asks for, up to a day."""
    step = ladder[min(failures, len(ladder)) - 1]
    jittered = step * (1.0 + JITTER * random.random())  # noqa: S311 - spreads load, guards nothing
    return max(jittered, min(requested or 0.0, LONGEST_WAIT))


def _refusal(delivery: Delivery, scopes: Sequence[str]) -> str | None:
    """Return why the principal may not receive the Event, or None. A callback needs any scope of the operation's
    object, because it reports the principal's own write; without the read scope it gets no stored values."""
    if not delivery.principal_scopes:
        return NO_KEY
    enough = delivery.principal_scopes
    if delivery.subscription is None:
        enough |= {scope.replace(":write", ":read") for scope in delivery.principal_scopes}
    lacking = [scope for scope in scopes if scope not in enough]
    return f"no valid API key of its owner has the scope {' and '.join(lacking)}" if lacking else None


async def _withhold(deps: EventDeps, job: Job, delivery: Delivery, refused: str) -> JobOutcome:
    """Give up a callback, or disable a subscription whose Events then wait."""
    if delivery.subscription is None:
        return await _give_up(deps, job, delivery, refused)
    if await deps.deliveries.disable(delivery.subscription, refused):
        count_disabled()
    return Deferred(reason=refused, after=0.0)  # its lane is blocked until it is enabled


async def _retry(deps: EventDeps, job: Job, delivery: Delivery, sent: Sent) -> JobOutcome:
    failures = job.attempt - job.deferred
    reason = f"the target {sent.reason}"
    failure = DeliveryFailure(
        status=sent.status,
        reason=reason,
        final=failures > len(deps.delivery_ladder),
        unresponsive=sent.status is None or sent.status in SLOW_DOWN,
        retry_after=None if sent.retry_after is None else min(sent.retry_after, LONGEST_WAIT),
    )
    if failure.final:
        waits = await _record(deps, job, delivery, failure)
        _report(job, delivery, "failed" if waits else "given up", status=failure.status, reason=reason)
        return Deferred(reason=reason, after=0.0) if waits else Exhausted(reason=reason)
    _report(job, delivery, "failed", status=failure.status, reason=reason)
    # In the commit in which the job begins to wait: what ends the waits of a subscription that fails then finds it.
    record = partial(fail, job=job, delivery=delivery, failure=failure, disable_after=sum(deps.delivery_ladder))
    after = seconds_until_next(deps.delivery_ladder, failures, sent.retry_after)
    return Retry(reason=reason, after=after, record=record)


async def _give_up(deps: EventDeps, job: Job, delivery: Delivery, reason: str) -> JobOutcome:
    failure = DeliveryFailure(status=None, reason=reason, final=True, unresponsive=False, retry_after=None)
    await _record(deps, job, delivery, failure)
    _report(job, delivery, "given up", reason=reason)
    return Permanent(reason=reason)


async def _record(deps: EventDeps, job: Job, delivery: Delivery, failure: DeliveryFailure) -> bool:
    async with deps.database.transaction() as transaction:
        return await fail(transaction, job, delivery, failure, disable_after=sum(deps.delivery_ladder))


def _report(
    job: Job, delivery: Delivery, outcome: str, *, status: int | None = None, reason: str | None = None
) -> None:
    """Count and log one attempt, without the target's URL, which is often a secret."""
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
