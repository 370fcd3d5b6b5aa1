"""Request Tracker ticket (REST2, RT 5.0) ↔ canonical Ticket, revision 1.

The first message needs a separate read and cannot be changed. The caller's key is an address that the ticket refers
to. Queues are teams.
"""

from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Loss
from canonical.ticket import STATUS_CATEGORY, Ticket, TicketPatch
from mappings.kit import nearest, patches
from mappings.kit.html import html_or_text, keep_description
from mappings.kit.references import reference
from mappings.rt import custom_fields, enums, wire_rest2
from mappings.rt.endpoints_ticket import ENDPOINTS
from mappings.rt.field_values import ONE_BREAK, set_instant, text_and_html
from mappings.rt.metadata import LONGEST, address_of_key, key_of, stored_addresses, stored_parent
from mappings.rt.people import followers, followers_written, person_of, requester, requester_written
from mappings.rt.requests import number, web_address
from mappings.rt.wire_rest2 import NEVER, NOBODY, Account, Message, TicketWrite
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

NO_PLACE: Final[dict[str, str]] = {
    "type": "Request Tracker tickets have no type: use a queue or a custom field",
    "channel": "Request Tracker does not keep the channel of a ticket",
    "company": "Request Tracker has no companies: use a custom field",
    "orders": "Request Tracker tickets have no orders: use a custom field",
    "tags": "Request Tracker has no tags: use a custom field with several values",
}
LONGEST_SUBJECT: Final = 200
FIRST_MESSAGE: Final = "the first message cannot be changed: add a comment instead"
"""Bytes of UTF-8."""
Links = tuple[str, ...] | UnsetType


def to_canonical(record: wire_rest2.Ticket, account: Account) -> Mapped[Ticket]:
    """Map a ticket, with its first message and people from further reads."""
    loss: list[Loss] = []
    id, status = str(record.id), enums.STATUS.get(record.status, "unknown")
    created_at, updated_at = values.utc(record.created), values.utc(record.last_updated)
    over_at = set_instant(record.resolved)
    description, description_html = text_and_html(
        _first(record, account, loss), "/description", "/description_html", loss
    )
    settings = account.custom_fields.get("ticket", ())
    addresses, owner = stored_addresses(record), record.owner
    people = (*record.requestor, *record.cc, *record.admin_cc)
    ticket = Ticket(
        number=id,
        subject=record.subject or None,
        description=description,
        description_html=description_html,
        status=status,
        status_raw=record.status,
        status_category=STATUS_CATEGORY[status],
        status_label=record.status,
        priority=enums.priority(record.priority),
        priority_raw=None if record.priority is None else str(record.priority),
        requester=requester(record.requestor, account, loss),
        assignee=None if owner is None or owner.id == NOBODY else person_of(owner.id, account, people),
        team=None if record.queue is None else reference(record.queue.id, account.queues.get(record.queue.id)),
        parent=reference(stored_parent(record)),
        followers=followers(record, account, loss) if record.cc or record.admin_cc else (),
        custom_fields=custom_fields.read(settings, record, loss),
        due_at=set_instant(record.due),
        resolved_at=over_at if status == "resolved" else None,
        closed_at=over_at if status == "closed" else None,
        external_id=key_of(addresses[0]) if addresses else None,
        created_at=created_at,
        updated_at=updated_at,
    )
    remote = Remote(
        id=id,
        url=web_address(record.hyperlinks, id),
        created_at=created_at,
        updated_at=updated_at,
        version=account.version,
    )
    return Mapped(data=ticket, remote=remote, loss=tuple(loss))


def to_vendor(patch: TicketPatch, current: wire_rest2.Ticket | None, account: Account) -> Draft[TicketWrite]:
    """Draft a write. `current` is None for a ticket to create."""
    notes = Notes()
    patches.refuse_without_place(patch, NO_PLACE, notes)
    settings = account.custom_fields.get("ticket", ())
    content, content_type = _first_written(patch, current, account, notes)
    cc, admin_cc = followers_written(patch.followers, current, account, notes)
    keys, old_keys = _key_written(patch, current, notes)
    parents, old_parents = _parent_written(patch, current, notes)
    new = current is None
    statuses = enums.STATUS_CREATED if new else enums.STATUS_WRITTEN
    body = TicketWrite(
        queue=_queue(patch, current, account, notes),
        subject=_subject(patch, notes),
        status=patches.chosen(patch.status, statuses, "/status", notes, near=nearest.TICKET_STATUS),
        priority=patches.chosen(patch.priority, enums.PRIORITY_WRITTEN, "/priority", notes, near=nearest.PRIORITY),
        requestor=requester_written(patch.requester, current, account, notes),
        cc=cc,
        admin_cc=admin_cc,
        owner=_owner(patch, current, notes),
        due=_due(patches.whole_seconds(patch.due_at, "/due_at", "Request Tracker", notes), current),
        content=content,
        content_type=content_type,
        custom_fields=dict(custom_fields.write(patch.custom_fields, settings, current, notes)) or UNSET,
        refers_to=keys if new else UNSET,
        add_refers_to=UNSET if new else keys,
        delete_refers_to=old_keys,
        member_of=parents if new else UNSET,
        add_member_of=UNSET if new else parents,
        delete_member_of=old_parents,
    )
    return notes.draft(body)


