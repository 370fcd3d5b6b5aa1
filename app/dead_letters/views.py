"""Dead letters as operators see them."""

import re
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from app.dead_letters.models import Attempt, AttemptOutcome
from app.queue.models import DeadLetter, DeadLetterState, DeathCategory
from app.telemetry.context import TRACE_ID

_NAMES: Final = re.compile(r"""\.([^.\[\]]+)|\[((?:"(?:[^"\\]|\\.)*",?)+)\]""")


# `failure` is nested, because tools treat a `reason` at the top level as a failure of the call.
class DeadLetterFailure(Struct, frozen=True, kw_only=True):
    """Why it failed: category, reason, path in the payload or the vendor's record, the vendor's name of that place, and
    the mapping that refused it."""

    category: DeathCategory
    reason: str
    path: str | None
    property: str | None
    mapping: str | None
    revision: int | None


class Decision(Struct, frozen=True, kw_only=True):
    """Who closed it, when, and why if a reason is required."""

    at: datetime
    by: str
    because: str | None


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """A dead letter without its payload. `record` is its order key; `holds_up`: later jobs of that record wait for a
    decision."""

    id: str
    state: DeadLetterState
    kind: str
    connection: str
    record: str | None
    holds_up: bool
    origin: str | None
    correlation_id: str
    attempts: int
    failure: DeadLetterFailure
    enqueued_at: datetime
    created_at: datetime
    decision: Decision | None


class AttemptView(Struct, frozen=True, kw_only=True):
    """One attempt at the job, including those before an earlier redrive. `trace_id` and `trace_url` are null for an
    attempt that was cut off."""

    number: int
    outcome: AttemptOutcome
    category: DeathCategory | None
    reason: str | None
    trace_id: str | None
    trace_url: str | None
    started_at: datetime
    ended_at: datetime


class NextStep(Struct, frozen=True, kw_only=True):
    """A call that can be made now, and the equivalent command."""

    action: Literal["activate", "inspect", "edit", "redrive", "redrive_all", "send_again", "discard"]
    method: Literal["GET", "POST"]
    path: str
    command: str
    advice: str


class DeadLetterDetail(DeadLetterView, frozen=True, kw_only=True):
    """A dead letter in full. `payload` is null if it cannot be shown; `payload_note` explains it."""

    job_id: int
    dedupe_key: str | None
    payload: Any
    payload_note: str | None
    editable: bool
    history: list[AttemptView]
    next_steps: list[NextStep]


def view_of(letter: DeadLetter) -> DeadLetterView:
    """Return the short view."""
    return DeadLetterView(**_short(letter))


def detail_of(
    letter: DeadLetter,
    attempts: list[AttemptView],
    *,
    payload: Any,
    payload_note: str | None,
    editable: bool,
    next_steps: list[NextStep],
) -> DeadLetterDetail:
    """Return the full view."""
    return DeadLetterDetail(
        **_short(letter),
        job_id=letter.job_id,
        dedupe_key=letter.dedupe_key,
        payload=payload,
        payload_note=payload_note,
        editable=editable,
        history=attempts,
        next_steps=next_steps,
    )


def property_of(letter: DeadLetter) -> str | None:
    """Return the vendor's name of what a mapping could not read: the last name of the path, or the column of an export
    row. None if the path has no name or no mapping refused it."""
    if letter.mapping is None or letter.path is None:
        return None
    named = _NAMES.findall(letter.path)
    if not named:
        return None
    name, columns = named[-1]
    return name or ", ".join(msgspec.json.decode(f"[{columns}]", type=list[str]))


def attempt_view_of(attempt: Attempt, trace_url: str) -> AttemptView:
    """Return the view of an attempt. `trace_url` is the template of trace URLs."""
    trace_id = None if attempt.traceparent is None else attempt.traceparent.split("-")[1]
    return AttemptView(
        number=attempt.number,
        outcome=attempt.outcome,
        category=attempt.category,
        reason=attempt.reason,
        trace_id=trace_id,
        trace_url=None if trace_id is None else trace_url.replace(TRACE_ID, trace_id),
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
    )


def _short(letter: DeadLetter) -> dict[str, Any]:
    decided = letter.closed_at is not None and letter.closed_by is not None
    return {
        "id": letter.id,
        "state": letter.state,
        "kind": letter.kind,
        "connection": letter.connection,
        "record": letter.order_key,
        "holds_up": letter.state == "open" and letter.dead_head == "block" and letter.order_key is not None,
        "origin": letter.origin,
        "correlation_id": letter.correlation_id,
        "attempts": letter.attempts,
        "failure": DeadLetterFailure(
            category=letter.category,
            reason=letter.reason,
            path=letter.path,
            property=property_of(letter),
            mapping=letter.mapping,
            revision=letter.revision,
        ),
        "enqueued_at": letter.enqueued_at,
        "created_at": letter.created_at,
        "decision": Decision(at=letter.closed_at, by=letter.closed_by, because=letter.closed_reason)  # type: ignore[arg-type]
        if decided
        else None,
    }
