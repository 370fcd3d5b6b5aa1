"""Resolve references: find the customer and products of an order, and the requester and orders of a ticket.

People, in the order of the contract: by link, by an id of this connection, by e-mail address. A person who is not found
is created (`create_person`), if the vendor needs one and the key may write customers. Products: by SKU, with one read.
Orders of a ticket: by link, or by an id of this connection.
"""

from functools import partial
from typing import Any, Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from app.errors import InvalidField
from app.records.complete_references import NOT_SHOWN, keys_of
from app.records.fetch import fetch_present, send_read
from app.records.map_record import active_mapping
from app.records.resolve import choose_mapping
from app.writes.find_products import find_products, skus_in, with_products
from app.writes.find_record import find_customer
from app.writes.models import References
from app.writes.resolved_write import ResolvedWrite
from canonical import values
from canonical.order_patch import OrderPatch
from canonical.parts import Loss, ObjectName, Reference, ReferencePatch
from canonical.references import at_target
from canonical.ticket import TicketPatch
from mappings.endpoints import NEW_PERSON, PersonNeed

KEEPS_A_COPY: Final = ("copy", "link", "id_or_text")
NOT_CREATED: Final = {
    "refuse": "missing=refuse creates no one",
    "unscoped": "creating one needs a key with the scope customers:write",
    "guest": "a guest order (is_guest) creates no one",
}


def needs_look_up(resolved: ResolvedWrite) -> bool:
    """Return whether the references of a new order or ticket need a read at the vendor."""
    patch = _patch(resolved)
    part = person_in(patch)
    if part is not None:
        person = getattr(patch, part)
        is_here = person.id is None or person.id.startswith(f"{resolved.connection.name}:")
        is_elsewhere = not is_here and person.email is None and person.remote_id is None  # its address is read there
        if is_elsewhere or _is_looked_up(resolved, patch, person, creates=True):
            return True
    return bool(skus_in(resolved, patch)) or resolved.mapping.endpoints.find_related is not None


async def resolve_references(resolved: ResolvedWrite, *, creates: bool) -> References:
    """Return what the references of an order or ticket are at the connection. `creates`: the record is new.

    Raises InvalidField for a person who is not found and would be lost, AmbiguousMatch for two records that match, and
    the vendor's problems.
    """
    patch = _patch(resolved)
    part = person_in(patch)
    references = References() if part is None else await _find_person(resolved, patch, part, creates=creates)
    references = await _with_orders(resolved, patch, references)
    if not creates or not isinstance(patch, OrderPatch):
        return references
    if skus := skus_in(resolved, patch):
        references = replace(references, products=await find_products(resolved, patch, skus))
    return replace(references, related=await related_of(resolved, with_references(patch, references)))


async def related_of(resolved: ResolvedWrite, order: OrderPatch) -> dict[str, str]:
    """Return what else the vendor has to be asked for a new order. Raises the vendor's problems."""
    endpoints, account = resolved.mapping.endpoints, await resolved.account()
    request = None if endpoints.find_related is None else endpoints.find_related(order, account)
    if request is None or endpoints.related is None:
        return {}
    reply = await send_read(resolved.deps, resolved.connection, request, resolved.deadline)
    with resolved.as_drift():
        return dict(endpoints.related(reply))


def with_references(patch: Any, references: References) -> Any:
    """Return the patch in which each reference is an id of the connection, where one is known."""
    part = person_in(patch)
    if part is not None:
        remote_id = NEW_PERSON if references.is_missing else references.person
        person = replace(completed(getattr(patch, part), references), id=None, remote_id=remote_id)
        patch = replace(patch, **{part: person})
    if _orders_by_link(patch):
        orders = tuple(
            one for one in map(partial(_at_connection, references), patch.orders) if one.remote_id is not None
        )
        patch = replace(patch, orders=orders or UNSET)
    return with_products(patch, references.products) if references.products else patch


def completed(person: ReferencePatch, references: References) -> ReferencePatch:
    """Return a person with the address and the name that were read where they are linked."""
    return replace(person, email=person.email or references.email, name=person.name or references.name)


def person_in(patch: Any) -> str | None:
    """Return the field of an order or ticket that names a person, if it is sent."""
    part = "customer" if isinstance(patch, OrderPatch) else "requester" if isinstance(patch, TicketPatch) else None
    return part if part is not None and isinstance(getattr(patch, part), Struct) else None


