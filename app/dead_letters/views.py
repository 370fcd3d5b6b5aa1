"""Dead letters as operators see them."""

import re
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from app.dead_letters.models import Attempt, AttemptOutcome
from app.queue.models import DeadLetter, DeadLetterState, DeathCategory
from app.settings.briefs import Responsible
from app.telemetry.context import url_of_trace

_NAMES: Final = re.compile(r"""\.([^.\[\]]+)|\[((?:"(?:[^"\\]|\\.)*",?)+)\]""")
_ROW: Final = re.compile(r"\$\.rows\[\d+\]")


# `failure` is nested, because tools treat a `reason` at the top level as a failure of the call.
class DeadLetterFailure(Struct, frozen=True, kw_only=True):
    """Why it failed: category, reason, path in the payload or the vendor's record, the vendor's name of that place, and
    the mapping that refused it."""

    category: DeathCategory
    """The kind of failure. `poison` ended its worker. Example: `"transient"`"""
    reason: str
    """The reason. Example: `"vendor-unavailable"`"""
    path: str | None
    """Place in the payload, or in the vendor's record. Example: `"$.properties.email"`"""
    property: str | None
    """The vendor's name of the missing or invalid property; for a row of an export, the column. Example: `"email"`"""
    mapping: str | None
    """The mapping that refused it. Example: `"hubspot.customer"`"""
    revision: int | None
    """Its revision. Example: `1`"""


class Decision(Struct, frozen=True, kw_only=True):
    """Who closed it, when, and why if a reason is required."""

    at: datetime
    """When it was decided. Example: `"2026-05-01T09:30:00Z"`"""
    by: str
    """Who decided. Example: `"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    because: str | None
    """Why it was discarded. Example: `"the customer was merged by hand"`"""


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """A dead letter without its payload. `record` is its order key; `holds_up`: later jobs of that record wait for a
    decision."""

    id: str
    """The dead letter's id. Example: `"dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    state: DeadLetterState
    """`open` until it is redriven or discarded. Example: `"open"`"""
    kind: str
    """The kind of work. Example: `"ingest"`"""
    connection: str
    """The connection of the work; `-` for none. Example: `"hubspot"`"""
    record: str | None
    """The record concerned. Jobs of one record run in order. Example: `"customer:1051"`"""
    holds_up: bool
    """Whether later work on the same record waits for your decision. Example: `false`"""
    origin: str | None
    """What caused the work: a receipt, an event, an operation. Example: `"in_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str
    """The run of the work. Example: `"orders-4711-1767225600000"`"""
    attempts: int
    """Number of attempts. Example: `8`"""
    failure: DeadLetterFailure
    """Why the work was given up."""
    enqueued_at: datetime
    """When the work was queued. Example: `"2026-05-01T09:30:00Z"`"""
    created_at: datetime
    """When the work was given up. Example: `"2026-05-01T09:30:00Z"`"""
    decision: Decision | None
    """The decision; null while it is open."""


class AttemptView(Struct, frozen=True, kw_only=True):
    """One attempt at the job, including those before an earlier redrive. `trace_id` and `trace_url` are null for an
    attempt that was cut off."""

    number: int
    """Number of the attempt, counted across redrives. Example: `1`"""
    outcome: AttemptOutcome
    """The outcome. `lost`: its worker died or was too slow. Example: `"retried"`"""
    category: DeathCategory | None
    """The kind of failure. `poison` ended its worker. Example: `"transient"`"""
    reason: str | None
    """The reason. Example: `"vendor-unavailable"`"""
    trace_id: str | None
    """The trace of the attempt. Example: `"4bf92f3577b34da6a3ce929d0e0e4736"`"""
    trace_url: str | None
    """URL of the trace; null if no trace store is configured. Example: `"http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736"`"""
    started_at: datetime
    """When it began. Example: `"2026-05-01T09:30:00Z"`"""
    ended_at: datetime
    """When it ended. Example: `"2026-05-01T09:30:00Z"`"""


class NextStep(Struct, frozen=True, kw_only=True):
    """A call that can be made now, and the equivalent command."""

    action: Literal["activate", "enable", "inspect", "edit", "redrive", "redrive_all", "send_again", "discard"]
    """The action. Example: `"redrive"`"""
    method: Literal["GET", "POST"]
    """The HTTP method. Example: `"POST"`"""
    path: str
    """The path. Example: `"/ops/dead-letters/dl_0198f0a2b7c47d3c9a51f2e80b6c4d17/redrive"`"""
    command: str
    """The same as a command. Example: `"lockstitch dead-letters redrive dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    advice: str
    """When to use it. Example: `"Redrive it when the other side works again."`"""


class DeadLetterDetail(DeadLetterView, frozen=True, kw_only=True):
    """A dead letter in full. `payload` is null if it cannot be shown; `payload_note` explains it."""

    decided_by: str | None
    """Who decided, by the name of their key; null while it is open. Example: `"nina"`"""
    job_id: int
    """The failed job. A redrive runs the same job. Example: `4711`"""
    dedupe_key: str | None
    """While a job with this key is queued, the same work is not queued again. Example: `"hubspot:1051"`"""
    payload: Any
    """The input of the work, with the receipt or event that it names; null if it cannot be shown. JSON stays JSON,
    other text is a string, other bytes are `base64`.
    Example: `{"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}`"""
    payload_note: str | None
    """A note about the payload, such as why it cannot be shown. Example: `null`"""
    editable: bool
    """Whether a redrive accepts another payload of the same form. Example: `true`"""
    history: list[AttemptView]
    """Every attempt, oldest first."""
    responsible: list[Responsible]
    """Who is responsible for the connection, by the briefs of integrations."""
    next_steps: list[NextStep]
    """Possible actions; empty once decided."""


def view_of(letter: DeadLetter) -> DeadLetterView:
    """Return the short view."""
    return DeadLetterView(**members_of(letter))


def property_of(letter: DeadLetter) -> str | None:
    """Return the vendor's name of what a mapping could not read: the last name of the path, or the column of an export
    row. None if the path has no name, as that of a whole row, or no mapping refused it."""
    if letter.mapping is None or letter.path is None or _ROW.fullmatch(letter.path):
        return None
    named = _NAMES.findall(letter.path)
    if not named:
        return None
    name, columns = named[-1]
    return name or ", ".join(msgspec.json.decode(f"[{columns}]", type=list[str]))


def attempt_view_of(attempt: Attempt, trace_url: str | None) -> AttemptView:
    """Return the view of an attempt. `trace_url` is the template of trace URLs."""
    trace_id = None if attempt.traceparent is None else attempt.traceparent.split("-")[1]
    url = None if trace_id is None else url_of_trace(trace_url, trace_id)
    members = {**msgspec.structs.asdict(attempt), "trace_id": trace_id, "trace_url": url}
    return msgspec.convert(members, AttemptView)


def members_of(letter: DeadLetter) -> dict[str, Any]:
    """Return the members of the short view."""
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
