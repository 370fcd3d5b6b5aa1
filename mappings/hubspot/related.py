"""Owners; requesters and orders of tickets, and buyers and line items of orders, which are associations.

A requester is the associated contact, which takes up to two more reads.

The plain list and a read by id return the ids of associated records, a search does not. Names and addresses of a
requester need another read. The buyer of an order needs none, because the order holds a snapshot. Line items are read
in batches of 100. `side_load` derives the next read from the account alone. What a reply omits is recorded as missing
and is not requested again.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import msgspec

from canonical import values
from canonical.parts import Reference
from mappings.endpoints import NamedRead
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.account import OWNERS, owners_of
from mappings.hubspot.requests import BATCH, CrmObject
from mappings.hubspot.wire_order_v3 import LineItemProperties, OrderAssociations
from mappings.hubspot.wire_v3 import (
    Account,
    AssociatedIds,
    AssociationsRead,
    ContactRecord,
    ObjectId,
    Owner,
    Person,
    Records,
    Stub,
    TicketAssociations,
)
from mappings.kit.names import full_name
from mappings.kit.rest import get
from mappings.spec import decode

ASSOCIATIONS: Final = "/crm/v4/associations/%s/batch/read"
BUYERS: Final = "contacts"
LINES: Final = "line_items"
OK: Final = 200
PERSON_PROPERTIES: Final = ("email", "firstname", "lastname", "phone")


class _Inputs(msgspec.Struct, frozen=True, kw_only=True):
    inputs: tuple[ObjectId, ...]


class _OwnedProperties(msgspec.Struct, frozen=True, kw_only=True):
    hubspot_owner_id: str | None = None


class _Owned(msgspec.Struct, frozen=True, kw_only=True):
    properties: _OwnedProperties = _OwnedProperties()


class _LinkedOrder(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    associations: OrderAssociations = OrderAssociations()


class _Linked(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    associations: TicketAssociations | msgspec.UnsetType = msgspec.UNSET


def owner_of(id: str | None, account: Account) -> Reference | None:
    """Return the owner of a record, with name and address if the account's owners are known."""
    if not id:
        return None
    known = (account.owners or {}).get(id)
    if known is None:
        return Reference(remote_id=id)
    return _owner(known)


def side_load_owners(records: Iterable[msgspec.Raw], account: Account) -> VendorRequest | None:
    """Build the read of the account's owners, with the first record that has one."""
    if account.owners is not None or not any(decode(one, _Owned).properties.hubspot_owner_id for one in records):
        return None
    return OWNERS


def absorb_owners(reply: VendorReply, account: Account) -> Account:
    """Return the account with its owners: none are known if the token may not read them."""
    return msgspec.structs.replace(account, owners=owners_of(reply) if reply.status == OK else {})


def read_owner(id: str) -> VendorRequest:
    """Build the read of one owner. The account facts have the first 500, of about ten minutes ago."""
    return get(f"/crm/v3/owners/{quote(id, safe='')}", route="/crm/v3/owners/{id}")


OWNER: Final = NamedRead(request=read_owner, keys=lambda reply: _owner(decode(reply.body, Owner)))


def _owner(owner: Owner) -> Reference:
    email = values.email(owner.email) if owner.email else None
    return Reference(remote_id=owner.id, name=full_name(owner.first_name, owner.last_name), email=email)


def linked(records: Iterable[msgspec.Raw], account: Account, *, has_associations: bool) -> Account:
    """Return the account with the contact and order ids of `records` only. `has_associations` says that the request
    included associations: then a ticket without any has no contact and no order."""
    requesters: dict[str, tuple[str, ...]] = {}
    orders: dict[str, tuple[str, ...]] = {}
    unlinked: list[str] = []
    for record in records:
        ticket = decode(record, _Linked)
        contacts = contact_ids(ticket.associations)
        if contacts or has_associations:
            requesters[ticket.id], orders[ticket.id] = contacts, order_ids(ticket.associations)
        else:
            unlinked.append(ticket.id)
    return msgspec.structs.replace(
        account,
        requesters=requesters,
        unlinked=tuple(unlinked),
        people={},
        ticket_orders=orders,
        without_orders=() if account.ticket_to_order is None else tuple(unlinked),
    )


def contact_ids(associations: TicketAssociations | msgspec.UnsetType) -> tuple[str, ...]:
    """Return the ids of the contacts in a ticket's associations, each once, in HubSpot's order."""
    if isinstance(associations, msgspec.UnsetType):
        return ()
    results = associations.contacts.results
    if len(results) == 1:  # nearly every ticket
        return (results[0].id,)
    return ids_of(associations.contacts)


def order_ids(associations: TicketAssociations | msgspec.UnsetType) -> tuple[str, ...]:
    """Return the ids of the orders in a ticket's associations, each once, in HubSpot's order."""
    return () if isinstance(associations, msgspec.UnsetType) else ids_of(associations.orders)


def ids_of(*associated: AssociatedIds) -> tuple[str, ...]:
    """Return the ids of associated records, each once, in HubSpot's order."""
    return tuple(dict.fromkeys([one.id for group in associated for one in group.results]))