def _first(record: wire_rest2.Ticket, account: Account, loss: list[Loss]) -> Message | None:
    """Return the first message: that of the entry of the history that made the ticket."""
    if account.firsts is None or account.messages is None:
        if account.firsts is None:
            loss.append(
                Loss(
                    path="/description",
                    kind="dropped",
                    detail="Request Tracker keeps the first message in a separate record, which was not read",
                )
            )
        return None
    return account.messages.get(account.firsts.get(str(record.id), ""))


def _first_written(
    patch: TicketPatch, current: wire_rest2.Ticket | None, account: Account, notes: Notes
) -> tuple[str | UnsetType, str | UnsetType]:
    """Return the first message of a new ticket and its media type. Later only the same words are accepted."""
    text, html = patch.description, patch.description_html
    if current is None:
        as_html, as_text = html_or_text(text, html, "/description", "Request Tracker", notes)
        content = as_html or as_text
        if content is None and (text or html):
            blank = "/description" if text else "/description_html"
            notes.lose(blank, "coerced", "Request Tracker is sent no message without words: it stays empty")
        return (UNSET, UNSET) if content is None else (content, "text/html" if as_html else "text/plain")
    keep_description(patch, *text_and_html(_first(current, account, []), "", "", []), FIRST_MESSAGE, notes)
    return UNSET, UNSET


def _queue(patch: TicketPatch, current: wire_rest2.Ticket | None, account: Account, notes: Notes) -> str | UnsetType:
    """Return the number of the queue. A new ticket without one goes to the first: the one with the lowest number."""
    wanted, known = patches.remote_id(patch.team), account.queues
    if isinstance(wanted, UnsetType):
        if current is not None:
            return UNSET
        if known:
            first = min(known, key=int)
            if len(known) > 1 or account.more_queues:
                notes.lose("/team", "defaulted", f"a ticket needs a queue: it is made in {known[first]}")
            return first
    has_others = not known or account.more_queues
    if isinstance(wanted, str) and (wanted in known or (has_others and number(wanted) != "0")):
        return wanted
    named = ", ".join(f"{id} ({name})" for id, name in known.items())
    notes.invalid(
        "/team/remote_id" if wanted else "/team",
        f"a ticket needs a queue; one of: {named}" if named else "send the number of a queue",
    )
    return UNSET


def _subject(patch: TicketPatch, notes: Notes) -> str | UnsetType:
    if isinstance(patch.subject, UnsetType):
        return UNSET
    subject = " ".join((patch.subject or "").splitlines())
    if subject != (patch.subject or ""):
        notes.lose("/subject", "coerced", "line breaks became spaces")
    if len(subject.encode()) > LONGEST_SUBJECT:
        notes.invalid("/subject", f"more than {LONGEST_SUBJECT} bytes: Request Tracker would truncate it silently")
    return subject


def _owner(patch: TicketPatch, current: wire_rest2.Ticket | None, notes: Notes) -> str | UnsetType:
    """Return the login name of the owner. On a create, Request Tracker ignores a user who may not own the ticket."""
    wanted = patches.remote_id(patch.assignee)
    if isinstance(wanted, UnsetType) or (wanted is None and current is None):
        return UNSET
    if wanted is None:
        return NOBODY
    if current is None:
        detail = "on a create Request Tracker ignores a person who may not own the ticket: check the answer"
        notes.lose("/assignee", "ambiguous", detail)
    return wanted


def _due(wanted: datetime | None | UnsetType, current: wire_rest2.Ticket | None) -> str | UnsetType:
    if isinstance(wanted, UnsetType) or (wanted is None and current is None):
        return UNSET
    # In UTC and the form of the database: a change is kept as it was sent.
    return values.utc(wanted or NEVER).strftime("%Y-%m-%d %H:%M:%S")


def _key_written(patch: TicketPatch, current: wire_rest2.Ticket | None, notes: Notes) -> tuple[Links, Links]:
    """Return the address of the caller's key to add, and those to remove."""
    if isinstance(patch.external_id, UnsetType):
        return UNSET, UNSET
    stored = stored_addresses(current)
    wanted = None if patch.external_id is None else address_of_key(patch.external_id)
    if wanted is not None and len(wanted) > LONGEST:
        notes.invalid("/external_id", f"it has more than {LONGEST} characters when percent-encoded with its prefix")
        return UNSET, UNSET
    return _link_changes(wanted, stored)


def _parent_written(patch: TicketPatch, current: wire_rest2.Ticket | None, notes: Notes) -> tuple[Links, Links]:
    """Return the number of the parent to add, and of the one to remove."""
    wanted = patches.remote_id(patch.parent)
    if isinstance(wanted, UnsetType):
        return UNSET, UNSET
    if wanted is not None and not (wanted.isascii() and wanted.isdecimal()):
        notes.invalid("/parent/remote_id", "send the number of a ticket")
        return UNSET, UNSET
    if wanted is not None and current is None:
        detail = "on a create Request Tracker ignores an unknown ticket: check the answer"
        notes.lose("/parent", "ambiguous", detail)
    parent = stored_parent(current)
    return _link_changes(wanted, () if parent is None else (parent,))


def _link_changes(wanted: str | None, stored: tuple[str, ...]) -> tuple[Links, Links]:
    """Return the links to add, and the present ones to remove."""
    others = tuple(one for one in stored if one != wanted)
    return UNSET if wanted is None or wanted in stored else (wanted,), others or UNSET


TICKET: Final = VendorMapping(
    vendor="rt",
    object="ticket",
    revision=1,
    vendor_api="REST2",
    record=wire_rest2.Ticket,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores={"description": ONE_BREAK, "description_html": ONE_BREAK},
    hidden_keys={"email": "always", "external_id": "always"},
)
