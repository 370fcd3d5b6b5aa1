"""Zendesk ticket (Support API v2) ↔ canonical Ticket, revision 1.

The description is the first comment: it is given when the ticket is created and never changes. The times of answers and
solutions are in a metric set, not in the ticket, and are not read.
"""

from typing import Final

from msgspec import UNSET, Raw, UnsetType

from canonical import values
from canonical.parts import Loss, Reference
from canonical.ticket import STATUS_CATEGORY, Follower, FollowerKind, Ticket, TicketPatch
from mappings.kit import json_custom_fields, markers, nearest, patches
from mappings.kit.html import html_or_text, keep_description
from mappings.kit.references import reference
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping
from mappings.zendesk import bodies, wire_v2
from mappings.zendesk.endpoints_ticket import ENDPOINTS
from mappings.zendesk.enums import (
    CHANNEL,
    PRIORITY,
    PRIORITY_WRITTEN,
    STATUS,
    STATUS_WRITTEN,
    TYPE,
    TYPE_WRITTEN,
    status_label,
)
from mappings.zendesk.field_values import agent_url
from mappings.zendesk.people import person_of, requester_written, watchers_written
from mappings.zendesk.webhook_r1 import TICKET_EVENT
from mappings.zendesk.wire_v2 import Account, CommentWrite, FieldWrite, TicketWrite

NO_PLACE: Final = {"orders": "Zendesk tickets have no orders; a ticket field can hold one, as a custom field here"}
FIRST_COMMENT: Final = "a Zendesk ticket's description is its first comment and stays: add a comment instead"


def to_canonical(record: wire_v2.Ticket, account: Account) -> Mapped[Ticket]:
    """Map a ticket. Its requester has the side-loaded data of the id."""
    loss: list[Loss] = []
    number = str(record.id)
    created_at, updated_at = values.utc(record.created_at), values.utc(record.updated_at)
    status = STATUS.get(record.status, "unknown")
    channel = None if record.via is None else record.via.channel
    settings = account.custom_fields.get("ticket", ())
    ticket = Ticket(
        number=number,
        subject=record.subject,
        description=record.description,
        status=status,
        status_raw=record.status,
        status_category=STATUS_CATEGORY[status],
        status_label=status_label(record.status, record.custom_status_id, account),
        priority=PRIORITY.get(record.priority, "unknown"),
        priority_raw=record.priority,
        type=TYPE.get(record.type, "unknown"),
        type_raw=record.type,
        channel=CHANNEL.get(channel, "unknown"),
        channel_raw=channel if channel is None or isinstance(channel, str) else str(channel),
        requester=None if record.requester_id is None else _requester(record.requester_id, account, loss),
        assignee=None if record.assignee_id is None else person_of(record.assignee_id, account),
        team=None if record.group_id is None else reference(record.group_id, account.groups.get(record.group_id)),
        company=None
        if record.organization_id is None
        else reference(record.organization_id, account.organizations.get(record.organization_id)),
        parent=reference(record.problem_id),
        followers=_followers(record, account)
        if record.collaborator_ids or record.follower_ids or record.email_cc_ids
        else (),
        tags=record.tags or (),
        custom_fields=json_custom_fields.read("Zendesk", settings, _stored_fields(record), loss),
        due_at=values.utc(record.due_at),
        external_id=markers.own_key(record.external_id),
        created_at=created_at,
        updated_at=updated_at,
    )
    remote = Remote(
        id=number,
        url=agent_url(record.url, "tickets", record.id),
        created_at=created_at,
        updated_at=updated_at,
    )
    return Mapped(data=ticket, remote=remote, loss=tuple(loss))


def to_vendor(patch: TicketPatch, current: wire_v2.Ticket | None, account: Account) -> Draft[TicketWrite]:
    """Draft a write. `current` is None for a ticket to create."""
    notes = Notes()
    patches.refuse_without_place(patch, NO_PLACE, notes)
    kind = patches.chosen(patch.type, TYPE_WRITTEN, "/type", notes, near=nearest.TICKET_TYPE)
    requester_id, requester = requester_written(patch.requester, current, account, notes)
    assignee_id = patches.record_id(patch.assignee, "/assignee", "Zendesk", notes)
    followers, email_ccs = watchers_written(patch.followers, current, account, notes)
    problem_id = patches.record_id(patch.parent, "/parent", "Zendesk", notes)
    due_at = patches.whole_seconds(patch.due_at, "/due_at", "Zendesk", notes)
    kind_after = kind if isinstance(kind, str) else None if current is None else current.type
    if problem_id and kind_after != "incident":
        notes.unsupported("/parent", "Zendesk links incidents to a problem only: send type incident with it")
        problem_id = UNSET
    if due_at and kind_after != "task":
        notes.unsupported("/due_at", "Zendesk keeps a due date on tickets of type task only: send type task with it")
        due_at = UNSET
    elif current is not None and current.due_at is not None and due_at is UNSET and kind_after != "task":
        notes.lose("/due_at", "dropped", "Zendesk keeps a due date on tickets of type task only: it is removed")
    body = TicketWrite(
        subject=patch.subject,
        comment=_first_comment(patch, current, notes),
        status=_status_written(patch, current, assignee_id, notes),
        priority=patches.chosen(patch.priority, PRIORITY_WRITTEN, "/priority", notes),
        type=kind,
        requester_id=requester_id,
        requester=requester,
        assignee_id=assignee_id,
        group_id=patches.record_id(patch.team, "/team", "Zendesk", notes),
        organization_id=patches.record_id(patch.company, "/company", "Zendesk", notes),
        problem_id=problem_id,
        followers=followers,
        email_ccs=email_ccs,
        tags=bodies.tags(patch.tags, notes),
        custom_fields=_fields_written(patch, current, account, notes),
        due_at=due_at,
        external_id=bodies.external_id(patch.external_id, notes),
    )
    _check_channel(patch, current, notes)
    assigned = assignee_id if current is None or assignee_id is not UNSET else current.assignee_id
    if body.status == "solved" and not assigned:
        notes.lose("/assignee", "defaulted", "Zendesk assigns a ticket to the agent who solves it: that of the token")
    return notes.draft(body)


