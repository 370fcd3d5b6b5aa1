"""The steps of one run: what was called, what was done at vendors, and the outcomes."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from app.errors import InvalidField, NotFound
from app.http.cursors import SealedCursors
from app.http.plurals import counted
from app.identifiers import CORRELATION, what_else
from app.monitoring.models import FailurePosition, RunRecord, StoryKind, StoryPosition
from app.monitoring.store.runs import PostgresRuns
from app.redaction import without_people
from app.settings.briefs import Responsible
from app.telemetry import derive_trace_id
from app.telemetry.context import url_of_trace
from canonical.parts import Instant

MOST_DATA: Final = 4_000
_Facts = dict[str, Any]
REPEATED: Final = frozenset(
    {"operation.received", "operation.sent", "operation.succeeded", "operation.failed", "operation.unknown"}
    | {"event.appended", "receipt.received", "redrive.started", "redrive.finished", "redrive.cancelled"}
    | {"job.processed", "job.retried", "job.dead_lettered", "job.redriven", "job.discarded"}
    | {"delivery.failed", "delivery.dropped"}
)
"""Audit entries that say the same as another step of the run."""


ACTORS: Final = ("by", "actor", "subject")
"""Facts that may be the principal of a key."""


class RunStep(Struct, frozen=True, kw_only=True):
    """One step, as a sentence and as facts, which differ by kind."""

    at: datetime
    """When it happened or began. Example: `"2026-05-01T09:30:00Z"`"""
    kind: StoryKind
    """The kind of entry. Example: `"vendor_call"`"""
    sentence: str
    """A description in one sentence.
    Example: `"hubspot was asked POST /crm/v3/objects/contacts: 201 in 84 ms; their request id is
    0f1c7a9e-5b7e-4d0b."`"""
    facts: dict[str, Any]
    """Facts, which depend on the kind; without personal data. Example: `{"status": 201, "connection": "hubspot"}`"""


class RecentRun(Struct, frozen=True, kw_only=True):
    """A run in a list: its newest call. `id` is the position in the list."""

    correlation_id: str
    """The run. Example: `"orders-4711-1767225600000"`"""
    at: datetime
    """When the newest step was recorded. Example: `"2026-05-01T09:30:00Z"`"""
    id: int
    """The number of that step. Example: `4711`"""
    sentence: str
    """The newest request, as a sentence. Example: `"n8n called POST /v1/customers: 201 in 84 ms."`"""


class NewNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note on a run, for the people who read it later."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    """What was decided, and why. Example: `"Routed to billing: the sum is above 500."`"""
    data: dict[str, Any] | None = None
    """Facts of the decision, as JSON of at most 4000 bytes. Example: `{"queue": "billing"}`"""


class RunNote(Struct, frozen=True, kw_only=True):
    """A note as it was kept."""

    correlation_id: str
    """The run. Example: `"orders-4711-1767225600000"`"""
    at: Instant
    """When it was added."""
    text: str
    """The text, without e-mail addresses and telephone numbers. Example: `"Routed to billing."`"""
    data: dict[str, Any] | None
    """The facts, without the same. Example: `{"queue": "billing"}`"""


class RunReport(Struct, frozen=True, kw_only=True):
    """A page of steps, oldest first. `trace_url` links to the trace."""

    correlation_id: str
    """The run. Example: `"orders-4711-1767225600000"`"""
    trace_id: str
    """The trace in which the run began. Example: `"4bf92f3577b34da6a3ce929d0e0e4736"`"""
    trace_url: str | None
    """URL of the trace; null if no trace store is configured.
    Example: `"http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736"`"""
    data: Sequence[RunStep]
    """The entries, oldest first."""
    next_cursor: str | None
    """Send it as `cursor` to get the next page; null on the last one. Example: `null`"""
    has_more: bool
    """Whether there are more pages. Example: `false`"""
    responsible: Sequence[Responsible]
    """Who is responsible for the connections of these entries, by the briefs of integrations."""


_People = Mapping[str, Sequence[Responsible]]


async def read_run(
    runs: PostgresRuns,
    correlation_id: str,
    *,
    trace_url: str | None,
    cursors: SealedCursors,
    cursor: str | None,
    limit: int,
    responsible: _People,
) -> RunReport:
    """Return a page of a run's steps. `responsible` are the people for a connection. Raises NotFound for an unknown id,
    InvalidField for a bad cursor."""
    scope = hashlib.sha256(f"run\0{correlation_id}".encode()).digest()
    after = None if cursor is None else _place(cursors.open(cursor, scope))
    records = await runs.story(correlation_id, after=after, limit=limit + 1)
    if not records and after is None:
        raise _unknown(correlation_id)
    next_cursor = (
        cursors.seal(msgspec.json.encode(records[limit - 1].place).decode(), scope) if records[limit:] else None
    )
    report = await _story(runs, correlation_id, trace_url, records[:limit], responsible)
    return replace(report, next_cursor=next_cursor, has_more=next_cursor is not None)


async def read_whole_run(
    runs: PostgresRuns, correlation_id: str, *, trace_url: str | None, responsible: _People, limit: int = 1000
) -> RunReport:
    """Return the first `limit` steps of a run, without a cursor. Raises NotFound for an unknown id."""
    records = await runs.story(correlation_id, after=None, limit=limit + 1)
    if not records:
        raise _unknown(correlation_id)
    report = await _story(runs, correlation_id, trace_url, records[:limit], responsible)
    return replace(report, has_more=len(records) > limit)


async def list_recent_runs(
    runs: PostgresRuns, *, since: datetime | None, after: FailurePosition | None, limit: int
) -> Sequence[RecentRun]:
    """Return runs with a call or a note, the newest first. Raises StoreUnavailable."""
    return [
        RecentRun(
            correlation_id=row["correlation_id"],
            at=row["at"],
            id=row["id"],
            sentence=SENTENCES[row["kind"]](msgspec.json.decode(row["facts"])),
        )
        for row in await runs.recent(since=since, after=after, limit=limit)
    ]


def _unknown(correlation_id: str) -> NotFound:
    return NotFound(
        what_else(correlation_id, "run") or f"No run has the correlation id {correlation_id[:128]}.",
        next_step="Check the id: it is the X-Correlation-ID of an answer. Steps are removed after their retention.",
    )


async def _story(
    runs: PostgresRuns, correlation_id: str, trace_url: str | None, page: Sequence[RunRecord], responsible: _People
) -> RunReport:
    """Return a page as if it were the last one."""
    connections = dict.fromkeys(record.facts.get("connection") for record in page)
    people = dict.fromkeys(one for name in connections for one in responsible.get(name or "", ()))
    trace_id = await find_trace(runs, correlation_id)
    names = await runs.names({actor for record in page for actor in _actors_of(record.facts).values()})
    return RunReport(
        correlation_id=correlation_id,
        trace_id=trace_id,
        trace_url=url_of_trace(trace_url, trace_id),
        data=[step_of(record, names) for record in page],
        next_cursor=None,
        has_more=False,
        responsible=list(people),
    )


async def add_note(runs: PostgresRuns, correlation_id: str, note: NewNote, *, by: str) -> RunNote:
    """Keep a note of a caller, without e-mail addresses and telephone numbers.

    Raises InvalidField, and NotFound for what is no correlation id.
    """
    if not CORRELATION.fullmatch(correlation_id):
        raise NotFound("The path names no run: a correlation id is 1-128 letters, digits and . _ : / + = @ -.")
    data = msgspec.json.encode(note.data)
    if len(data) > MOST_DATA:
        raise InvalidField.at("/data", f"has {len(data)} bytes as JSON; at most {MOST_DATA} are kept")
    text, facts = without_people(note.text), msgspec.json.decode(without_people(data.decode()))
    at = await runs.add_note(correlation_id, {"by": by, "text": text, "data": facts})
    return RunNote(correlation_id=correlation_id, at=at, text=text, data=facts)


async def find_trace(runs: PostgresRuns, correlation_id: str) -> str:
    """Return the trace id of a run: the one it began in, or the one derived from its correlation id."""
    return await runs.trace_id(correlation_id) or f"{derive_trace_id(correlation_id):032x}"


def step_of(record: RunRecord, names: Mapping[str, str]) -> RunStep:
    """Return a record as a step. Its sentence has the `names` of actors, its facts their ids."""
    by_name = {name: names.get(actor, actor) for name, actor in _actors_of(record.facts).items()}
    return RunStep(
        at=record.place.at,
        kind=record.kind,
        sentence=SENTENCES[record.kind]({**record.facts, **by_name}),
        facts=record.facts,
    )


def _actors_of(facts: _Facts) -> dict[str, str]:
    """Return the facts that may be an actor, by name."""
    return {name: facts[name] for name in ACTORS if facts.get(name)}


def _place(opened: str) -> StoryPosition:
    try:
        return msgspec.json.decode(opened, type=StoryPosition)
    except msgspec.MsgspecError as error:
        detail = "is not a cursor of this list"
        raise InvalidField.of("cursor", detail) from error


def _request(facts: _Facts) -> str:
    status = facts.get("status")
    answer = f"{status} {facts['problem']}" if facts.get("problem") else status
    result = f"{answer} in {facts['ms']:.0f} ms" if status else "no answer"
    replayed = ", replayed" if facts.get("replayed") else ""
    return f"{facts['caller']} called {facts['method']} {facts['route']}: {result}{replayed}."


def _vendor_call(facts: _Facts) -> str:
    status, number = facts.get("status"), facts.get("request_id")
    result = f"{status} in {facts['ms']:.0f} ms" if status else f"no usable reply ({facts['outcome']})"
    attempt = f", attempt {facts['attempt']}" if facts["attempt"] > 1 else ""
    request_id = f"; its request id is {number}" if number else ""
    return f"{facts['connection']} was called: {facts['method']} {facts['route']}{attempt}: {result}{request_id}."


def _upload(facts: _Facts) -> str:
    name = f"Upload {facts['upload']}"
    if facts["step"] == "begun":
        return (
            f"{name} started: {counted(facts['rows'], 'row')} of {facts['connection']} with one {facts['object']} each."
        )
    return f"{name} was recorded: {facts['accepted']} of {facts['rows']} rows were new or changed."


def _receipt(facts: _Facts) -> str:
    if "upload" in facts:
        return f"A row of upload {facts['upload']} was recorded as {facts['receipt']}."
    topic = facts.get("topic")
    suffix = f" of topic {topic}" if topic else ""
    return f"{facts['connection']} sent a webhook{suffix}, recorded as {facts['receipt']}."


def _operation(facts: _Facts) -> str:
    what = f"{facts['action']} {facts['object']} at {facts['connection']}"
    if facts["step"] == "received":
        return f"Operation {facts['operation']} was received: {what}."
    if facts["step"] == "sent":
        return f"Operation {facts['operation']} was sent: {what}."
    if facts["step"] == "unknown":
        return f"The outcome of operation {facts['operation']} is unknown; an operator must decide."
    return f"Operation {facts['operation']} {facts.get('outcome')}: {what}."


def _attempt(facts: _Facts) -> str:
    endings = {
        "done": "done",
        "retried": "failed, will be retried",
        "deferred": "deferred",
        "lost": "lost its worker",
        "dead": "failed for good",
    }
    reason = facts.get("reason")
    why = f" ({reason})" if reason else ""
    ending = endings.get(facts["outcome"], facts["outcome"])
    return f"Job {facts['job']} ({facts['kind']}), attempt {facts['attempt']}: {ending}{why}."


def _event(facts: _Facts) -> str:
    record = facts.get("record")
    of_record = f" of {record}" if record else ""
    return f"Event {facts['type']}{of_record} was created: {facts['event']}."


def _delivery(facts: _Facts) -> str:
    target = f"subscription {facts['subscription']}" if facts.get("subscription") else "the callback"
    endings = {
        "pending": f"is pending for {target}",
        "delivered": f"reached {target}",
        "dead": f"failed for good: {target} did not accept it",
        "dropped": f"was dropped: {target} no longer exists",
    }
    return f"Delivery {facts['delivery']} of {facts['event']} {endings.get(facts['state'], facts['state'])}."


def _dead_letter(facts: _Facts) -> str:
    name = f"Dead letter {facts['dead_letter']}"
    if facts["state"] == "open":
        where = f" at {facts['path']}" if facts.get("path") else ""
        return f"{name}: job {facts['job']} ({facts['kind']}) failed for good{where}: {facts['reason']}."
    return f"{name} was {facts['state']} by {facts.get('by')}."


def _redrive(facts: _Facts) -> str:
    name = f"Redrive {facts['redrive']}"
    if facts["state"] == "running":
        return f"{name} of {counted(facts['total'], 'dead letter')} was started by {facts['by']}."
    counts = f"{facts['redriven']} redriven, {facts['skipped']} skipped, of {facts['total']}"
    return f"{name} is {facts['state']}: {counts}."


APPROVALS: Final = {
    "operation.approval_requested": "Operation {operation} waits for an approval; {by} wants it.",
    "operation.approved": "Operation {operation} was approved by {by}.",
    "operation.rejected": "Operation {operation} was rejected by {by}.",
    "operation.expired": "No one approved operation {operation} in time.",
}


def _audit(facts: _Facts) -> str:
    if facts["type"] == "receipt.overtaken":
        return f"The row recorded as {facts['subject']} was skipped: a later row of its record was already published."
    if facts["type"] == "receipt.echoed":
        about = facts["facts"]
        return (
            f"{about['connection']} sent a webhook that echoes operation {about['operation']}, recorded as"
            f" {facts['subject']} in the run {about['run']}."
        )
    if facts["type"] == "job.queued":
        return f"Job {facts['subject'].removeprefix('job_')} ({facts['facts']['kind']}) was queued."
    if facts["type"] == "operation.postponed":
        phase, seconds = facts["facts"]["phase"], f"{facts['facts']['seconds']:.0f} s"
        if phase == "sent":
            return f"The outcome of operation {facts['subject']} is looked up again in {seconds}."
        return f"Operation {facts['subject']} was not carried out; it is tried again in {seconds}."
    if facts["type"] in APPROVALS:
        return APPROVALS[facts["type"]].format(operation=facts["subject"], by=facts["facts"].get("by"))
    return f"Audited: {facts['type']} of {facts['subject']} by {facts['actor']}."


def _note(facts: _Facts) -> str:
    return f"{facts['by']} noted: {facts['text']}"


SENTENCES: Final[dict[StoryKind, Callable[[_Facts], str]]] = {
    "request": _request,
    "upload": _upload,
    "receipt": _receipt,
    "operation": _operation,
    "vendor_call": _vendor_call,
    "attempt": _attempt,
    "event": _event,
    "delivery": _delivery,
    "dead_letter": _dead_letter,
    "redrive": _redrive,
    "audit": _audit,
    "note": _note,
}


class RunLine(Struct, frozen=True, kw_only=True):
    """A step, or several in one: then `parts` are the steps."""

    step: RunStep
    parts: Sequence[RunStep] = ()


def lines_of(steps: Sequence[RunStep]) -> list[RunLine]:
    """Return the lines to print. The webhooks that echo one operation are one line, where the first of them was."""
    groups: dict[object, list[RunStep]] = {}
    for number, step in enumerate(steps):
        kind, about = step.facts.get("type"), step.facts.get("facts") or {}
        if kind not in REPEATED:
            cause = (about.get("connection"), about.get("operation")) if kind == "receipt.echoed" else number
            groups.setdefault(cause, []).append(step)
    return [_line(group) for group in groups.values()] or [RunLine(step=one) for one in steps]


def _line(group: Sequence[RunStep]) -> RunLine:
    first = group[0]
    if len(group) == 1:
        return RunLine(step=first)
    about = first.facts["facts"]
    sentence = f"{about['connection']} sent {len(group)} webhooks that echo operation {about['operation']}."
    return RunLine(step=replace(first, sentence=sentence), parts=group)