def _patch(resolved: ResolvedWrite) -> Any:
    return at_target(resolved.patch, resolved.connection.name)[0]


def _is_looked_up(resolved: ResolvedWrite, patch: Any, person: Any, *, creates: bool) -> bool:
    """Return whether a person is looked up by address, unless a link or an id names them."""
    need = _need(resolved, patch, creates=creates)
    # An address may select an account of the shop for a new order.
    attaches = resolved.connection.attaches_orders and isinstance(patch, OrderPatch) and not _is_guest(resolved, patch)
    is_copied = need == "copy" and not (creates and attaches)
    wanted = not is_copied and (creates or need != "link")
    return wanted and person.email is not None and person.remote_id is None


def _need(resolved: ResolvedWrite, patch: Any, *, creates: bool) -> PersonNeed:
    endpoints = resolved.mapping.endpoints
    return endpoints.person(patch) if creates or endpoints.new_requester is None else endpoints.new_requester


def _is_guest(resolved: ResolvedWrite, patch: Any) -> bool:
    """Return whether the order of a guest must name no account of the shop."""
    return resolved.intent.missing == "guest" and resolved.mapping.endpoints.person(patch) == "copy"


async def _find_person(resolved: ResolvedWrite, patch: Any, part: str, *, creates: bool) -> References:
    person = getattr(patch, part)
    is_named = person.id is not None or person.remote_id is not None
    if creates and is_named and _is_guest(resolved, patch):
        return await _as_guest(resolved, person, part)
    linked = None if person.id is None else await _linked(resolved, person.id)
    if linked is not None and person.remote_id not in (None, linked):
        raise InvalidField.at(f"/{part}/remote_id", "names another customer than id does; send one of the two")
    remote_id, own, lost = linked or person.remote_id, Reference(), tuple[Loss, ...]()
    if person.id is not None and linked is None and person.email is None:
        own = await _own_keys(resolved, person.id) if person.remote_id is None else own
        if own.email is None:
            return _unknown(resolved, patch, part)
        detail = f"is not a customer known at {resolved.connection.name}: found by the address of that customer"
        lost = (Loss(path=f"/{part}/id", kind="coerced", detail=detail),)
        person = replace(person, email=own.email)
    if remote_id is not None or not _is_looked_up(resolved, patch, person, creates=creates):
        return References(person=remote_id, email=own.email, name=own.name, lost=lost)
    email = values.email(person.email)
    if not values.is_email(email):
        raise InvalidField.at(f"/{part}/email", "not an e-mail address")
    customers = choose_mapping(resolved.deps, resolved.connection, "customer", None)
    is_created = creates or resolved.mapping.endpoints.new_requester is not None
    try:
        customer = await find_customer(resolved, customers, email, f"/{part}/email")
    except InvalidField:  # one of the staff, who may be the requester already
        if creates or not is_created:
            raise
        customer, is_created = None, False
    if customer is not None or not is_created:
        return References(person=customer, email=own.email, name=own.name, lost=lost)
    missing = _missing(resolved, _need(resolved, patch, creates=creates), part)
    return replace(missing, email=own.email, name=own.name, lost=(*lost, *missing.lost))


async def _as_guest(resolved: ResolvedWrite, person: Any, part: str) -> References:
    """Return the references of a guest order that names an account: a copy of the address."""
    is_bare = person.email is None and person.id is not None
    own = await _own_keys(resolved, person.id) if is_bare else Reference()
    if not (own.email or person.email or person.name or person.phone):
        raise InvalidField.at(f"/{part}", "a guest order (is_guest) names no account: send the buyer's email")
    pointer = f"/{part}/{'id' if person.id is not None else 'remote_id'}"
    detail = "a guest order (is_guest) names no account: it has a copy of the buyer's address"
    return References(email=own.email, name=own.name, lost=(Loss(path=pointer, kind="coerced", detail=detail),))


async def _own_keys(resolved: ResolvedWrite, record: str) -> Reference:
    """Return the primary address and the name of a customer, read at the first connection that has an address and is in
    the target's realm."""
    connection, colon, _ = record.partition(":")
    links = resolved.deps.links
    canonical_id = await links.canonical_id("customer", connection, record[len(connection) + 1 :]) if colon else record
    for one in () if canonical_id is None else await links.find(canonical_id):
        home = resolved.deps.connections.by_name.get(one.connection)
        mapping = None if home is None or one.object != "customer" else active_mapping(resolved.deps, home, "customer")
        if home is None or mapping is None or not links.share_realm(home.name, resolved.connection.name):
            continue
        try:
            reading = await fetch_present(resolved.deps, home, mapping, one.remote_id, resolved.deadline)
        except NOT_SHOWN:
            continue
        keys = keys_of(reading.mapped.data)
        if keys.email is not None:
            return keys
    return Reference()