def _status_written(
    patch: TicketPatch, current: wire_v2.Ticket | None, assignee_id: int | None | UnsetType, notes: Notes
) -> str | UnsetType:
    """Return the status. A ticket that is assigned, or once had another status, is never new (Zendesk's system ticket
    rules)."""
    if assignee_id is UNSET and current is not None:
        assignee_id = current.assignee_id
    if patch.status == "new" and (assignee_id or (current is not None and current.status != "new")):
        notes.lose("/status", "coerced", "open: at Zendesk a ticket is new until it is assigned or changes")
        return "open"
    return patches.chosen(patch.status, STATUS_WRITTEN, "/status", notes, near=nearest.TICKET_STATUS)


def _requester(id: int, account: Account, loss: list[Loss]) -> Reference:
    person = person_of(id, account)
    if person.email is not None and person.email != account.people[id].email:
        loss.append(Loss(path="/requester/email", kind="coerced", detail="lower-cased"))
    return person


def _followers(record: wire_v2.Ticket, account: Account) -> tuple[Follower, ...]:
    following, copied = record.follower_ids or (), record.email_cc_ids or ()
    followers = [_follower(id, "follower", "follower", account) for id in following]
    followers += [_follower(id, "cc", "email_cc", account) for id in copied]
    # In accounts that do not distinguish followers from copies, the collaborators are the copied people.
    for id in record.collaborator_ids or ():
        if id not in following and id not in copied:
            followers.append(_follower(id, "cc", "collaborator", account))
    return tuple(followers)


def _follower(id: int, kind: FollowerKind, raw: str, account: Account) -> Follower:
    person = person_of(id, account)
    return Follower(remote_id=person.remote_id, email=person.email, name=person.name, kind=kind, kind_raw=raw)


def _stored_fields(record: wire_v2.Ticket) -> dict[str, Raw]:
    return {str(field.id): field.value for field in record.custom_fields or ()}


def _first_comment(patch: TicketPatch, current: wire_v2.Ticket | None, notes: Notes) -> CommentWrite | UnsetType:
    text, html = patch.description, patch.description_html
    if current is not None:
        keep_description(patch, current.description, None, FIRST_COMMENT, notes)
        return UNSET
    html_body, body = html_or_text(text, html, "/description", "Zendesk", notes)
    if html_body:
        notes.lose(
            "/description_html", "coerced", "Zendesk keeps it in the first comment: a ticket reads as plain text"
        )
    if html_body or body:
        return CommentWrite(body=body or UNSET, html_body=html_body or UNSET, public=True)
    if isinstance(patch.subject, str) and patch.subject.strip():
        notes.lose("/description", "defaulted", "a Zendesk ticket begins with a comment: the subject is written")
        return CommentWrite(body=patch.subject, public=True)
    notes.invalid("/description", "a Zendesk ticket begins with a comment: send description or description_html")
    return UNSET


def _fields_written(
    patch: TicketPatch, current: wire_v2.Ticket | None, account: Account, notes: Notes
) -> tuple[FieldWrite, ...] | UnsetType:
    settings = account.custom_fields.get("ticket", ())
    stored = None if current is None else _stored_fields(current)
    fields: list[FieldWrite] = []
    for vendor_field, value in json_custom_fields.write(patch.custom_fields, settings, stored, notes):
        if vendor_field.isascii() and vendor_field.isdecimal():
            fields.append(FieldWrite(id=int(vendor_field), value=value))
        else:
            notes.invalid("/custom_fields", f"{vendor_field} is configured, but is not the number of a ticket field")
    return tuple(fields) or UNSET


def _check_channel(patch: TicketPatch, current: wire_v2.Ticket | None, notes: Notes) -> None:
    if isinstance(patch.channel, UnsetType):
        return
    via = None if current is None else current.via
    stored = "api" if current is None else CHANNEL.get(None if via is None else via.channel, "unknown")
    if patch.channel != stored:
        notes.unsupported("/channel", "Zendesk sets the channel itself: tickets from Lockstitch come through the API")


TICKET: Final = VendorMapping(
    vendor="zendesk",
    object="ticket",
    revision=1,
    vendor_api="v2",
    record=wire_v2.Ticket,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    shapes=(TICKET_EVENT,),
)
