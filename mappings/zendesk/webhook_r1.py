"""Zendesk event webhooks → canonical Ticket and Customer, revision 1. An event carries only a part of the record."""

from typing import Final

import msgspec

from canonical import values
from canonical.customer import Customer, CustomerStatus
from canonical.parts import Loss, Reference
from canonical.ticket import STATUS_CATEGORY, Ticket, TicketStatus
from mappings.kit import markers
from mappings.kit.contact_points import one_email
from mappings.kit.references import reference
from mappings.spec import Mapped, ReadShape, Remote, Unmappable
from mappings.zendesk.enums import CHANNEL, PRIORITY, STATUS, TYPE, status_label
from mappings.zendesk.people import person_of
from mappings.zendesk.wire_v2 import Account, Via
from mappings.zendesk.wire_webhook import MEMBERS, Change, TicketEvent, UserEvent
from mappings.zendesk.wire_webhook import TYPE as EVENT_TYPE

ENDED_BY: Final[dict[str, TicketStatus]] = {
    "soft_deleted": "deleted",
    "permanently_deleted": "deleted",
    "marked_as_spam": "spam",
}
"""Events whose `detail` has the status before the event."""
NOT_IN_TICKET_EVENTS: Final = ("followers", "custom_fields", "due_at", "parent")
NAMED_BY: Final[dict[str, str]] = {"name_changed": "display_name", "notes_changed": "notes"}
"""The field whose new text an event of a user has, which its `detail` lacks."""
NOT_IN_USER_EVENTS: Final = (
    "display_name",
    "company_name",
    "phones",
    "language",
    "timezone",
    "notes",
    "tags",
    "custom_fields",
)


def ticket_of_event(record: TicketEvent, account: Account) -> Mapped[Ticket]:
    """Map the ticket after the event.

    Raises Unmappable for an event about another object, and for a thin one that holds the id alone.
    """
    happened = _event_of("ticket", record.type)
    detail = record.detail
    if not detail.status or detail.created_at is None or detail.updated_at is None:
        raise Unmappable("$.detail", "the event has only the id of the ticket: read the ticket")
    word = detail.status.lower()
    status = ENDED_BY.get(happened) or STATUS.get(word, "unknown")
    custom_status = _id(detail.custom_status)
    channel, channel_raw = _channel(detail.via)
    merged_into = record.event.target_ticket_id if happened == "merged" and record.event is not None else None
    ticket = Ticket(
        number=detail.id,
        subject=detail.subject,
        description=detail.description,
        status=status,
        status_raw=detail.status,
        status_category=STATUS_CATEGORY[status],
        status_label=status_label(word, int(custom_status) if custom_status else None, account),
        priority=PRIORITY.get(_word(detail.priority), "unknown"),
        priority_raw=detail.priority,
        type=TYPE.get(_word(detail.type), "unknown"),
        type_raw=detail.type,
        channel=CHANNEL.get(channel, "unknown"),
        channel_raw=channel_raw,
        requester=_person(detail.requester_id, account),
        assignee=_person(detail.assignee_id, account),
        team=reference(_id(detail.group_id)),
        company=reference(_id(detail.organization_id)),
        merged_into=reference(merged_into),
        tags=detail.tags or (),
        external_id=markers.own_key(detail.external_id),
        created_at=values.utc(detail.created_at),
        updated_at=values.utc(detail.updated_at),
    )
    remote = Remote(id=detail.id, created_at=ticket.created_at, updated_at=ticket.updated_at)
    return Mapped(data=ticket, remote=remote, loss=_missing(NOT_IN_TICKET_EVENTS))


def customer_of_event(record: UserEvent, account: Account) -> Mapped[Customer]:
    """Map the user of an event.

    Raises Unmappable for an event about another object, and for a thin one that holds the id alone.
    """
    happened = _event_of("user", record.type)
    detail = record.detail
    if not detail.role and not detail.email:
        raise Unmappable("$.detail", "the event has only the id of the user: read the user")
    status, status_raw = _user_status(happened, record)
    loss: list[Loss] = []
    text = _text(record.event)
    named = None if text is None else NAMED_BY.get(happened)
    customer = Customer(
        kind="person" if detail.role in ("end-user", "agent", "admin") else "unknown",
        kind_raw=detail.role,
        display_name=text or None if named == "display_name" else None,
        notes=text or None if named == "notes" else None,
        emails=one_email(detail.email, loss, "lower-cased"),
        status=status,
        status_raw=status_raw,
        external_id=markers.own_key(detail.external_id),
        created_at=values.utc(detail.created_at),
        updated_at=values.utc(detail.updated_at),
    )
    present = named if status_raw is None else "status"
    missing = tuple(name for name in (*NOT_IN_USER_EVENTS, "status") if name != present)
    remote = Remote(id=detail.id, created_at=customer.created_at, updated_at=customer.updated_at)
    return Mapped(data=customer, remote=remote, loss=(*_missing(missing), *loss))


def _event_of(object_name: str, event_type: str) -> str:
    prefix = f"{EVENT_TYPE}{object_name}."
    if not event_type.startswith(prefix):
        raise Unmappable("$.type", f"the event is not about a {object_name}")
    return event_type.removeprefix(prefix)


def _id(text: str | None) -> str | None:
    """Return an id, which is text here. None for "0"."""
    return text if text and text.isascii() and text.isdecimal() and text.strip("0") else None


def _word(text: str | None) -> str | None:
    return text.lower() if text else None


def _channel(via: Via | None) -> tuple[str | int | None, str | None]:
    channel = None if via is None else via.channel
    return channel, channel if channel is None or isinstance(channel, str) else str(channel)


def _person(text: str | None, account: Account) -> Reference | None:
    id = _id(text)
    return None if id is None else person_of(int(id), account)


def _user_status(happened: str, record: UserEvent) -> tuple[CustomerStatus, str | None]:
    current = b"null" if record.event is None else bytes(record.event.current)
    if happened == "deleted" or (happened == "active_changed" and current == b"false"):
        return "archived", "inactive"
    if happened == "suspended_changed" and current == b"true":
        return "blocked", "suspended"
    if happened == "created" or (happened == "active_changed" and current == b"true"):
        return "active", "active"
    return "unknown", None


def _text(change: Change | None) -> str | None:
    """Return the new text of a change; None for any other value."""
    value = None if change is None else msgspec.json.decode(change.current)
    return value if isinstance(value, str) else None


def _missing(names: tuple[str, ...]) -> tuple[Loss, ...]:
    detail = "Zendesk's event does not contain it: read the record"
    return tuple(Loss(path=f"/{name}", kind="dropped", detail=detail) for name in names)


def _is_event(names: frozenset[str]) -> bool:
    return names >= MEMBERS


TICKET_EVENT: Final = ReadShape(record=TicketEvent, matches=_is_event, to_canonical=ticket_of_event)
USER_EVENT: Final = ReadShape(record=UserEvent, matches=_is_event, to_canonical=customer_of_event)
