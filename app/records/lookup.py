"""Look up the one record with a key. A list that loses its filter returns unrelated records; a look-up cannot."""

import time
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from app.errors import AmbiguousMatch, InvalidField, NotFound, VendorDrifted
from app.http.headers import NamedRevision
from app.problem_document import Candidate, FieldError
from app.records.deps import RecordDeps
from app.records.fetch import READ_LIMIT, fetch_page
from app.records.key_matches import match_keys
from app.records.map_record import Reading, refuse_rejected_drift
from app.records.resolve import cannot, choose_connection, choose_mapping
from app.records.resources import ReadRecord, name_records, tagged
from app.vendors.models import Connection
from canonical import values
from canonical.parts import ObjectName
from mappings.endpoints import ListQuery
from mappings.registry import AnyMapping

KEYS: Final = ("email", "external_id", "number", "sku")
ENOUGH: Final = 2
"""A second match is enough to know that the match is ambiguous."""


class Key(Struct, frozen=True, kw_only=True):
    """The key of a look-up: its name (`email`, `external_id`, `number`, `sku`) and its value."""

    name: str
    value: str


async def look_up(
    deps: RecordDeps,
    object_name: ObjectName,
    key: Key,
    *,
    connection: str | None = None,
    revision: NamedRevision | None = None,
    wait: float | None = None,
) -> ReadRecord:
    """Return the one record with this key, within `wait` seconds if given.

    Raises NotFound for none, AmbiguousMatch for several, UnsupportedAction if the connection has no such key,
    InvalidField for a value that is no e-mail address, and VendorDrifted if a matching record cannot be read.
    """
    deadline = time.monotonic() + (READ_LIMIT if wait is None else wait)
    found_at = choose_connection(deps, object_name, connection)
    mapping = choose_mapping(deps, found_at, object_name, revision)
    readings = await find_matches(deps, found_at, mapping, key, deadline)
    resources = await name_records(deps, found_at, readings)
    if len(readings) > 1:
        raise ambiguous_match(found_at, mapping, key, resources)
    if not readings:
        raise NotFound(
            f"{found_at.vendor.title} ({found_at.name}) has no {object_name} with this {key.name}.",
            next_step="Check the value, or create the record first.",
        )
    await refuse_rejected_drift(deps, found_at, *readings)
    return tagged(resources[0])


async def find_matches(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, key: Key, deadline: float
) -> list[Reading]:
    """Return at most two records with this key, by the connection's exact filter, which reads a unique key with strong
    consistency. What it finds is compared with the key. A look-up by e-mail address skips staff. Raises like
    `look_up`, and AmbiguousMatch for a record that may have the key in a value that is not read."""
    _require_key(deps, connection, mapping, key.name)
    if key.name == "email" and not values.is_email(key.value):
        raise InvalidField.of("email", "not an e-mail address")
    value = values.email(key.value) if key.name == "email" else key.value
    query = ListQuery(limit=ENOUGH, filters={key.name: value})
    matches, unsure = list[Reading](), list[Reading]()
    while True:
        page = await fetch_page(deps, connection, mapping, query, deadline)
        if page.unreadable:
            # It matches too, so none of the others is the only one.
            raise VendorDrifted(
                f"A {mapping.object} of {connection.vendor.title} with this {key.name} cannot be read:"
                f" {page.unreadable[0].detail} at {page.unreadable[0].pointer}."
            )
        people = [one for one in page.readings if key.name != "email" or not is_staff(mapping, one.raw)]
        compared = await match_keys(deps, connection, people, query.filters, deadline)
        matches, unsure = matches + compared.equal, unsure + compared.unsure
        if page.next is None or len(matches) >= ENOUGH:
            break
        query = msgspec.structs.replace(query, after=page.next)
    if unsure and not matches:
        raise hidden_match(connection, mapping, key, await name_records(deps, connection, unsure[:ENOUGH]))
    return matches[:ENOUGH]


