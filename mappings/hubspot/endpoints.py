"""How contacts and tickets are reached: the manifest of their calls, and how a lost write is settled."""

from functools import partial
from typing import Final

import msgspec

from mappings.http import VendorReply, VendorRequest
from mappings.hubspot import paging, related, requests
from mappings.hubspot.requests import CONTACTS_GROUP, TICKETS_GROUP, CrmObject
from mappings.hubspot.wire_v3 import (
    DEFAULT_PIPELINE,
    EXTERNAL_ID,
    Account,
    ContactConsents,
    ContactProperties,
    RecordWrite,
    TicketProperties,
    documented_pipelines,
)
from mappings.spec import Action, Endpoints, ListQuery, Page, Recovery

CONTACT_CALLS: Final = CrmObject(
    name="customer",
    path="contacts",
    group=CONTACTS_GROUP,
    modified="lastmodifieddate",
    reads=(ContactProperties, ContactConsents),
)
TICKET_CALLS: Final = CrmObject(
    name="ticket",
    path="tickets",
    group=TICKETS_GROUP,
    modified="hs_lastmodifieddate",
    reads=(TicketProperties,),
    associations="contacts",
)
SETUP: Final = (*CONTACT_CALLS.setup(), *TICKET_CALLS.setup())

_FRESH: Final = documented_pipelines()[DEFAULT_PIPELINE]
_RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="Every record that we create carries its operation in a unique property. It is read back by that "
        "property, which is strongly consistent, and HubSpot refuses a second record with the same value, so even a "
        "resend could not make two.",
    ),
    "update": Recovery(
        by="state",
        strength="strong",
        note="HubSpot has no idempotency key for updates. The record is read by its id and compared; setting the "
        "same values again changes nothing but the time of the last change.",
    ),
    "archive": Recovery(
        by="state",
        strength="strong",
        note="An archived record is no longer found by its id, and archiving it again changes nothing.",
    ),
}


def ticket_page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """A page of tickets, and whose they are as far as the answer tells."""
    page = paging.page(TICKET_CALLS, reply, query, account)
    enriched = related.linked(page.records, account, told=paging.is_plain(query))
    return Page(records=page.records, next=page.next, account=enriched)


def ticket_record(reply: VendorReply, account: Account) -> tuple[msgspec.Raw | None, Account]:
    """One ticket and whose it is."""
    record, account = requests.record(reply, account)
    if record is None:
        return None, account
    # A read by id was asked for associations; a batch of one cannot be.
    return record, related.linked((record,), account, told=bytes(record) == reply.body)


def side_load_people(_tickets: tuple[msgspec.Raw, ...], account: Account) -> VendorRequest | None:
    """The next read that completes tickets with their requesters."""
    return related.side_load(CONTACT_CALLS, account)


def create_ticket(body: RecordWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new ticket. HubSpot takes none without a stage: where the caller names no status it begins in the first stage
    of the first pipeline, as one that a person opens does."""
    if "hs_pipeline_stage" not in body.properties:
        pipeline = next(pipeline for pipeline in (*account.pipelines.values(), _FRESH) if pipeline.stages)
        first = {"hs_pipeline": pipeline.id, "hs_pipeline_stage": next(iter(pipeline.stages))}
        body = msgspec.structs.replace(body, properties=first | body.properties)
    return TICKET_CALLS.create(body, marker, parent, account)


CONTACTS: Final = Endpoints[RecordWrite, Account](
    read=CONTACT_CALLS.read,
    record=requests.record,
    list=partial(paging.list_request, CONTACT_CALLS),
    page=partial(paging.page, CONTACT_CALLS),
    filters=frozenset({"email", "external_id"}),
    create=CONTACT_CALLS.create,
    update=CONTACT_CALLS.update,
    find={"email": CONTACT_CALLS.finder("email"), "external_id": CONTACT_CALLS.finder(EXTERNAL_ID)},
    archive=CONTACT_CALLS.archive,
    receipt=requests.receipt,
    find_marker=CONTACT_CALLS.find_marker,
    marked=requests.marked,
    recovery=_RECOVERY,
)
TICKETS: Final = Endpoints[RecordWrite, Account](
    read=TICKET_CALLS.read,
    record=ticket_record,
    list=partial(paging.list_request, TICKET_CALLS),
    page=ticket_page,
    filters=frozenset({"external_id", "number", "status"}),
    side_load=side_load_people,
    absorb=related.absorb,
    create=create_ticket,
    update=TICKET_CALLS.update,
    find={"external_id": TICKET_CALLS.finder(EXTERNAL_ID)},
    receipt=requests.receipt,
    find_marker=TICKET_CALLS.find_marker,
    marked=requests.marked,
    recovery={action: _RECOVERY[action] for action in ("create", "update")},
)