def linked_orders(records: Iterable[msgspec.Raw], account: Account, *, has_associations: bool) -> Account:
    """Return the account with the ids of the buyers and line items of `records` only, like `linked` for tickets."""
    links: dict[str, dict[str, tuple[str, ...]]] = {BUYERS: {}, LINES: {}}
    unlinked: list[str] = []
    for record in records:
        order = decode(record, _LinkedOrder)
        associations = order.associations
        buyers, lines = ids_of(associations.contacts), ids_of(associations.line_items, associations.underscored)
        if has_associations or buyers or lines:
            links[BUYERS][order.id], links[LINES][order.id] = buyers, lines
        else:
            unlinked.append(order.id)
    return msgspec.structs.replace(
        account,
        order_links=links,
        unlinked_orders={BUYERS: tuple(unlinked), LINES: tuple(unlinked)} if unlinked else {},
        line_items={},
    )


def side_load_orders(items: CrmObject, orders: tuple[msgspec.Raw, ...], account: Account) -> VendorRequest | None:
    """Build the next read that completes the orders: ids of buyers, ids of line items, then the line items."""
    waiting = _unlinked_orders(account)
    if waiting is not None:
        kind, ids = waiting
        return _read_associations(f"orders/{kind}", ids)
    lines = _unread_lines(account)
    return items.read_batch(lines, LineItemProperties.__struct_fields__) if lines else None


def absorb_orders(reply: VendorReply, account: Account) -> Account:
    """Return the account with the reply to `side_load_orders`. Raises VendorDrift for another shape."""
    waiting = _unlinked_orders(account)
    if waiting is not None:
        kind, ids = waiting
        targets = _targets(reply)
        links = account.order_links.get(kind, {}) | {order: targets.get(order, ()) for order in ids}
        rest = account.unlinked_orders[kind][len(ids) :]
        return msgspec.structs.replace(
            account,
            order_links=account.order_links | {kind: links},
            unlinked_orders=account.unlinked_orders | {kind: rest},
        )
    lines: dict[str, Stub | None] = dict.fromkeys(_unread_lines(account))
    for record in decode(reply.body, Records).results:
        line = decode(record, Stub)
        lines[line.id] = line
    return msgspec.structs.replace(account, line_items=account.line_items | lines)


def side_load(contacts: CrmObject, tickets: tuple[msgspec.Raw, ...], account: Account) -> VendorRequest | None:
    """Build the next read that completes the tickets: the ids of their contacts, of their orders, the contacts, and the
    account's owners."""
    if account.unlinked:
        return _read_associations("tickets/contacts", account.unlinked[:BATCH])
    if account.without_orders:
        return _read_associations("tickets/orders", account.without_orders[:BATCH])
    people = _unread_people(account)
    return contacts.read_batch(people, PERSON_PROPERTIES) if people else side_load_owners(tickets, account)


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account with the reply to `side_load`. Raises VendorDrift for another shape."""
    unlinked = account.unlinked[:BATCH]
    if unlinked:
        targets = _targets(reply)
        return msgspec.structs.replace(
            account,
            requesters=account.requesters | {ticket: targets.get(ticket, ()) for ticket in unlinked},
            unlinked=account.unlinked[BATCH:],
        )
    without = account.without_orders[:BATCH]
    if without:
        targets = _targets(reply)
        return msgspec.structs.replace(
            account,
            ticket_orders=account.ticket_orders | {ticket: targets.get(ticket, ()) for ticket in without},
            without_orders=account.without_orders[BATCH:],
        )
    people: dict[str, Person | None] = dict.fromkeys(_unread_people(account))
    if not people:
        return absorb_owners(reply, account)
    for record in decode(reply.body, Records).results:
        contact = decode(record, ContactRecord)
        people[contact.id] = _person(contact)
    return msgspec.structs.replace(account, people=account.people | people)


def with_customers(contacts: tuple[msgspec.Raw, ...], account: Account) -> Account:
    """Return the account with these contacts, which were read in full."""
    records = (decode(one, ContactRecord) for one in contacts)
    return msgspec.structs.replace(account, people=account.people | {one.id: _person(one) for one in records})


def _unread_people(account: Account) -> tuple[str, ...]:
    """Return the first contact of each ticket, without those that were read. At most one batch."""
    wanted = (contacts[0] for contacts in account.requesters.values() if contacts)
    return tuple(one for one in dict.fromkeys(wanted) if one not in account.people)[:BATCH]


def _person(contact: ContactRecord) -> Person:
    properties = contact.properties
    return Person(
        name=full_name(properties.get("firstname"), properties.get("lastname")),
        email=properties.get("email") or None,
        phone=properties.get("phone") or None,
    )


def _read_associations(between: str, ids: tuple[str, ...]) -> VendorRequest:
    """Build the read of the associations of up to 100 records."""
    path = ASSOCIATIONS % between
    body = _Inputs(inputs=tuple(ObjectId(id=one) for one in ids))
    return VendorRequest(method="POST", path=path, route=path, body=msgspec.json.encode(body))


def _targets(reply: VendorReply) -> dict[str, tuple[str, ...]]:
    """Return the ids of the associated records, by record."""
    return {
        one.source.id: tuple(dict.fromkeys(str(target.to_object_id) for target in one.to))
        for one in decode(reply.body, AssociationsRead).results
    }


def _unlinked_orders(account: Account) -> tuple[str, tuple[str, ...]] | None:
    """Return the next type of association to read, and the orders: at most one batch."""
    kind = next((kind for kind, ids in account.unlinked_orders.items() if ids), None)
    return None if kind is None else (kind, account.unlinked_orders[kind][:BATCH])


def _unread_lines(account: Account) -> tuple[str, ...]:
    """Return the line items of the orders, without those that were read. At most one batch."""
    wanted = dict.fromkeys(line for lines in account.order_links.get(LINES, {}).values() for line in lines)
    return tuple(one for one in wanted if one not in account.line_items)[:BATCH]