def is_staff(mapping: AnyMapping, record: msgspec.Raw) -> bool:
    """Return whether a record is a person who works for the business at this vendor."""
    test = mapping.endpoints.is_staff
    return test is not None and test(record)


async def find_people(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, email: str, deadline: float
) -> tuple[str | None, Sequence[Reading]]:
    """Return the remote id of a member of staff with this e-mail address, None if there is none, and the customers with
    it. The vendor may not list yet who was created just now. Raises like `look_up`."""
    key = Key(name="email", value=email)
    if mapping.endpoints.is_staff is None:
        return None, await find_matches(deps, connection, mapping, key, deadline)
    query = ListQuery(limit=mapping.endpoints.max_limit, filters={"email": email})
    page = await fetch_page(deps, connection, mapping, query, deadline)
    matches = await match_keys(deps, connection, page.readings, query.filters, deadline)
    staff = [one.mapped.remote.id for one in (*matches.equal, *matches.unsure) if is_staff(mapping, one.raw)]
    people = [one for one in matches.equal if not is_staff(mapping, one.raw)]
    if matches.unsure and not staff and not people:
        raise hidden_match(connection, mapping, key, await name_records(deps, connection, matches.unsure))
    return next(iter(staff), None), people


def ambiguous_match(
    connection: Connection, mapping: AnyMapping, key: Key, resources: tuple[Struct, ...]
) -> AmbiguousMatch:
    """Return the problem that names the candidates."""
    candidates, named = _candidates(connection, resources)
    return AmbiguousMatch(
        f"{connection.vendor.title} ({connection.name}) has several {mapping.object}s with this {key.name}, among"
        f" them {named}. Send the id of one.",
        candidates=candidates,
    )


def hidden_match(
    connection: Connection, mapping: AnyMapping, key: Key, resources: tuple[Struct, ...]
) -> AmbiguousMatch:
    """Return the problem of records that the vendor finds by another value than those that Lockstitch reads."""
    candidates, named = _candidates(connection, resources)
    return AmbiguousMatch(
        f"{connection.vendor.title} ({connection.name}) finds {named} by this {key.name}, but Lockstitch reads another"
        f" {key.name} there, so the {mapping.object} may be another one. Look at it at {connection.vendor.title}, and"
        " send its id if it is the right one.",
        candidates=candidates,
    )


def _candidates(connection: Connection, resources: tuple[Struct, ...]) -> tuple[tuple[Candidate, ...], str]:
    candidates = tuple(
        Candidate(id=one.id, connection=connection.name, remote_id=one.meta.remote_id)  # type: ignore[attr-defined]
        for one in resources
    )
    return candidates, " and ".join(f"{one.id} ({one.connection}:{one.remote_id})" for one in candidates)


def _require_key(deps: RecordDeps, connection: Connection, mapping: AnyMapping, name: str) -> None:
    def is_able(one: AnyMapping) -> bool:
        return one.endpoints.list is not None and name in one.endpoints.filters

    if is_able(mapping):
        return
    others = sorted(set(mapping.endpoints.filters) & set(KEYS)) or ["nothing"]
    what = f"cannot look up {mapping.object}s by {name}; it can by {', '.join(others)}"
    raise cannot(deps, connection, mapping.object, what, is_able)


def only_key(keys: dict[str, str]) -> Key:
    """Return the one key that was sent. Raises InvalidField for none or several."""
    if len(keys) == 1:
        ((name, value),) = keys.items()
        return Key(name=name, value=value)
    offered = ", ".join(KEYS)
    if keys:
        raise InvalidField.listing([FieldError(parameter=name, detail=f"send only one of: {offered}") for name in keys])
    raise InvalidField(
        f"A key is missing: send exactly one of {offered}. An automation tool drops a parameter whose value is"
        " undefined, so check the expression.",
        errors=tuple(FieldError(parameter=name, detail="is missing; one of the keys is required") for name in KEYS),
    )
