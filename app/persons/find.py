"""Find a person, and every row that is about them or names them.

A row names a person by an address of theirs or a canonical id, anywhere in it, or is about a customer who is theirs. A
name or a telephone number alone identifies no one.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from app.errors import InvalidField, NotFound
from app.events.types import CUSTOMER_ERASED
from app.http.plurals import counted
from app.links.manage import object_of
from app.links.role_mailboxes import is_role
from app.links.tombstones import RecordKey
from app.persons.deps import PersonDeps
from app.persons.models import Person, PersonName
from app.persons.store.persons import SEARCHED, OpenedValue
from canonical.values import email_key, is_email


async def find_person(deps: PersonDeps, name: PersonName) -> Person:
    """Return a person with their records, by index. Raises InvalidField, and NotFound for an unknown id."""
    if (name.email is None) == (name.id is None):
        raise InvalidField("Give either an e-mail address or a canonical id.")
    if name.email is not None and not is_email(name.email):
        raise InvalidField.at("/email", "not an e-mail address")
    if name.id is not None and object_of(name.id) != "customer":
        raise InvalidField.at("/id", "not the id of a customer")
    emails = frozenset(() if name.email is None else (email_key(name.email),))
    person = await deps.persons.linked(Person(emails=emails, ids=frozenset(() if name.id is None else (name.id,))))
    if name.id is not None and not person.places:
        raise NotFound(f"No customer has the id {name.id}.")
    return person


async def erasures_of(deps: PersonDeps, person: Person) -> Sequence[str]:
    """Return the erasures that keep the person away now, oldest first."""
    return await deps.erased.erasures(person.emails, customers_of(person))


def customers_of(person: Person) -> list[RecordKey]:
    """Return the person's customers as tombstones name them."""
    return [("customer", *place) for place in sorted(person.places)]


async def complete(deps: PersonDeps, person: Person) -> Person:
    """Return the person with the customers of which an address is the given one, with the addresses of all their
    customers, and with the orders and tickets that name them. Reads the last-seen state of every record."""
    (column,) = [one for one in deps.columns if one.table == "record_state"]
    uncounted = Counter[tuple[str, str]]()  # `rows_about` counts them
    addresses: dict[tuple[str, str], set[str]] = {}
    async for row in deps.persons.read(column, uncounted):
        if row.facts["object"] == "customer":
            own = {email_key(one["address"]) for one in msgspec.json.decode(row.plain).get("emails") or ()}
            addresses[row.facts["connection"], row.facts["remote_id"]] = own
    places = {place for place, own in addresses.items() if own & person.emails}
    person = await deps.persons.linked(replace(person, places=person.places | places))
    others = {one for place in person.places for one in addresses.get(place, ()) if not is_role(one)} - person.emails
    person = replace(person, emails=person.emails | await deps.persons.not_shared(sorted(others), person.places))
    names, records, ids = naming(person), set(person.records), set(person.record_ids)
    async for row in deps.persons.read(column, uncounted):
        if row.facts["object"] != "customer" and names.search(row.plain):
            records.add((row.facts["object"], row.facts["connection"], row.facts["remote_id"]))
            ids.add(msgspec.json.decode(row.plain).get("id") or "")
    return replace(person, records=frozenset(records), record_ids=frozenset(ids - {""}))


async def rows_about(
    deps: PersonDeps, person: Person, unreadable: Counter[tuple[str, str]]
) -> AsyncIterator[OpenedValue]:
    """Yield the sealed values that are about the person or name them, or an order or ticket that does. An operation or
    a receipt is named by the events, jobs and dead letters that follow it. Reads every sealed row, and counts those
    that no key opens."""
    names, followed = naming(person, also=person.record_ids), set[bytes]()
    for table in SEARCHED:
        for column in (one for one in deps.columns if one.table == table):
            async for row in deps.persons.read(column, unreadable):
                if row.facts.get("type") == CUSTOMER_ERASED:
                    continue
                if (
                    names.search(row.plain)
                    or is_about(deps, person, row)
                    or _record_of(deps, row) in person.records
                    or _follows(row, followed)
                ):
                    if table in ("operation", "inbound_event"):
                        followed.add(row.facts["id"].encode())
                    yield row


def described(unreadable: Counter[tuple[str, str]]) -> list[str]:
    """Return a sentence for each reason why values could not be searched."""
    return [f"{table}: {counted(count, 'value')} {why}" for (table, why), count in sorted(unreadable.items())]


def naming(person: Person, *, also: frozenset[str] = frozenset()) -> re.Pattern[bytes]:
    """Return a pattern that matches text with an address or id of the person, as JSON may escape it, also in a URL, or
    with one of the further ids."""
    words = {*person.emails, *(json.dumps(one)[1:-1] for one in person.emails), *person.ids, *also}
    words |= {quote(one, safe=safe) for one in person.emails for safe in ("", "+")}
    inner = b"|".join(re.escape(one.encode()) for one in sorted(words)) or b"(?!)"
    # Neither joann@example.com nor ann@example.com.au; but what follows an escaped line break.
    return re.compile(rb"(?:(?<![\w.+%-])|(?<=\\[nrt]))(?:" + inner + rb")(?![\w-]|\.\w)", re.IGNORECASE)


def is_about(deps: PersonDeps, person: Person, row: OpenedValue) -> bool:
    """Return whether a row is about a customer who is the person, whatever it says."""
    object_name, *place = _record_of(deps, row)
    return object_name == "customer" and tuple(place) in person.places


def _record_of(deps: PersonDeps, row: OpenedValue) -> tuple[Any, ...]:
    """Return object, connection and remote id of the record that a row is about."""
    facts: Any = row.facts
    match row.column.table:
        case "record_state" | "operation":
            return facts["object"], facts["connection"], facts["remote_id"]
        case "event":
            object_name, _, remote_id = (facts["record"] or "").partition(":")
            return object_name, facts["connection"], remote_id
        case "inbound_event":
            return _object_of(deps, row), facts["connection"], facts["remote_id"]
    return "", None, None


def _object_of(deps: PersonDeps, receipt: OpenedValue) -> str | None:
    """Return the object that a receipt is about: a row of an export says it, a vendor has a name of its own for it."""
    facts: Any = receipt.facts
    connection = deps.connections().by_name.get(facts["connection"])
    webhooks = None if connection is None else connection.vendor.webhooks
    if webhooks is None:
        return facts["remote_object"]  # type: ignore[no-any-return]
    notice = webhooks.notice(facts["topic"], facts["remote_object"], facts["remote_id"], receipt.plain)
    return None if notice is None else notice.object


def _follows(row: OpenedValue, followed: set[bytes]) -> bool:
    if row.column.table not in ("event", "job", "dead_letter"):
        return False
    return any(one in followed for one in re.findall(rb"(?:op|in)_[0-9a-f]{32}", row.plain))
