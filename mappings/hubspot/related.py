"""Who asked: a ticket's requester is the contact that it is associated with, which takes up to two more reads.

The plain list and a read by id send the contact's id with the ticket, a search does not. Names and addresses are
always a read of their own. What is still to be asked is derived from the account alone, so that what an answer does
not mention is known to be missing and is not asked for again.
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
from mappings.spec import decode

ASSOCIATIONS: Final = "/crm/v4/associations/tickets/contacts/batch/read"
PERSON_PROPERTIES: Final = ("email", "firstname", "lastname", "phone")


class _Inputs(msgspec.Struct, frozen=True, kw_only=True):
    inputs: tuple[ObjectId, ...]


class _Linked(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    associations: TicketAssociations | msgspec.UnsetType = msgspec.UNSET


def linked(records: Iterable[msgspec.Raw], account: Account, *, told: bool) -> Account:
    """The account with the contacts of these tickets, and of no others. `told` says that the answer was asked for
    associations: then a ticket without any has no contact."""
    requesters: dict[str, tuple[str, ...]] = {}
    unlinked: list[str] = []
    for record in records:
        ticket = decode(record, _Linked)
        contacts = contact_ids(ticket.associations)
        if contacts or told:
            requesters[ticket.id] = contacts
        else:
            unlinked.append(ticket.id)
    return msgspec.structs.replace(account, requesters=requesters, unlinked=tuple(unlinked), people={})


def contact_ids(associations: TicketAssociations | msgspec.UnsetType) -> tuple[str, ...]:
    """The contacts that a ticket brings along, each once, in HubSpot's order."""
    if isinstance(associations, msgspec.UnsetType):
        return ()
    found = associations.contacts.results
    if len(found) == 1:  # nearly every ticket
        return (found[0].id,)
    return tuple(dict.fromkeys([one.id for one in found]))


def side_load(contacts: CrmObject, account: Account) -> VendorRequest | None:
    """The next read that completes the tickets: whose contacts they are, then who those are."""
    asked = account.unlinked[:BATCH]
    if asked:
        body = _Inputs(inputs=tuple(ObjectId(id=one) for one in asked))
        return VendorRequest(method="POST", path=ASSOCIATIONS, route=ASSOCIATIONS, body=msgspec.json.encode(body))
    people = _strangers(account)
    return contacts.read_batch(people, PERSON_PROPERTIES) if people else None


def absorb(reply: VendorReply, account: Account) -> Account:
    """The account with the answer to `side_load` in it. Raises VendorDrift where it has another shape."""
    asked = account.unlinked[:BATCH]
    if asked:
        told = {
            one.source.id: tuple(dict.fromkeys(str(target.to_object_id) for target in one.to))
            for one in decode(reply.body, AssociationsRead).results
        }
        return msgspec.structs.replace(
            account,
            requesters=account.requesters | {ticket: told.get(ticket, ()) for ticket in asked},
            unlinked=account.unlinked[BATCH:],
        )
    found: dict[str, Person | None] = dict.fromkeys(_strangers(account))
    for record in decode(reply.body, Records).results:
        contact = decode(record, ContactRecord)
        found[contact.id] = _person(contact)
    return msgspec.structs.replace(account, people=account.people | found)


def full_name(first: str | None, last: str | None) -> str | None:
    """The name as HubSpot shows it: both parts, whichever there are."""
    if first and last:
        return f"{first} {last}"
    return first or last or None


def _strangers(account: Account) -> tuple[str, ...]:
    """The first contact of each ticket, where nothing is known of it yet: as many as one read takes."""
    wanted = (contacts[0] for contacts in account.requesters.values() if contacts)
    return tuple(one for one in dict.fromkeys(wanted) if one not in account.people)[:BATCH]


def _person(contact: ContactRecord) -> Person:
    properties = contact.properties
    return Person(
        name=full_name(properties.get("firstname"), properties.get("lastname")),
        email=properties.get("email") or None,
        phone=properties.get("phone") or None,
    )
