"""Ask several connections at once, within one deadline: the records with a key, and a customer's orders and tickets.

A connection that fails, or is slow, delays no other. It is named in `unreachable`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from msgspec import Struct

from app.errors import InvalidField, NotFound, StoreUnavailable, UnsupportedAction, VendorDrifted, VendorTimeout
from app.http.cursors import SealedCursors
from app.links.models import KnownLink
from app.problem_document import Problem
from app.records.deps import RecordDeps
from app.records.fetch import fetch_present
from app.records.lookup import Key, find_matches
from app.records.map_record import Reading, active_mapping, refuse_rejected_drift
from app.records.read import ListRequest, RecordPage, read_page
from app.records.resolve import active_mappings, resolve_record
from app.records.resources import name_records
from app.vendors.models import Connection
from canonical import values
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import ObjectName
from canonical.ticket import Ticket
from mappings.coverage import PERSON
from mappings.registry import AnyMapping

T = TypeVar("T")

TIME_LIMIT: Final = 5.0
"""Seconds until the answer, unless the caller says."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Unreachable(Struct, frozen=True, kw_only=True):
    """A connection whose records are missing, or not all there."""

    connection: str
    """The connection's name. Example: `"zendesk"`"""
    code: str
    """The code of the problem, as in `/problems/{code}`. Example: `"vendor-timeout"`"""


class Everywhere(Struct, frozen=True, kw_only=True):
    """The records of all connections that answered in time, and the connections that did not."""

    data: Sequence[Any]
    unreachable: Sequence[Unreachable]
    """The connections whose records are missing, or not all there."""


class CustomersEverywhere(Everywhere, frozen=True, kw_only=True):
    """Customers of several connections."""

    data: Sequence[Customer]
    """The customers of the connections that answered in time."""


class OrdersEverywhere(Everywhere, frozen=True, kw_only=True):
    """Orders of several connections."""

    data: Sequence[Order]
    """The orders of the connections that answered in time."""


class TicketsEverywhere(Everywhere, frozen=True, kw_only=True):
    """Tickets of several connections."""

    data: Sequence[Ticket]
    """The tickets of the connections that answered in time."""


async def look_up_everywhere(
    deps: RecordDeps, object_name: ObjectName, key: Key, *, wait: float | None = None
) -> Everywhere:
    """Return the records with this key of every connection that can look it up, the system of record first; of each
    connection at most two, which are enough to see that the key is ambiguous there.

    Raises InvalidField for an address that is none, and UnsupportedAction if no connection has this key.
    """
    if key.name == "email" and not values.is_email(key.value):
        raise InvalidField.of("email", "not an e-mail address")
    mappings = active_mappings(deps, object_name)
    able = {
        name: one
        for name, one in mappings.items()
        if one.endpoints.list is not None and key.name in one.endpoints.filters
    }
    if not able:
        raise UnsupportedAction(f"No connection looks up {object_name}s by {key.name}.")
    deadline = _deadline(wait)

    async def ask(connection: Connection, mapping: AnyMapping) -> Sequence[Reading]:
        readings = await find_matches(deps, connection, mapping, key, deadline)
        await refuse_rejected_drift(deps, connection, *readings)
        return readings

    answers, unreachable = await _ask_each(deps, object_name, able, ask, deadline)
    named = await _name(deps, answers)
    if len({one.id for one in named}) > 1:
        named = await _name(deps, answers)  # naming a customer may have joined it with one that was named before
    unreachable += [Unreachable(connection=name, code=UnsupportedAction.code) for name in mappings if name not in able]
    return Everywhere(data=named, unreachable=unreachable)


