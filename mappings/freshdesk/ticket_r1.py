"""Freshdesk ticket (API v2) ↔ canonical Ticket, revision 1.

A ticket has no field for a caller's key: `unique_external_id` is its requester's. Spam and deletion are flags that take
precedence over the status. Messages are HTML: plain text is converted to it, and Freshdesk derives plain text from it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Instant, Loss, Reference, sent_or
from canonical.ticket import STATUS_CATEGORY, Follower, Ticket, TicketPatch, TicketStatus
from mappings.freshdesk import bodies, wire_v2
from mappings.freshdesk.endpoints_ticket import ENDPOINTS
from mappings.freshdesk.enums import (
    PRIORITY,
    PRIORITY_WRITTEN,
    SOURCE,
    SOURCE_WRITTEN,
    TYPE,
    statuses_written,
    types_written,
)
from mappings.freshdesk.field_values import LONGEST_LINE, OWN_FONT, PLAIN, attachments
from mappings.freshdesk.people import copied_written, requester_written
from mappings.freshdesk.wire_v2 import Account, TicketWrite
from mappings.kit import json_custom_fields, nearest, patches
from mappings.kit.contact_points import email_address
from mappings.kit.html import html_of, html_or_text, sanitised, text_of
from mappings.kit.references import reference
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

NO_PLACE: Final[dict[str, str]] = {
    "external_id": "Freshdesk tickets have no external id: configure a ticket field as a custom field",
    "orders": "Freshdesk tickets have no order: configure a ticket field as a custom field",
    "parent": "Lockstitch only reads the parent of a Freshdesk ticket: link tickets in Freshdesk",
}
CHILD: Final = 2
"""The `association_type` of a ticket that has a parent."""
LONGEST_SUBJECT: Final = 80
"""Characters of a subject that is made from the text. Freshdesk stores up to 255."""
UNTIL_SENT: Final = timedelta(minutes=1)
"""How long after its draft a ticket may be created."""
Due = Instant | UnsetType


def to_canonical(record: wire_v2.Ticket, account: Account) -> Mapped[Ticket]:
    """Return a ticket in canonical form. The requester has only what Freshdesk includes in the ticket."""
    loss: list[Loss] = []
    created_at, updated_at = values.utc(record.created_at), values.utc(record.updated_at)
    status, status_raw = _status(record, account)
    stats, html = record.stats, record.description
    settings = account.custom_fields.get("ticket", ())
    ticket = Ticket(
        number=str(record.id),
        subject=record.subject,
        description=record.description_text,
        description_html=None if html is None else sanitised(html, "/description_html", loss, own=OWN_FONT),
        status=status,
        status_raw=status_raw,
        status_category=STATUS_CATEGORY[status],
        status_label=account.status_labels.get(record.status),
        priority=PRIORITY.get(record.priority, "unknown"),
        priority_raw=None if record.priority is None else str(record.priority),
        type=TYPE.get(record.type, "unknown"),
        type_raw=record.type,
        channel=SOURCE.get(record.source, "unknown"),
        channel_raw=None if record.source is None else str(record.source),
        requester=_requester(record, loss),
        assignee=reference(record.responder_id),
        team=reference(record.group_id),
        company=reference(record.company_id),
        parent=_parent(record),
        followers=_copied(record.cc_emails, loss) if record.cc_emails else (),
        tags=record.tags or (),
        custom_fields=json_custom_fields.read("Freshdesk", settings, record.custom_fields or {}, loss),
        attachments=attachments(record.attachments) if record.attachments else (),
        due_at=values.utc(record.due_by),
        first_responded_at=None if stats is None else values.utc(stats.first_responded_at),
        resolved_at=None if stats is None else values.utc(stats.resolved_at),
        closed_at=None if stats is None else values.utc(stats.closed_at),
        created_at=created_at,
        updated_at=updated_at,
    )
    remote = Remote(id=str(record.id), created_at=created_at, updated_at=updated_at)
    return Mapped(data=ticket, remote=remote, loss=tuple(loss))


def to_vendor(patch: TicketPatch, current: wire_v2.Ticket | None, account: Account) -> Draft[TicketWrite]:
    """Return the body of a write. `current` is None for a new ticket."""
    notes = Notes()
    settings = account.custom_fields.get("ticket", ())
    stored = None if current is None else current.custom_fields or {}
    patches.refuse_without_place(patch, NO_PLACE, notes)
    requester = requester_written(patch.requester, current, notes)
    due_by, fr_due_by = _due(patch, current, notes)
    body = TicketWrite(
        subject=_subject(patch, current, notes),
        description=_description(patch, current, notes),
        status=_status_written(patch.status, current, account, notes),
        priority=patches.chosen(patch.priority, PRIORITY_WRITTEN, "/priority", notes, near=nearest.PRIORITY),
        source=patches.chosen(patch.channel, SOURCE_WRITTEN, "/channel", notes, near=nearest.CHANNEL),
        type=patches.chosen(patch.type, types_written(account), "/type", notes, near=nearest.TICKET_TYPE),
        requester_id=requester.requester_id,
        email=requester.email,
        phone=requester.phone,
        name=requester.name,
        responder_id=patches.record_id(patch.assignee, "/assignee", "Freshdesk", notes),
        group_id=patches.record_id(patch.team, "/team", "Freshdesk", notes),
        company_id=patches.record_id(patch.company, "/company", "Freshdesk", notes),
        cc_emails=copied_written(patch.followers, current, notes),
        tags=bodies.tags(patch.tags, notes),
        custom_fields=dict(json_custom_fields.write(patch.custom_fields, settings, stored, notes)) or UNSET,
        due_by=due_by,
        fr_due_by=fr_due_by,
    )
    return notes.draft(body)


def _status(record: wire_v2.Ticket, account: Account) -> tuple[TicketStatus, str]:
    if record.deleted:
        return "deleted", "deleted"
    if record.spam:
        return "spam", "spam"
    return account.statuses.get(record.status, "unknown"), str(record.status)


def _requester(record: wire_v2.Ticket, loss: list[Loss]) -> Reference | None:
    person = record.requester
    if person is None:
        return reference(record.requester_id)
    email = email_address(person.email, "/requester/email", loss, "lower-cased")
    return Reference(
        remote_id=str(person.id), name=person.name, email=email, phone=person.phone or person.mobile or None
    )


def _parent(record: wire_v2.Ticket) -> Reference | None:
    parents = record.associated_tickets_list or ()
    return reference(parents[0]) if record.association_type == CHILD and len(parents) == 1 else None


def _copied(addresses: tuple[str, ...], loss: list[Loss]) -> tuple[Follower, ...]:
    followers: list[Follower] = []
    for address in addresses:
        email = email_address(address, f"/followers/{len(followers)}/email", loss, "lower-cased")
        followers.append(Follower(email=email, kind="cc", kind_raw="cc_emails"))
    return tuple(followers)


def _subject(patch: TicketPatch, current: wire_v2.Ticket | None, notes: Notes) -> str | UnsetType:
    if isinstance(patch.subject, str) and patch.subject.strip():
        return patch.subject
    if current is None and (text := _text(patch)):
        notes.lose("/subject", "defaulted", "a Freshdesk ticket needs a subject: the beginning of the text is written")
        return text.splitlines()[0][:LONGEST_SUBJECT].strip()
    if current is None or not isinstance(patch.subject, UnsetType):
        notes.invalid("/subject", "a Freshdesk ticket needs a subject")
    return UNSET


def _text(patch: TicketPatch) -> str:
    """Return the text of a message, in plain text."""
    if isinstance(patch.description, str) and patch.description.strip():
        return patch.description.strip()
    return text_of(values.safe_html(sent_or(patch.description_html, "")))


def _description(patch: TicketPatch, current: wire_v2.Ticket | None, notes: Notes) -> str | UnsetType:
    html, text = html_or_text(patch.description, patch.description_html, "/description", "Freshdesk", notes)
    if html:
        sanitised(html, "/description_html", notes.loss)  # Freshdesk does
    if text and current is not None and text.strip() == (current.description_text or "").strip():
        return UNSET  # plain text that it already has keeps its formatting
    if html or text:
        return html or html_of(text or "")
    is_sent = not isinstance(patch.description, UnsetType) or not isinstance(patch.description_html, UnsetType)
    if current is None and isinstance(patch.subject, str) and patch.subject.strip():
        notes.lose("/description", "defaulted", "a Freshdesk ticket needs text: the subject is written")
        return html_of(patch.subject)
    if current is None or is_sent:
        notes.invalid("/description", "a Freshdesk ticket needs text: send description or description_html")
    return UNSET


def _status_written(
    wanted: TicketStatus | UnsetType, current: wire_v2.Ticket | None, account: Account, notes: Notes
) -> int | UnsetType:
    if current is not None and (current.deleted or current.spam) and not isinstance(wanted, UnsetType):
        notes.invalid("/status", "the ticket is deleted or spam: restore it in Freshdesk first")
        return UNSET
    stored = None if current is None else current.status
    return patches.chosen(wanted, statuses_written(account, stored), "/status", notes, near=nearest.TICKET_STATUS)


def _due(patch: TicketPatch, current: wire_v2.Ticket | None, notes: Notes) -> tuple[Due, Due]:
    """Return the due times of the ticket and its first response. Freshdesk accepts only both together, the response not
    after the ticket: at its present time, or at that of the ticket. Neither may be before the ticket was created."""
    wanted = patches.whole_seconds(patch.due_at, "/due_at", "Freshdesk", notes)
    if isinstance(wanted, UnsetType):
        return UNSET, UNSET
    if wanted is None:
        notes.invalid("/due_at", "a Freshdesk ticket always has a due time: change it instead of clearing it")
        return UNSET, UNSET
    if current is None and wanted < datetime.now(UTC) + UNTIL_SENT:
        notes.unsupported("/due_at", "it is past: Freshdesk takes only a later one, and sets its own for a new ticket")
        return UNSET, UNSET
    if current is not None and wanted < current.created_at:
        notes.unsupported("/due_at", "a Freshdesk ticket cannot be due before it was created: its due time stays")
        return UNSET, UNSET
    response_due = None if current is None else current.fr_due_by
    if response_due is not None and response_due <= wanted:
        return wanted, response_due
    return wanted, wanted


TICKET: Final = VendorMapping(
    vendor="freshdesk",
    object="ticket",
    revision=1,
    vendor_api="v2",
    record=wire_v2.Ticket,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores={"description": PLAIN},
    longest={"subject": LONGEST_LINE},
)
