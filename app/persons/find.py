"""Find a person, and every row that is about them or names them.

A row names a person by an address of theirs or a canonical id, anywhere in it, or is about a customer who is theirs. A
name or a telephone number alone identifies no one.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from app.errors import InvalidField, NotFound
from app.links.manage import object_of
from app.links.role_mailboxes import is_role
from app.persons.deps import PersonDeps
from app.persons.models import Person, PersonName
from app.persons.store import SEARCHED, OpenedValue
from canonical.values import email_key, is_email

ERASED_EVENT: Final = "customer.erased"


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


async def complete(deps: PersonDeps, person: Person) -> Person:
    """Return the person with the customers of which an address is the given one, and with the addresses of all their
    records. Reads the last-seen state of every customer."""
    (column,) = [one for one in deps.columns if one.table == "record_state"]
    addresses: dict[tuple[str, str], set[str]] = {}
    async for row in deps.persons.read(column):
        if row.facts["object"] != "customer" or row.plain is None:
            continue
        state = msgspec.json.decode(row.plain)
        own = {email_key(one["address"]) for one in state.get("emails") or ()}
        addresses[row.facts["connection"], row.facts["remote_id"]] = own
    places = {place for place, own in addresses.items() if own & person.emails}
    person = await deps.persons.linked(replace(person, places=person.places | places))
    others = {one for place in person.places for one in addresses.get(place, ()) if not is_role(one)} - person.emails
    further = await deps.persons.not_shared(sorted(others), person.places)
    return replace(person, emails=person.emails | further)


async def rows_about(deps: PersonDeps, person: Person) -> AsyncIterator[OpenedValue]:
    """Yield the sealed values that are about the person or name them. An operation or a receipt is named by the jobs
    and dead letters that follow it. Reads every sealed row."""
    names, followed = naming(person), set[bytes]()
    for table in SEARCHED:
        for column in (one for one in deps.columns if one.table == table):
            async for row in deps.persons.read(column):
                if row.facts.get("type") == ERASED_EVENT or row.plain is None:
                    continue
                if names.search(row.plain) or is_about(deps, person, row) or _follows(row, followed):
                    if table in ("operation", "inbound_event"):
                        followed.add(row.facts["id"].encode())
                    yield row


def naming(person: Person) -> re.Pattern[bytes]:
    """Return a pattern that matches text with an address or id of the person, as JSON may escape it, also in a URL."""
    words = {*person.emails, *(json.dumps(one)[1:-1] for one in person.emails), *person.ids}
    words |= {one.replace("@", "%40") for one in person.emails}
    inner = b"|".join(re.escape(one.encode()) for one in sorted(words)) or b"(?!)"
    # Neither joann@example.com nor ann@example.com.au; but what follows an escaped line break.
    return re.compile(rb"(?:(?<![\w.+%-])|(?<=\\[nrt]))(?:" + inner + rb")(?![\w-]|\.\w)", re.IGNORECASE)


def is_about(deps: PersonDeps, person: Person, row: OpenedValue) -> bool:
    """Return whether a row is about a customer who is the person, whatever it says."""
    facts: Any = row.facts
    match row.column.table:
        case "record_state" | "operation":
            return facts["object"] == "customer" and (facts["connection"], facts["remote_id"]) in person.places
        case "event":
            kind, _, remote_id = (facts["record"] or "").partition(":")
            return kind == "customer" and (facts["connection"], remote_id) in person.places
        case "inbound_event":
            return (facts["connection"], facts["remote_id"]) in person.places and _object_of(deps, row) == "customer"
    return False


def _object_of(deps: PersonDeps, receipt: OpenedValue) -> str | None:
    """Return the object that a receipt is about: a row of an export says it, a vendor has a name of its own for it."""
    facts: Any = receipt.facts
    connection = deps.connections().by_name.get(facts["connection"])
    webhooks = None if connection is None else connection.vendor.webhooks
    if webhooks is None:
        return facts["remote_object"]  # type: ignore[no-any-return]
    notice = webhooks.notice(facts["topic"], facts["remote_object"], facts["remote_id"], receipt.plain or b"")
    return None if notice is None else notice.object


def _follows(row: OpenedValue, followed: set[bytes]) -> bool:
    if row.column.table not in ("job", "dead_letter") or row.plain is None:
        return False
    return any(one in followed for one in re.findall(rb"(?:op|in)_[0-9a-f]{32}", row.plain))
