"""Erase a person.

The tombstones come first, so that nothing about the person is read or stored any more. Then a job passes over all rows
until a pass finds nothing to change and nothing to wait for: a write that is undecided, or a job that is under way, may
store more. Each pass is safe to repeat, so a worker that is killed loses nothing.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from app import telemetry
from app.audit.record import Entry, append
from app.dead_letters.decide import DiscardOrder, discard_dead_letter
from app.errors import Erased, NotFound, StateConflict
from app.events.models import NewEvent
from app.events.types import CUSTOMER_ERASED
from app.identifiers import new_id, new_run_id
from app.persons.deps import PersonDeps
from app.persons.find import complete, customers_of, described, erasures_of, find_person, is_about, naming, rows_about
from app.persons.models import EraseOrder, Erasure, ErasurePreview, Person, PersonName
from app.persons.store.erasures import JOB
from app.postgres.encryption import SealedColumn
from app.problem_document import ProblemDocument, document_of
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Conflict, Deferred, Done, Job, JobOutcome, JobPolicy, NewJob
from app.records.withhold_person import TEXT, without_person
from app.writes.answer import problem_answer
from app.writes.approval import ApprovalDetails
from app.writes.models import Intent

KIND: Final = "erase"
BETWEEN_PASSES: Final = 5.0
"""Seconds. Longer than a process may know of no tombstone."""
DELIVER: Final = "deliver"
UNDECIDED: Final = "undecided work goes first"
POLICY: Final = JobPolicy(
    max_attempts=20, cap_seconds=300.0, attempt_seconds=timedelta(hours=2).total_seconds(), dead_head="skip"
)
BECAUSE: Final = DiscardOrder(because="the person was erased")
KEPT: Final = ("order.", "ticket.", "customer.")
"""The types of events that stay without a person whom they name. Those of the person, and all others, are deleted."""


class ErasePayload(Struct, frozen=True, kw_only=True):
    """The payload of an `erase` job."""

    erasure: str


class Hit(Struct, frozen=True, kw_only=True):
    """A row to erase: its column, and the columns to judge it by. `is_about`: it is about the person themselves."""

    column: SealedColumn
    facts: Mapping[str, Any]
    is_about: bool


async def preview_erasure(deps: PersonDeps, name: PersonName) -> ErasurePreview:
    """Return what an erasure would change. Raises InvalidField and NotFound."""
    person = await complete(deps, await find_person(deps, name))
    hits, unreadable = await _hits(deps, person)
    rows = {(hit.column.table, *(hit.facts[name] for name in hit.column.key)) for hit in hits}  # several columns of one
    return ErasurePreview(
        emails=sorted(person.emails),
        ids=sorted(person.ids),
        records=sorted(":".join(place) for place in person.places),
        rows=Counter(table for table, *_ in rows),
        waits_for=_waits_for(hits),
        erasures=await erasures_of(deps, person),
        unreadable=unreadable,
    )


async def start_erasure(deps: PersonDeps, order: EraseOrder, *, actor: str) -> Erasure:
    """Begin an erasure: from now on, nothing about the person is read or stored. Audited. Raises InvalidField and
    NotFound."""
    person = await find_person(deps, PersonName(email=order.email, id=order.id))
    erasure, run = new_id("era_"), telemetry.correlation_id.get() or new_run_id()
    async with deps.database.transaction() as transaction:
        begun = await deps.erasures.begin(transaction, erasure, person, actor=actor, run=run)
        await deps.erased.put(transaction, erasure, person.emails, customers_of(person))
        payload = msgspec.json.encode(ErasePayload(erasure=erasure))
        await deps.queue.enqueue(
            transaction, NewJob(kind=KIND, payload=payload, after=1.0, origin=erasure, correlation_id=run)
        )
        facts = {"ids": sorted(person.ids), "records": len(person.places)}
        await append(
            transaction,
            Entry(type="person.erasure_started", subject=erasure, actor=actor, correlation_id=run, facts=facts),
        )
    return begun


async def read_erasure(deps: PersonDeps, erasure_id: str) -> Erasure:
    """Return an erasure. Raises NotFound."""
    known = await deps.erasures.get(erasure_id)
    if known is None:
        raise NotFound.unknown(erasure_id, "erasure")
    return known[0]


async def lift_erasure(deps: PersonDeps, erasure_id: str, *, actor: str) -> Erasure:
    """Let the person return: remove the tombstones. What was erased stays erased. Raises NotFound and StateConflict."""
    erasure = await read_erasure(deps, erasure_id)
    async with deps.database.transaction() as transaction:
        if not await deps.erasures.end(transaction, erasure_id, "lifted", instead_of="done"):
            raise StateConflict(f"{erasure_id} is {erasure.state}; only one that is done can be lifted.")
        await deps.erased.remove(transaction, erasure_id)
        await append(transaction, Entry(type="person.erasure_lifted", subject=erasure_id, actor=actor))
    return await read_erasure(deps, erasure_id)


async def erase(deps: PersonDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle an `erase` job: one pass, and the end after one without changes. While no key opens some of the values,
    it is for a person: what can be read is erased, and a redrive goes on."""
    erasure_id = msgspec.json.decode(job.payload, type=ErasePayload).erasure
    known = await deps.erasures.get(erasure_id)
    if known is None or known[1] is None:
        return Done()
    if known[0].waits_for and await deps.erasures.are_undecided(known[0].waits_for):
        return Deferred(reason=UNDECIDED, after=BETWEEN_PASSES)  # a pass would search everything, and end nothing
    erasure, person = known[0], await complete(deps, known[1])
    hits, unreadable = await _hits(deps, person)
    waits_for = _waits_for(hits)
    async with deps.database.transaction() as transaction:
        await deps.erased.put(transaction, erasure_id, person.emails, [*customers_of(person), *sorted(person.records)])
        # Before the states that show who the person is are deleted: another worker may have to go on.
        await deps.erasures.note(transaction, erasure_id, person, erasure.changed, erasure.waits_for)
    changed = await _erase_all(deps, person, erasure, hits)
    async with deps.database.transaction() as transaction:
        # Not after changes: while it waits it does not search, and what is stored meanwhile must be found first.
        counts, only_waits_for = Counter(erasure.changed) + changed, [] if changed else waits_for
        await deps.erasures.note(transaction, erasure_id, person, counts, only_waits_for)
    if changed or waits_for:
        return Deferred(reason=UNDECIDED if waits_for else "another pass", after=BETWEEN_PASSES)
    if unreadable:
        return Conflict(reason=f"what can be read is erased; not searched: {'; '.join(unreadable)}")
    await deps.matches.erase(sorted(person.places))
    async with finishing() as transaction:
        await deps.erasures.forget(transaction, person)
        await deps.erasures.end(transaction, erasure_id, "done", instead_of="running")
        jobs = await deps.events.append(transaction, _event(person, erasure_id))
        facts = {"changed": Counter(erasure.changed), "ids": sorted(person.ids)}
        entry = Entry(type="person.erased", subject=erasure_id, correlation_id=erasure.correlation_id, facts=facts)
        await append(transaction, entry)
        await deps.queue.enqueue(transaction, *jobs)
    return Done()


