"""Filters and sorts of lists: refuse what a connection lacks with the way out, and resolve a customer or requester."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from app.errors import InvalidField
from app.problem_document import FieldError
from app.records.deps import RecordDeps
from app.records.lookup import Key, ambiguous_match, find_matches
from app.records.resolve import choose_mapping, which_can
from app.records.resources import name_records
from app.vendors.models import Connection
from canonical import values
from mappings.coverage import PERSON, offered_filters
from mappings.endpoints import Sort
from mappings.registry import AnyMapping

GUEST: Final = "guest"
"""The filter that adds the orders of guests with an address (`Endpoints.finds_guests`). Callers name a customer."""


def refuse_unsupported(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    filters: Mapping[str, str],
    *,
    updated_since: bool,
    sort: Sort | None,
) -> None:
    """Raise InvalidField for filters and sorts that the connection lacks. The detail names those that it has, and the
    connections that have this one."""
    complaints: list[FieldError] = []
    title, endpoints = f"{connection.vendor.title} ({connection.name})", mapping.endpoints

    def complain(parameter: str, lacks: str, is_able: Callable[[AnyMapping], bool]) -> None:
        others = which_can(deps, mapping.object, is_able)
        complaints.append(FieldError(parameter=parameter, detail=f"{title} {lacks}. {others}"))

    for name in filters:
        if not _offers(name, mapping):
            offered = ", ".join(offered_filters(mapping)) or "nothing"
            complain(name, f"cannot filter by this; it can by: {offered}", partial(_offers, name))
    if updated_since and not endpoints.updated_since:
        complain("updated_since", "cannot list by time of change", lambda one: one.endpoints.updated_since)
    if sort is not None and updated_since and sort != "updated_at":
        detail = "a list with updated_since is by time of change, oldest first: leave out one of the two"
        complaints.append(FieldError(parameter="sort", detail=detail))
    elif sort is not None and not updated_since and sort not in endpoints.sorts:
        offered = ", ".join(sorted(endpoints.sorts)) or "nothing: leave sort out"
        complain("sort", f"cannot sort by this; it can by: {offered}", lambda one: sort in one.endpoints.sorts)
    if complaints:
        raise InvalidField.listing(complaints)


def _offers(name: str, mapping: AnyMapping) -> bool:
    return name in offered_filters(mapping)


async def resolve_person(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, filters: Mapping[str, str], deadline: float
) -> Mapping[str, str] | None:
    """Return the filters with the vendor's id of the customer or requester, or with their e-mail address where the
    vendor filters by that. None if no one has the address: then no record matches.

    Raises InvalidField for a person who is not known at the connection, and AmbiguousMatch if several have the address.
    """
    name = PERSON.get(mapping.object)
    if name is None or name not in filters:
        return filters
    value, others = filters[name], {key: one for key, one in filters.items() if key != name}
    offered = mapping.endpoints.filters
    if ":" not in value and "@" in value:
        if not values.is_email(value):
            raise InvalidField.of(name, "not an e-mail address")
        email, finds_guests = values.email(value), mapping.endpoints.finds_guests
        if values.email(others.get("email", email)) != email:
            raise InvalidField.of(name, "names another address than email does; send one of the two")
        if "email" in offered and not finds_guests:
            return {**others, "email": email}
        remote_id = await _with_email(deps, connection, mapping, value, deadline)
        if remote_id is None and not finds_guests:
            return None
        person = {} if remote_id is None else {name: remote_id}
        guest = {GUEST: email} if finds_guests else {}
        return {**{key: one for key, one in others.items() if key != "email"}, **person, **guest}
    if name not in offered:
        raise InvalidField.of(name, f"{connection.vendor.title} finds a {name} by e-mail address only: send one")
    return {**others, name: await _remote_id(deps, connection, name, value)}


async def _with_email(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, email: str, deadline: float
) -> str | None:
    """Return the vendor's id of the customer with this address, or those of all where the list takes them."""
    customers = choose_mapping(deps, connection, "customer")
    key = Key(name="email", value=email)
    matches = await find_matches(deps, connection, customers, key, deadline)
    if len(matches) > 1 and not mapping.endpoints.takes_people:
        raise ambiguous_match(connection, customers, key, await name_records(deps, connection, matches))
    return ",".join(one.mapped.remote.id for one in matches) or None


async def _remote_id(deps: RecordDeps, connection: Connection, name: str, value: str) -> str:
    """Return the vendor's id of a customer, from a canonical id or `<connection>:<vendor id>`."""
    vendor = connection.vendor
    way_out = f"send their e-mail address, or {connection.name}: and their id at {vendor.title}"
    if ":" not in value:
        links = await deps.links.find(value)
        linked = (one.remote_id for one in links if (one.object, one.connection) == ("customer", connection.name))
        remote_id = next(linked, None)
        if remote_id is None:
            raise InvalidField.of(name, f"is not a customer known at {connection.name}: {way_out}")
        return remote_id
    source, _, sent = value.partition(":")
    if source != connection.name:
        raise InvalidField.of(
            name, f"names another connection than {connection.name}, whose records are listed: {way_out}"
        )
    remote_id = vendor.remote_id_form(sent)
    if not re.fullmatch(vendor.remote_id, remote_id):
        raise InvalidField.of(name, f"the part after {source}: is not an id as {vendor.title} gives them: {way_out}")
    return remote_id
