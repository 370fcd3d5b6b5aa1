"""Export what is stored about a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from app.audit.record import Entry, append
from app.persons.deps import PersonDeps
from app.persons.find import complete, described, erasures_of, find_person, rows_about
from app.persons.models import Person, PersonExport, PersonName, PersonRow
from app.persons.store.persons import Key, OpenedValue
from app.queue.kinds import legible

STAYS: Final[Mapping[str, str]] = {
    "audit_event": "ids and Lockstitch's own terms, no values of the person; a changed row would break the chain",
    "operation": "its row without contents, so that a repeated request is answered and has no second effect",
    "inbound_event": "its row without contents, so that a webhook that is sent again is recognised",
    "attempt, run_entry": "notes without addresses, outcomes; keys and correlation ids are as callers chose them",
    "claim": "a name that a caller chose; it ends by itself within seven days",
    "order, ticket": "states and events stay without the person: amounts, lines and status are records of the business",
    "erased_key": "keyed digests of the addresses and records, so that no pull or webhook brings the person back",
    "vendors": "Lockstitch erases nothing at a vendor: erase the person there too",
    "backups": "a backup keeps what it has until it is deleted; after a restore, erase again",
}
"""What an erasure leaves, and why."""


async def export_person(deps: PersonDeps, name: PersonName, *, actor: str) -> PersonExport:
    """Return everything that is stored about a person, audited. Raises InvalidField and NotFound."""
    person = await complete(deps, await find_person(deps, name))
    values, unreadable = dict[str, list[OpenedValue]](), Counter[tuple[str, str]]()
    async for value in rows_about(deps, person, unreadable):
        values.setdefault(value.column.table, []).append(value)
    rows = [row for of_table in values.values() for row in await _rows(deps, of_table)]
    followed = replace(person, ids=person.ids | {str(row.facts["id"]) for row in rows if "id" in row.facts})
    clear = [PersonRow(table=table, facts=facts, contents={}) async for table, facts in deps.persons.clear(followed)]
    async with deps.database.transaction() as transaction:
        entry = Entry(type="person.exported", subject=subject_of(person), actor=actor, facts={"rows": len(rows)})
        await append(transaction, entry)
    return PersonExport(
        emails=sorted(person.emails),
        ids=sorted(person.ids),
        records=sorted(":".join(place) for place in person.places),
        rows=[*rows, *clear],
        erasures=await erasures_of(deps, person),
        unreadable=described(unreadable),
        stays=STAYS,
    )


async def _rows(deps: PersonDeps, values: Sequence[OpenedValue]) -> list[PersonRow]:
    """Return the rows of one table that have these values, in their order."""
    contents = dict[Key, dict[str, Any]]()
    for value in values:
        contents.setdefault(value.key, {})[value.column.column] = readable(value.plain)
    sealed = {one.column for one in deps.columns}
    facts = await deps.persons.facts(values[0].column, [*contents], [*sealed])
    return [
        PersonRow(table=values[0].column.table, facts=facts.get(key, {}), contents=contents[key]) for key in contents
    ]


def subject_of(person: Person) -> str:
    """Return what the audit trail calls the person: a canonical id, never an address."""
    return min(person.ids, default="person")


def readable(plain: bytes) -> Any:
    """Return an opened value as JSON: operations are MessagePack, with JSON inside."""
    content = legible(plain)
    if isinstance(content, Raw):
        return content
    try:
        return _readable_parts(msgspec.msgpack.decode(plain))
    except (msgspec.DecodeError, ValueError):
        return content


def _readable_parts(value: Any) -> Any:
    if isinstance(value, bytes):
        return legible(value) if value else ""
    if isinstance(value, dict):
        return {str(name): _readable_parts(one) for name, one in value.items()}
    return [_readable_parts(one) for one in value] if isinstance(value, list) else value