async def _hits(deps: PersonDeps, person: Person) -> tuple[list[Hit], list[str]]:
    """Return the rows to erase, without those that have nothing left of the person, and what could not be searched."""
    unreadable = Counter[tuple[str, str]]()
    hits = [
        Hit(column=row.column, facts=row.facts, is_about=is_about(deps, person, row))
        async for row in rows_about(deps, person, unreadable)
    ]
    return hits, described(unreadable)


def _waits_for(hits: Sequence[Hit]) -> list[str]:
    """Return the operations that are undecided, and the jobs that are not done. Deliveries are dropped instead, unless
    they are under way."""
    operations = [hit for hit in hits if hit.column.table == "operation" and hit.facts["phase"] != "settled"]
    jobs = [
        hit
        for hit in hits
        if hit.column.table == "job" and (hit.facts["kind"] != DELIVER or hit.facts["state"] == "running")
    ]
    return sorted({*(hit.facts["id"] for hit in operations), *(f"{JOB}{hit.facts['id']}" for hit in jobs)})


async def _erase_all(deps: PersonDeps, person: Person, erasure: Erasure, hits: Sequence[Hit]) -> Counter[str]:
    """Erase the rows, those first that lead from others, and count by table what has changed."""
    changed = Counter[str]()
    waits = bool(_waits_for(hits))
    for hit in sorted(hits, key=lambda hit: hit.column.table != "dead_letter"):
        if await _erase_one(deps, person, erasure, hit, waits=waits):
            changed[hit.column.table] += 1
    return changed


