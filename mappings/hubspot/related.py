"""Requesters of tickets. A requester is the associated contact, which takes up to two more reads.

The plain list and a read by id return the id of the contact with the ticket, a search does not. Names and addresses
need another read. `side_load` derives the next read from the account alone. What a reply omits is recorded as missing
and is not requested again.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.requests import BATCH, CrmObject
from mappings.hubspot.wire_v3 import (
    Account,
    AssociationsRead,
    ContactRecord,
    ObjectId,
    Person,
    Records,
    TicketAssociations,
)
from mappings.kit.names import full_name
from mappings.spec import decode

ASSOCIATIONS: Final = "/crm/v4/associations/tickets/contacts/batch/read"
PERSON_PROPERTIES: Final = ("email", "firstname", "lastname", "phone")


class _Inputs(msgspec.Struct, frozen=True, kw_only=True):
    inputs: tuple[ObjectId, ...]


class _Linked(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    associations: TicketAssociations | msgspec.UnsetType = msgspec.UNSET


def linked(records: Iterable[msgspec.Raw], account: Account, *, has_associations: bool) -> Account:
    """Return the account with the contact ids of `records` only. `has_associations` says that the request included
    associations: then a ticket without any has no contact."""
    requesters: dict[str, tuple[str, ...]] = {}
    unlinked: list[str] = []
    for record in records:
        ticket = decode(record, _Linked)
        contacts = contact_ids(ticket.associations)
        if contacts or has_associations:
            requesters[ticket.id] = contacts
        else:
            unlinked.append(ticket.id)
    return msgspec.structs.replace(account, requesters=requesters, unlinked=tuple(unlinked), people={})


def contact_ids(associations: TicketAssociations | msgspec.UnsetType) -> tuple[str, ...]:
    """Return the ids of the contacts in a ticket's associations, each once, in HubSpot's order."""
    if isinstance(associations, msgspec.UnsetType):
        return ()
    found = associations.contacts.results
    if len(found) == 1:  # nearly every ticket
        return (found[0].id,)
    return tuple(dict.fromkeys([one.id for one in found]))


def side_load(contacts: CrmObject, tickets: tuple[msgspec.Raw, ...], account: Account) -> VendorRequest | None:
    """Build the next read that completes the tickets: the ids of their contacts, then the contacts."""
    unlinked = account.unlinked[:BATCH]
    if unlinked:
        body = _Inputs(inputs=tuple(ObjectId(id=one) for one in unlinked))
        return VendorRequest(method="POST", path=ASSOCIATIONS, route=ASSOCIATIONS, body=msgspec.json.encode(body))
    people = _unread_people(account)
    return contacts.read_batch(people, PERSON_PROPERTIES) if people else None


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account with the reply to `side_load`. Raises VendorDrift for another shape."""
    unlinked = account.unlinked[:BATCH]
    if unlinked:
        found = {
            one.source.id: tuple(dict.fromkeys(str(target.to_object_id) for target in one.to))
            for one in decode(reply.body, AssociationsRead).results
        }
        return msgspec.structs.replace(
            account,
            requesters=account.requesters | {ticket: found.get(ticket, ()) for ticket in unlinked},
            unlinked=account.unlinked[BATCH:],
        )
    people: dict[str, Person | None] = dict.fromkeys(_unread_people(account))
    for record in decode(reply.body, Records).results:
        contact = decode(record, ContactRecord)
        people[contact.id] = _person(contact)
    return msgspec.structs.replace(account, people=account.people | people)


def _unread_people(account: Account) -> tuple[str, ...]:
    """The first contact of each ticket, without those that were read. At most one batch."""
    wanted = (contacts[0] for contacts in account.requesters.values() if contacts)
    return tuple(one for one in dict.fromkeys(wanted) if one not in account.people)[:BATCH]


def _person(contact: ContactRecord) -> Person:
    properties = contact.properties
    return Person(
        name=full_name(properties.get("firstname"), properties.get("lastname")),
        email=properties.get("email") or None,
        phone=properties.get("phone") or None,
    )
