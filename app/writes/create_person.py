"""Create the customer or requester that a write needs and that its connection lacks: an operation of its own.

Its key and its marker are derived from the operation that needs it, so an attempt that is repeated after a crash finds
the person whom the first one created. It is an upsert by e-mail address that changes no one: two writes that need the
same new person wait for each other, and the second finds whom the first created.
"""

import hashlib
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from app.errors import InvalidField, NotSystemOfRecord, OutcomeUnknown, UnsupportedAction, UnsupportedField
from app.problem_document import FieldError, Problem, summary
from app.records.resolve import choose_mapping
from app.writes.deps import WriteDeps
from app.writes.models import Answer, Begun, Intent, NewOperation, Operation, References, Undecided
from app.writes.prepare import RecordFound, prepare
from app.writes.resolve_references import completed, person_in
from app.writes.resolved_write import ResolvedWrite, fingerprint, resolve_recorded
from canonical import values
from canonical.customer import CustomerPatch, EmailPatch, PhonePatch
from canonical.parts import ReferencePatch

INSTANCE: Final = "/v1/customers"
TIME_DIGITS: Final = 12
"""Hexadecimal digits of the time at the start of an operation's id."""
REFUSALS: Final = (InvalidField, UnsupportedField, UnsupportedAction, NotSystemOfRecord)


class CarryOut(Protocol):
    """`execute`, which imports this module."""

    def __call__(
        self, deps: WriteDeps, begun: Begun, resolved: ResolvedWrite | None = None, *, until: float | None = None
    ) -> Awaitable[Answer]:
        """Carry out an operation that was never sent, before a time of `time.monotonic`."""


async def create_person(resolved: ResolvedWrite, parent: Operation, references: References, carry_out: CarryOut) -> str:
    """Create the person that the write names, and return the vendor's id. `references` are the references of the write.

    Raises Undecided with the id of the person's operation, InvalidField if the person is refused, NotSystemOfRecord if
    that is because another system owns a field, and the vendor's problems if nothing was sent.
    """
    part, person = _missing_person(resolved, references)
    deps, new = resolved.deps, _new_operation(resolved, parent, part, person)
    new_or_existing = await deps.operations.begin(new)
    begun: Begun | None = None
    if isinstance(new_or_existing, Begun):
        begun, operation_id = new_or_existing, new.id
    else:
        operation_id = new_or_existing.id
        if new_or_existing.phase == "received" and new_or_existing.due_in <= 0:
            begun = await deps.operations.take_over(operation_id)
    try:
        if begun is not None:
            await carry_out(deps, begun, until=resolved.deadline)
        settled = await deps.operations.get(operation_id)
    except RecordFound as existing:
        return existing.remote_id
    except REFUSALS as refused:
        raise _refused(part, refused) from refused
    if settled is None or settled.phase in ("received", "sent"):
        raise Undecided(operation_id)
    if settled.phase == "unknown":
        raise OutcomeUnknown(
            f"Whether the {part} was created is unknown: see operation {settled.id}. Nothing more was sent.",
            operation_id=settled.id,
        )
    if settled.outcome == "failed" or settled.remote_id is None:
        raise InvalidField.listing((_error(part, "" if settled.problem is None else settled.problem.detail),))
    return settled.remote_id


async def judge_person(resolved: ResolvedWrite, marker: str, references: References) -> None:
    """Draft the person that a write would create. Raises the refusals of `create_person`. `references` are the
    references of the write."""
    part, person = _missing_person(resolved, references)
    intent = _intent_of(resolved, person, key=marker, part_of=marker)
    try:
        await prepare(replace(resolve_recorded(resolved.deps, intent, resolved.deadline), dry=True), marker)
    except RecordFound:
        return
    except REFUSALS as refused:
        raise _refused(part, refused) from refused


def _missing_person(resolved: ResolvedWrite, references: References) -> tuple[str, ReferencePatch]:
    """Return the field that names the person, and who it is."""
    part = person_in(resolved.patch)
    assert part is not None  # noqa: S101 - only a person is ever missing
    return part, completed(getattr(resolved.patch, part), references)


def _refused(part: str, problem: Problem) -> InvalidField | NotSystemOfRecord:
    """Return the refusal of the write for that of its person. One to review has a dead letter of its own."""
    error = _error(part, problem.detail)
    if isinstance(problem, NotSystemOfRecord) and not problem.review:
        return NotSystemOfRecord(summary((error,)), errors=(error,))
    return InvalidField.listing((error,))


def _error(part: str, detail: str) -> FieldError:
    return FieldError(pointer=f"/{part}", detail=f"is no customer yet, and cannot be created: {detail}")


def _new_operation(resolved: ResolvedWrite, parent: Operation, part: str, person: Any) -> NewOperation:
    key = f"{parent.id}/{part}" + (f"/{parent.redrives}" if parent.redrives else "")
    intent = _intent_of(resolved, person, key=key, part_of=parent.id)
    return NewOperation(
        id=_derived_id(parent, key),
        principal=parent.principal,
        key=key,
        fingerprint=fingerprint(key.encode(), intent.body),
        correlation_id=parent.correlation_id,
        traceparent=parent.traceparent,
        intent=intent,
        phase="received",
    )


def _intent_of(resolved: ResolvedWrite, person: Any, *, key: str, part_of: str) -> Intent:
    deps, connection = resolved.deps, resolved.connection
    mapping = choose_mapping(deps, connection, "customer")
    email = values.email(person.email)
    name, phone = person.name, person.phone
    body = CustomerPatch(
        display_name=name or msgspec.UNSET,
        emails=(EmailPatch(address=email, is_primary=True),),
        phones=(PhonePatch(raw=phone),) if phone else msgspec.UNSET,
    )
    return Intent(
        object="customer",
        action="upsert",
        connection=connection.name,
        revision=mapping.revision,
        instance=INSTANCE,
        upsert_on="email",
        upsert_value=email,
        loss="any",
        body=msgspec.json.encode(body),
        writer=resolved.intent.writer,
        part_of=part_of,
        redriven=resolved.redriven,
        unless_found=True,
    )


def _derived_id(parent: Operation, key: str) -> str:
    """Return the id for this attempt: the time of the parent, then a digest. A later attempt begins a new operation
    only if the former one ended with nothing sent."""
    digits = parent.id.removeprefix("op_")
    digest = hashlib.sha256(f"{key}\0{parent.attempts}".encode()).hexdigest()
    return f"op_{digits[:TIME_DIGITS]}7{digest[:3]}8{digest[3:18]}"