async def _erase_one(deps: PersonDeps, person: Person, erasure: Erasure, hit: Hit, *, waits: bool) -> bool:
    facts, column, names = hit.facts, hit.column, naming(person)
    rewrite = partial(deps.erasures.rewrite, column, facts)
    match column.table:
        case "operation":
            if facts["phase"] != "settled":
                return False
            left = BlankOperation(facts["id"], facts["correlation_id"], deps.public_url, names)
            columns = [one for one in deps.columns if one.table == "operation"]
            outcomes = [await deps.erasures.rewrite(one, facts, partial(left.blank, one.column)) for one in columns]
            return any(outcomes)
        case "inbound_event":
            # One that is not settled is needed by its job, or by its dead letter until that is discarded.
            return (facts["settled_at"] is not None or not waits) and await rewrite(emptied)
        case "dead_letter":
            if facts["state"] == "open":
                with suppress(StateConflict):  # it was decided meanwhile
                    await discard_dead_letter(deps.dead_letters, facts["id"], BECAUSE, actor=erasure.actor)
            return await rewrite(partial(without_payload, names))
        case "record_state" if hit.is_about:
            return await deps.erasures.delete(column, facts)
        case "record_state":
            return await rewrite(partial(redacted, names, whole=facts["object"] == "customer"))
        case "event" if hit.is_about or not facts["type"].startswith(KEPT):
            return await deps.erasures.delete(column, facts)
        case "event":
            return await rewrite(partial(redacted, names, whole=facts["type"].startswith("customer.")))
        case "job" if facts["kind"] == DELIVER and facts["state"] != "running":
            return await rewrite(partial(redacted_delivery, names, person.ids))
    return False


def _event(person: Person, erasure_id: str) -> NewEvent:
    ids = sorted(person.ids)
    records = [{"connection": connection, "remote_id": remote_id} for connection, remote_id in sorted(person.places)]
    data = {"id": ids[0] if ids else None, "aliases": ids[1:], "records": records}
    return NewEvent(type=CUSTOMER_ERASED, data=msgspec.json.encode(data), origin=erasure_id)


ERASE: Final = JobKind(
    name=KIND, policy=POLICY, bind=lambda dependencies: partial(erase, dependencies.of(PersonDeps)), reads_again=True
)
KINDS: Final = (ERASE,)


def emptied(_plain: bytes) -> bytes:
    """Return an empty payload."""
    return b"{}"


def without_payload(names: re.Pattern[bytes], plain: bytes) -> bytes:
    """Return the payload of a dead letter with what it refers to: its receipt, its operation, its delivery."""
    members: dict[str, Any] = msgspec.json.decode(plain)
    left = {
        name: {} if name == "event" else one for name, one in members.items() if name not in ("payload", "withheld")
    }
    return names.sub(TEXT.encode(), msgspec.json.encode(left))


def redacted(names: re.Pattern[bytes], plain: bytes, *, whole: bool) -> bytes:
    """Return the JSON of a state or an event without the addresses and ids that `names` matches, and without its
    personal members, unless it is left `whole`: it is about somebody else."""
    kept = plain if whole else msgspec.json.encode(without_person(msgspec.json.decode(plain)))
    return names.sub(TEXT.encode(), kept)


def redacted_delivery(names: re.Pattern[bytes], ids: frozenset[str], plain: bytes) -> bytes:
    """Return the payload of a delivery with the event as it is redacted; without it, if that is deleted."""
    payload: dict[str, Any] = msgspec.json.decode(plain)
    event = payload["event"]
    if not event or not event["type"].startswith(KEPT) or event["data"].get("id") in ids:
        return msgspec.json.encode({"delivery": payload["delivery"], "scopes": payload["scopes"], "event": {}})
    return redacted(names, plain, whole=event["type"].startswith("customer."))


class BlankOperation:
    """Blanks the sealed columns of an operation, `intent` first: its path is in the problem that stands for its
    answer."""

    def __init__(self, operation: str, run: str, public_url: str, names: re.Pattern[bytes]) -> None:
        self._erased = Erased("The person of this request was erased.", operation_id=operation)
        self._run, self._public_url, self._names = run, public_url, names
        self._path = ""

    def blank(self, column: str, plain: bytes) -> bytes:
        """Return what is left of a column: an intent without its body, and 410 as answer or problem."""
        match column:
            case "intent":
                intent = msgspec.msgpack.decode(plain, type=Intent)
                self._path = self._names.sub(TEXT.encode(), intent.instance.encode()).decode()
                kept = ("object", "action", "connection", "revision", "remote_id", "part_of", "writer")
                facts = {name: getattr(intent, name) for name in kept}
                return msgspec.msgpack.encode(Intent(**facts, instance=self._path, body=b"{}"))
            case "answer":
                return msgspec.msgpack.encode(problem_answer(self._document))
            case "problem":
                return msgspec.msgpack.encode(self._document)
            case "approval_details":
                details = msgspec.msgpack.decode(plain, type=ApprovalDetails)
                left = ApprovalDetails(
                    requested_by=details.requested_by, effect=details.effect, remote_id=details.remote_id
                )
                return msgspec.msgpack.encode(left)
        return plain

    @property
    def _document(self) -> ProblemDocument:
        return document_of(self._erased, public_url=self._public_url, instance=self._path, correlation_id=self._run)