async def newest_of_customer(
    deps: RecordDeps,
    cursors: SealedCursors,
    object_name: ObjectName,
    identifier: str,
    *,
    limit: int,
    wait: float | None,
) -> Everywhere:
    """Return the newest `limit` orders or tickets of a customer at each linked system, newest first. A record that is
    at several systems under one id is shown once: as the system of record has it, else as the first linked system.

    Raises NotFound for an unknown customer.
    """
    deadline = _deadline(wait)
    links = {one.connection: one for one in await _links_of(deps, identifier)}
    mappings = active_mappings(deps, object_name)
    able = {name: one for name in links if (one := mappings.get(name)) is not None and one.endpoints.list is not None}

    async def ask(connection: Connection, mapping: AnyMapping) -> Sequence[RecordPage]:
        filters = await _filters_of(deps, connection, mapping, links[connection.name], deadline)
        if not filters:
            raise UnsupportedAction(f"{connection.name} cannot list the {object_name}s of this customer.")
        left = deadline - time.monotonic()
        wanted = [
            ListRequest(object=object_name, connection=connection.name, limit=limit, filters=one, wait=left)
            for one in filters
        ]
        return await asyncio.gather(*(read_page(deps, cursors, one) for one in wanted))

    answers, unreachable = await _ask_each(deps, object_name, able, ask, deadline)
    records: dict[str, Any] = {}
    for connection, pages in answers:
        if any(page.unreadable for page in pages):
            unreachable.append(Unreachable(connection=connection.name, code=VendorDrifted.code))
        by_id = {one.id: one for page in pages for one in page.data}
        for one in sorted(by_id.values(), key=_time_of, reverse=True)[:limit]:
            records.setdefault(one.id, one)
    return Everywhere(data=sorted(records.values(), key=_time_of, reverse=True), unreachable=unreachable)


def _deadline(wait: float | None) -> float:
    return time.monotonic() + (TIME_LIMIT if wait is None else wait)


async def _ask_each(
    deps: RecordDeps,
    object_name: ObjectName,
    able: Mapping[str, AnyMapping],
    ask: Callable[[Connection, AnyMapping], Awaitable[T]],
    deadline: float,
) -> tuple[Sequence[tuple[Connection, T]], list[Unreachable]]:
    """Ask all connections at once, each with its mapping. Return the answers, the system of record first, and the
    connections without one."""

    async def ask_one(connection: Connection, mapping: AnyMapping) -> T | Unreachable:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await ask(connection, mapping)
        except TimeoutError:
            return Unreachable(connection=connection.name, code=VendorTimeout.code)
        except StoreUnavailable:
            raise
        except Problem as problem:
            return Unreachable(connection=connection.name, code=problem.code)

    owner = deps.connections.systems_of_record.get(object_name)
    connections = [deps.connections.by_name[name] for name in sorted(able, key=lambda name: name != owner)]
    answers = await asyncio.gather(*(ask_one(one, able[one.name]) for one in connections))
    pairs = list(zip(connections, answers, strict=True))
    return (
        [(connection, answer) for connection, answer in pairs if not isinstance(answer, Unreachable)],
        [answer for answer in answers if isinstance(answer, Unreachable)],
    )


async def _name(deps: RecordDeps, answers: Sequence[tuple[Connection, Sequence[Reading]]]) -> list[Any]:
    return [one for connection, readings in answers for one in await name_records(deps, connection, readings)]


async def _links_of(deps: RecordDeps, identifier: str) -> Sequence[KnownLink]:
    """Return the linked records of a customer's canonical id or `<connection>:<vendor id>`."""
    customer = await resolve_record(deps, "customer", identifier, None)
    if customer.links:
        return customer.links
    (canonical_id,) = (await deps.links.ensure("customer", customer.connection.name, [customer.remote_id])).values()
    return await deps.links.find(canonical_id)


async def _filters_of(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, link: KnownLink, deadline: float
) -> Sequence[Mapping[str, str]]:
    """Return the filters that together find the records of a customer: by id, and by e-mail address, which also finds
    those of a guest."""
    name, endpoints = PERSON[mapping.object], mapping.endpoints
    by_id = {name: f"{connection.name}:{link.remote_id}"}
    if "email" not in endpoints.filters and not endpoints.finds_guests:
        return [by_id] if name in endpoints.filters else []
    email = await _email_of(deps, connection, link, deadline)
    by_email = [] if email is None else [{name: email}]
    # Where the list finds guests, it takes the customer's id and the address at once.
    needs_id = name in endpoints.filters and not (by_email and endpoints.finds_guests)
    return [by_id, *by_email] if needs_id else by_email


async def _email_of(deps: RecordDeps, connection: Connection, link: KnownLink, deadline: float) -> str | None:
    customers = active_mapping(deps, connection, "customer")
    if customers is None:
        return None
    try:
        reading = await fetch_present(deps, connection, customers, link.remote_id, deadline)
    except NotFound:
        return None
    return next((one.address for one in reading.mapped.data.emails if one.is_primary), None)


def _time_of(resource: Any) -> datetime:
    at = getattr(resource, "placed_at", None) or resource.created_at or resource.meta.remote_created_at
    return _LONG_AGO if at is None else at
