"""Endpoints of contacts and tickets, and how to recover lost writes."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from mappings.endpoints import Action, ListQuery, Recovery, Sort, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot import paging, related
from mappings.hubspot.requests import CrmObject
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
from mappings.kit.recovery import by_state

CONTACT_CALLS: Final = CrmObject(
    name="customer",
    path="/crm/v3/objects/contacts",
    group="contactinformation",
    modified="lastmodifieddate",
    reads=(ContactProperties, ContactConsents),
)
TICKET_CALLS: Final = CrmObject(
    name="ticket",
    path="/crm/v3/objects/tickets",
    group="ticketinformation",
    modified="hs_lastmodifieddate",
    reads=(TicketProperties,),
    associations=lambda account: "contacts" if account.ticket_to_order is None else "contacts,orders",
)
SORTS: Final[frozenset[Sort]] = frozenset({"created_at", "-created_at", "updated_at", "-updated_at"})

_DEFAULT_PIPELINE: Final = documented_pipelines()[DEFAULT_PIPELINE]
RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="Every new record has the operation id in a unique property. It is read by that property, which is "
        "strongly consistent, and HubSpot refuses a second record with the same value, so even a "
        "resend could not make two.",
    ),
    "update": by_state(
        "HubSpot has no idempotency key for updates. The record is read by its id and compared; setting the "
        "same values again changes nothing but the time of the last change."
    ),
    "archive": by_state("An archived record is no longer found by its id, and archiving it again changes nothing."),
}


Link = Callable[..., Account]
"""`related.linked` or `related.linked_orders`."""


def linked_page(
    calls: CrmObject, link: Link, reply: VendorReply, query: ListQuery, account: Account
) -> VendorPage[Account]:
    """Return a page of records, and the ids of the records that they are linked to if the reply has them."""
    page = paging.page(calls, reply, query, account)
    linked = link(page.records, account, has_associations=paging.is_plain(calls, query))
    return VendorPage(records=page.records, next=page.next, account=linked)


def linked_record(
    calls: CrmObject, link: Link, reply: VendorReply, account: Account
) -> tuple[msgspec.Raw | None, Account]:
    """Return one record, and the ids of the records that it is linked to if the reply has them."""
    record, account = calls.record(reply, account)
    if record is None:
        return None, account
    # A read by id requests associations; a batch of one cannot.
    return record, link((record,), account, has_associations=bytes(record) == reply.body)


def create_ticket(body: RecordWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new ticket. HubSpot requires a stage: without a status it is the first stage of the first
    pipeline, as for a ticket that a person opens."""
    if "hs_pipeline_stage" not in body.properties:
        pipeline = next(pipeline for pipeline in (*account.pipelines.values(), _DEFAULT_PIPELINE) if pipeline.stages)
        first = {"hs_pipeline": pipeline.id, "hs_pipeline_stage": next(iter(pipeline.stages))}
        body = msgspec.structs.replace(body, properties=first | body.properties)
    return TICKET_CALLS.create(body, marker, parent, account)


CONTACTS: Final = dataclasses.replace(
    CONTACT_CALLS.endpoints(recovery=RECOVERY, find_marker=CONTACT_CALLS.find_marker),
    list=partial(paging.list_request, CONTACT_CALLS),
    page=partial(paging.page, CONTACT_CALLS),
    filters=frozenset({"email", "external_id"}),
    sorts=SORTS,
    side_load=related.side_load_owners,
    absorb=related.absorb_owners,
    named={"owner": related.OWNER},
    find={"email": CONTACT_CALLS.finder("email"), "external_id": CONTACT_CALLS.finder(EXTERNAL_ID)},
)
TICKETS: Final = dataclasses.replace(
    TICKET_CALLS.endpoints(
        recovery={action: RECOVERY[action] for action in ("create", "update")}, find_marker=TICKET_CALLS.find_marker
    ),
    record=partial(linked_record, TICKET_CALLS, related.linked),
    list=partial(paging.list_request, TICKET_CALLS),
    page=partial(linked_page, TICKET_CALLS, related.linked),
    filters=frozenset({"external_id", "number", "requester", "status"}),
    sorts=SORTS,
    side_load=partial(related.side_load, CONTACT_CALLS),
    absorb=related.absorb,
    with_customers=related.with_customers,
    named={"assignee": related.OWNER},
    person=lambda ticket: "id",
    create=create_ticket,
    find={"external_id": TICKET_CALLS.finder(EXTERNAL_ID)},
)
