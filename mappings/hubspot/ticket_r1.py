"""HubSpot ticket (CRM v3) ↔ canonical Ticket, revision 1.

A ticket is in a stage of a pipeline, which `account.py` reads as a status. Its requester is the associated contact, its
orders are the associated ones.
Properties: knowledge.hubspot.com, HubSpot's default ticket properties.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UnsetType

from canonical.parts import CustomField, Reference, ReferencePatch
from canonical.ticket import (
    STATUS_CATEGORY,
    Ticket,
    TicketChannel,
    TicketPatch,
    TicketPriority,
    TicketStatus,
    TicketType,
)
from mappings.hubspot import bodies
from mappings.hubspot.account import TICKET_ENUMERATIONS
from mappings.hubspot.custom_fields import read_custom_fields, write_custom_fields
from mappings.hubspot.endpoints import TICKETS
from mappings.hubspot.field_values import SEPARATOR, instant
from mappings.hubspot.related import contact_ids, order_ids, owner_of
from mappings.hubspot.wire_v3 import (
    CLEARED,
    DEFAULT_PIPELINE,
    EXTERNAL_ID,
    Account,
    AssociationType,
    NewAssociation,
    ObjectId,
    Pipeline,
    RecordWrite,
    Stage,
    TicketProperties,
    TicketRecord,
)
from mappings.kit import nearest, patches
from mappings.kit.html import plain
from mappings.kit.people import compare_person
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

PRIORITY: Final[dict[str, TicketPriority]] = {"LOW": "low", "MEDIUM": "normal", "HIGH": "high", "URGENT": "urgent"}
PRIORITY_WRITE: Final[dict[TicketPriority, str]] = {
    "low": "LOW",
    "normal": "MEDIUM",
    "high": "HIGH",
    "urgent": "URGENT",
    "none": CLEARED,
}
TYPE: Final[dict[str, TicketType]] = {
    "PRODUCT_ISSUE": "problem",
    "BILLING_ISSUE": "other",
    "FEATURE_REQUEST": "feature_request",
    "GENERAL_INQUIRY": "question",
}
TYPE_WRITE: Final[dict[TicketType, str]] = {
    "question": "GENERAL_INQUIRY",
    "problem": "PRODUCT_ISSUE",
    "feature_request": "FEATURE_REQUEST",
}
"""`other` is not written: HubSpot has no such category, and BILLING_ISSUE is more specific."""
CHANNEL: Final[dict[str, TicketChannel]] = {"CHAT": "chat", "EMAIL": "email", "FORM": "web_form", "PHONE": "phone"}
CHANNEL_WRITE: Final[dict[TicketChannel, str]] = {
    "chat": "CHAT",
    "email": "EMAIL",
    "web_form": "FORM",
    "phone": "PHONE",
}
UNSUPPORTED: Final[dict[str, str]] = {
    "team": "HubSpot derives a ticket's team from its owner",
    "company": "a ticket's company is an association, which this revision does not write",
    "parent": "HubSpot tickets have no parent",
    "followers": "HubSpot's API cannot set followers of a ticket",
    "tags": "HubSpot tickets have no tags",
    "due_at": "HubSpot tickets have no due date; rules of the account define service levels",
}
NEEDS_CONTACT: Final = (
    "HubSpot tickets name a contact: send requester.email of one, or of one to create, or requester.id or "
    "requester.remote_id"
)


def to_canonical(record: TicketRecord, account: Account) -> Mapped[Ticket]:
    """Return the ticket. HubSpot's "" and null are both null."""
    properties = msgspec.convert(record.properties, TicketProperties)
    notes = Notes()
    settings = account.custom_fields.get("ticket", ())
    custom: tuple[CustomField, ...] = ()
    if settings:
        custom = read_custom_fields(record.properties, settings, notes)
    pipeline = account.pipelines.get(properties.hs_pipeline or DEFAULT_PIPELINE)
    stage = pipeline.stages.get(properties.hs_pipeline_stage or "") if pipeline is not None else None
    status: TicketStatus = stage.status if stage is not None else "unknown"
    ticket = Ticket(
        number=record.id,
        subject=properties.subject or None,
        description=properties.content or None,
        status=status,
        status_raw=properties.hs_pipeline_stage or None,
        status_category=STATUS_CATEGORY[status],
        status_label=stage.label if stage is not None else None,
        priority=PRIORITY.get(properties.hs_ticket_priority, "unknown") if properties.hs_ticket_priority else "none",
        priority_raw=properties.hs_ticket_priority or None,
        type=_type(properties.hs_ticket_category, notes) if properties.hs_ticket_category else "unknown",
        type_raw=properties.hs_ticket_category or None,
        channel=CHANNEL.get(properties.source_type, "unknown") if properties.source_type else "unknown",
        channel_raw=properties.source_type or None,
        requester=_requester(record, account, notes),
        assignee=owner_of(properties.hubspot_owner_id, account),
        orders=tuple(Reference(remote_id=one) for one in _orders(record, account)),
        custom_fields=custom,
        first_responded_at=instant(properties.first_agent_reply_date, "first_agent_reply_date"),
        closed_at=instant(properties.closed_date, "closed_date"),
        external_id=properties.lockstitch_external_id or None,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    remote = Remote(id=record.id, url=record.url, created_at=record.created_at, updated_at=record.updated_at)
    return Mapped(data=ticket, remote=remote, loss=tuple(notes.loss))


def _type(text: str, notes: Notes) -> TicketType:
    if SEPARATOR in text:
        notes.lose("/type", "ambiguous", "the ticket has several categories; type_raw has them all")
    return TYPE.get(text, "unknown")


def _requester(record: TicketRecord, account: Account, notes: Notes) -> Reference | None:
    contacts = contact_ids(record.associations) or account.requesters.get(record.id)
    if not contacts:
        return None
    if len(contacts) > 1:
        notes.lose(
            "/requester", "ambiguous", f"{len(contacts)} contacts are associated with the ticket; this is the first"
        )
    person = account.people.get(contacts[0])
    if person is None:
        return Reference(remote_id=contacts[0])
    return Reference(remote_id=contacts[0], name=person.name, email=person.email, phone=person.phone)


def _orders(record: TicketRecord, account: Account) -> tuple[str, ...]:
    return order_ids(record.associations) or account.ticket_orders.get(record.id, ())


def to_vendor(patch: TicketPatch, current: TicketRecord | None, account: Account) -> Draft[RecordWrite]:
    """Return the properties to write, and on a create the contact. `current` is None on a create."""
    notes = Notes()
    patches.refuse_without_place(patch, UNSUPPORTED, notes)
    description = plain(patch.description, patch.description_html, "/description_html", "HubSpot", notes)
    priorities, categories, sources = (account.options.get(f"tickets.{name}") for name in TICKET_ENUMERATIONS)
    properties = bodies.sent(
        {
            "subject": patches.text(patch.subject, CLEARED),
            "content": patches.text(description, CLEARED),
            "hubspot_owner_id": patches.text(patches.remote_id(patch.assignee), CLEARED),
            EXTERNAL_ID: patches.text(patch.external_id, CLEARED),
            **_status_written(patch.status, current, account, notes),
            "hs_ticket_priority": bodies.chosen(
                patch.priority, PRIORITY_WRITE, priorities, "/priority", notes, nearest.PRIORITY
            ),
            "hs_ticket_category": bodies.chosen(
                patch.type, TYPE_WRITE, categories, "/type", notes, nearest.TICKET_TYPE
            ),
            "source_type": bodies.chosen(patch.channel, CHANNEL_WRITE, sources, "/channel", notes, nearest.CHANNEL),
        }
    )
    stored = None if current is None else current.properties
    properties |= write_custom_fields(patch.custom_fields, stored, account.custom_fields.get("ticket", ()), notes)
    associations = (
        *_write_requester(patch.requester, current, account, notes),
        *_write_orders(patch.orders, current, account, notes),
    )
    body = RecordWrite(properties=properties, associations=associations)
    return notes.draft(body)


def _status_written(
    status: TicketStatus | UnsetType, current: TicketRecord | None, account: Account, notes: Notes
) -> Mapping[str, str]:
    """Return the stage of the ticket's pipeline that reads as this status: the present one if it does, else the first
    in display order. A new ticket goes to the account's first pipeline."""
    if isinstance(status, UnsetType):
        return {}
    pipeline = _pipeline(current, account)
    if pipeline is None:
        notes.invalid("/status", "the ticket's pipeline is unknown: its status cannot be written")
        return {}
    available = dict.fromkeys(stage.status for stage in pipeline.stages.values())
    wanted = (
        status if status in available else patches.nearest(status, available, nearest.TICKET_STATUS, "/status", notes)
    )
    stage = None if wanted is None else _stage(pipeline, current, wanted)
    if stage is None:
        notes.invalid("/status", f"the HubSpot pipeline {pipeline.label!r} has one of: {', '.join(available)}")
        return {}
    chosen = {"hs_pipeline_stage": stage.id}
    return chosen if current is not None else {"hs_pipeline": pipeline.id} | chosen


def _pipeline(current: TicketRecord | None, account: Account) -> Pipeline[TicketStatus] | None:
    if current is None:
        return next(iter(account.pipelines.values()), None)
    return account.pipelines.get(current.properties.get("hs_pipeline") or DEFAULT_PIPELINE)


def _stage(
    pipeline: Pipeline[TicketStatus], current: TicketRecord | None, status: TicketStatus
) -> Stage[TicketStatus] | None:
    present = pipeline.stages.get(current.properties.get("hs_pipeline_stage") or "") if current is not None else None
    if present is not None and present.status == status:
        return present
    return next((stage for stage in pipeline.stages.values() if stage.status == status), None)


def _write_requester(
    requester: ReferencePatch | None | UnsetType, current: TicketRecord | None, account: Account, notes: Notes
) -> tuple[NewAssociation, ...]:
    """Return the association with the contact. HubSpot accepts its id, only on a create."""
    if isinstance(requester, UnsetType):
        return ()
    if current is not None:
        present = contact_ids(current.associations) or account.requesters.get(current.id) or ()
        if (requester.remote_id if requester is not None else None) != next(iter(present), None):
            detail = "HubSpot keeps the requester as an association, which cannot be changed together with the ticket"
            notes.unsupported("/requester", detail)
            return ()
    if requester is None:
        return ()
    if requester.remote_id is None:
        _without_id(requester, notes)
        return ()
    person = account.people.get(requester.remote_id)
    known = {} if person is None else {"name": person.name, "email": person.email, "phone": person.phone}
    compare_person(requester, known, "/requester", notes)
    return (NewAssociation(to=ObjectId(id=requester.remote_id)),) if current is None else ()


def _write_orders(
    orders: tuple[ReferencePatch, ...] | None | UnsetType,
    current: TicketRecord | None,
    account: Account,
    notes: Notes,
) -> tuple[NewAssociation, ...]:
    """Return the associations with orders of this account, only on a create."""
    if isinstance(orders, UnsetType):
        return ()
    wanted = dict.fromkeys(one.remote_id for one in orders or () if one.remote_id is not None)
    if current is not None:
        if wanted.keys() != set(_orders(current, account)):
            detail = "HubSpot keeps a ticket's orders as associations, which cannot be changed together with the ticket"
            notes.unsupported("/orders", detail)
        return ()
    if not wanted:
        return ()
    if account.ticket_to_order is None:
        notes.lose("/orders", "dropped", "the token lacks the scopes of orders")
        return ()
    kind = AssociationType(association_type_id=account.ticket_to_order)
    return tuple(NewAssociation(to=ObjectId(id=one), types=(kind,)) for one in wanted)


def _without_id(requester: ReferencePatch, notes: Notes) -> None:
    if requester.id is not None:
        notes.invalid("/requester/id", "unknown customer at this connection")
        return
    notes.lose("/requester", "dropped", NEEDS_CONTACT)


TICKET: Final = VendorMapping(
    vendor="hubspot",
    object="ticket",
    revision=1,
    vendor_api="v3",
    record=TicketRecord,
    account=Account,
    endpoints=TICKETS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
)