def _unknown(resolved: ResolvedWrite, patch: Any, part: str) -> References:
    """Return that a customer is not known at the connection, where the record can do without. Raises InvalidField."""
    person, name = getattr(patch, part), resolved.connection.name
    detail = f"is not a customer known at {name}"
    is_copied = (person.phone or person.name) and resolved.mapping.endpoints.person(patch) in KEEPS_A_COPY
    if person.remote_id is None and not is_copied and resolved.intent.loss == "any":
        return References(lost=(Loss(path=f"/{part}/id", kind="dropped", detail=detail),))
    if person.remote_id is not None or not is_copied:
        raise InvalidField.at(
            f"/{part}/id",
            f"{detail}, and no address of it was found: send {part}.email, or copy the customer there first (POST"
            f' /v1/customers/{{id}}/copies {{"connection": "{name}"}})',
        )
    kept = f"{detail}: the record keeps a copy of the name and number"
    return References(lost=(Loss(path=f"/{part}/id", kind="coerced", detail=kept),))


def _orders_by_link(patch: Any) -> list[str]:
    """Return the ids of the orders of a ticket that only a link can name at the connection."""
    orders = patch.orders if isinstance(patch, TicketPatch) and isinstance(patch.orders, tuple) else ()
    return [one.id for one in orders if one.remote_id is None and one.id is not None]


def _at_connection(references: References, order: ReferencePatch) -> ReferencePatch:
    if order.remote_id is not None or order.id is None:
        return order
    return replace(order, id=None, remote_id=references.orders.get(order.id))


async def _with_orders(resolved: ResolvedWrite, patch: Any, references: References) -> References:
    """Return the references with the orders of a ticket that are linked to a record of the connection. Others are
    lost."""
    wanted = _orders_by_link(patch)
    if not wanted:
        return references
    linked = {one: await _linked(resolved, one, "order") for one in wanted}
    orders = {one: remote_id for one, remote_id in linked.items() if remote_id is not None}
    if len(orders) == len(linked):
        return replace(references, orders=orders)
    missing = ", ".join(one[:80] for one in linked if one not in orders)
    detail = f"no order known at {resolved.connection.name}: {missing}"
    return replace(
        references, orders=orders, lost=(*references.lost, Loss(path="/orders", kind="dropped", detail=detail))
    )


def _missing(resolved: ResolvedWrite, need: PersonNeed, part: str) -> References:
    """Return that the person is to be created, or what is lost without one. Raises InvalidField."""
    vendor, intent = resolved.connection.vendor.title, resolved.intent
    if need == "copy":
        return References()  # a shop has a guest
    if need != "known" and intent.missing == "create":
        return References(is_missing=True)
    why = "" if need == "known" else f", and {NOT_CREATED[intent.missing]}"
    if need in KEEPS_A_COPY:
        detail = f"{vendor} has no customer with this address{why}: the record keeps a copy of the name and address"
        return References(lost=(Loss(path=f"/{part}", kind="coerced", detail=detail),))
    if need == "known" or intent.loss == "any":
        return References()  # the mapping says what the vendor needs
    detail = (
        f"{vendor} has no customer with this address{why}. Create the customer first (POST"
        f" /v1/customers?upsert_on=email) and send {part}.id, or let this write create one"
    )
    raise InvalidField.at(f"/{part}", detail)


async def _linked(resolved: ResolvedWrite, record: str, kind: ObjectName = "customer") -> str | None:
    """Return the vendor's id of a record at this connection, by a canonical id or `<connection>:<vendor id>`."""
    name, links = resolved.connection.name, resolved.deps.links
    connection, colon, remote_id = record.partition(":")
    if connection == name and colon:
        return remote_id
    canonical_id = await links.canonical_id(kind, connection, remote_id) if colon else record
    if canonical_id is None:
        return None
    known = await links.find(canonical_id)
    return next((one.remote_id for one in known if (one.object, one.connection) == (kind, name)), None)
