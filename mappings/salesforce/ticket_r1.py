"""Salesforce case (API 62.0) ↔ canonical Ticket, revision 1.

Every org changes its statuses, priorities, types and origins. They are read by their words and written as the values
that the org has. `IsClosed` decides whether a case is closed. The owner is a user (assignee) or a queue (team).
"""

from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.parts import Loss, Reference, ReferencePatch
from canonical.ticket import STATUS_CATEGORY, Ticket, TicketPatch, TicketStatus
from mappings.kit import markers, nearest, patches
from mappings.kit.html import plain
from mappings.kit.references import reference
from mappings.salesforce import custom_fields
from mappings.salesforce.bodies import compare_contact, own_key, reference_to
from mappings.salesforce.endpoints import CASES
from mappings.salesforce.enums import (
    CASE_STATUS,
    CHANNEL,
    CHANNEL_SPELLED,
    PRIORITY,
    PRIORITY_SPELLED,
    TYPE,
    TYPE_SPELLED,
    chosen,
    meaning,
)
from mappings.salesforce.field_values import (
    ACCOUNT,
    CASE,
    CONTACT,
    GROUP,
    LONG,
    LONGEST_TEXT,
    STORES,
    USER,
    changed_at,
    instant,
    kept_text,
    long_id,
    remote,
    write_reference,
)
from mappings.salesforce.wire_v62 import Account, Case, CaseFields, RecordWrite
from mappings.spec import Draft, Mapped, Notes, VendorMapping

UNSUPPORTED: Final[dict[str, str]] = {
    "followers": "Salesforce keeps the followers of a case as separate records",
    "orders": "Salesforce cases have no orders; a custom field can hold one",
    "tags": "Salesforce keeps topics as separate records",
    "due_at": "Salesforce cases have no due date; its milestones follow the org's entitlements",
}
EMAIL_COERCED: Final = Loss(path="/requester/email", kind="coerced", detail="trimmed and lower-cased")
ALWAYS_OWNED: Final = "a Salesforce case always has an owner: name another user, or a queue as team"


def to_canonical(record: Case, account: Account) -> Mapped[Ticket]:
    """Return the ticket. A status that the org has not described is read by its word. If the word is unknown,
    `IsClosed` makes it `closed` or `unknown`."""
    loss: list[Loss] = []
    settings = account.custom_fields.get("ticket", ())
    id = record.id if len(record.id) == LONG else long_id(record.id)
    created_at, updated_at = instant(record.created_date), changed_at(record)
    status, label = _status(record, account)
    owner = record.owner_id
    is_queue = owner is not None and owner.startswith(GROUP)
    ticket = Ticket(
        number=record.case_number,
        subject=record.subject,
        description=record.description,
        status=status,
        status_raw=record.status,
        status_category=STATUS_CATEGORY[status],
        status_label=label,
        priority=PRIORITY_SPELLED.get(record.priority or "") or meaning(record.priority, PRIORITY, "none", "unknown"),
        priority_raw=record.priority,
        type=TYPE_SPELLED.get(record.type or "") or meaning(record.type, TYPE, "unknown", "unknown"),
        type_raw=record.type,
        channel=CHANNEL_SPELLED.get(record.origin or "") or meaning(record.origin, CHANNEL, "unknown", "unknown"),
        channel_raw=record.origin,
        requester=_requester(record, loss),
        assignee=None if is_queue else reference_to(owner, record.owner),
        team=reference_to(owner, record.owner) if is_queue else None,
        company=reference_to(record.account_id, record.account),
        parent=reference(record.parent_id),
        merged_into=reference(record.master_record_id),
        custom_fields=custom_fields.read("Case", id, settings, account, loss) if settings else (),
        closed_at=instant(record.closed_date),
        external_id=markers.own_key(record.key),
        created_at=created_at,
        updated_at=updated_at,
    )
    return Mapped(
        data=ticket, remote=remote("Case", id, created_at, updated_at, account), loss=tuple(loss) if loss else ()
    )


def _status(record: Case, account: Account) -> tuple[TicketStatus, str | None]:
    known = account.case_statuses.get(record.status or "")
    is_closed = record.is_closed
    if is_closed is None and record.closed_date is not None:
        is_closed = True
    if known is not None and is_closed in (None, known.closed) and not record.is_deleted:
        return known.status, known.label
    label = record.status if known is None else known.label
    if record.is_deleted:
        return "deleted", label
    if known is None:
        named = CASE_STATUS.get((record.status or "").casefold(), "unknown")
        is_done = STATUS_CATEGORY[named] == "done"
        return named if is_closed in (None, is_done) else "closed" if is_closed else "unknown", label
    # The org has changed the meaning of the status since it was described.
    return "closed" if is_closed else "open", label


def _requester(record: Case, loss: list[Loss]) -> Reference | None:
    """Return the contact, or without one the name, address and number from a form or an e-mail."""
    if record.contact_id is not None:
        person = record.contact
        if person is None:
            return Reference(remote_id=record.contact_id)
        email = _email(person.email, loss) if person.email else None
        return Reference(remote_id=record.contact_id, name=person.name, email=email, phone=person.phone)
    if not (record.supplied_name or record.supplied_email or record.supplied_phone):
        return None
    email = _email(record.supplied_email, loss) if record.supplied_email else None
    return Reference(name=record.supplied_name, email=email, phone=record.supplied_phone)


def _email(address: str, loss: list[Loss]) -> str:
    email = values.email(address)
    if email != address:
        loss.append(EMAIL_COERCED)
    return email


def to_vendor(patch: TicketPatch, current: Case | None, account: Account) -> Draft[RecordWrite]:
    """Return the fields to write. `current` is None on a create."""
    notes = Notes()
    patches.refuse_without_place(patch, UNSUPPORTED, notes)
    description = plain(patch.description, patch.description_html, "/description_html", "Salesforce", notes)
    fields = CaseFields(
        subject=patches.text(patch.subject, None),
        description=patches.text(description, None),
        status=_status_written(patch.status, current, account, notes),
        priority=chosen(patch.priority, PRIORITY, "Case.Priority", account, "/priority", notes, nearest.PRIORITY),
        type=chosen(patch.type, TYPE, "Case.Type", account, "/type", notes, nearest.TICKET_TYPE),
        origin=chosen(patch.channel, CHANNEL, "Case.Origin", account, "/channel", notes, nearest.CHANNEL),
        account_id=write_reference(patch.company, (ACCOUNT,), "/company", "an account", notes),
        parent_id=write_reference(patch.parent, (CASE,), "/parent", "a case", notes),
        owner_id=_owner_written(patch, current, notes),
        key=own_key(patch.external_id, "Case", account, notes),
    )
    fields = _with_requester(patch.requester, current, fields, notes)
    settings = account.custom_fields.get("ticket", ())
    stored = {} if current is None else account.custom_values.get(long_id(current.id), {})
    custom = custom_fields.write("Case", patch.custom_fields, settings, stored, account, notes)
    return notes.draft(RecordWrite(fields=fields, custom=custom))


def _status_written(
    wanted: TicketStatus | UnsetType, current: Case | None, account: Account, notes: Notes
) -> str | UnsetType:
    """Return the status of the case if it reads as the wanted one, else the org's first that does."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if current is not None and current.status is not None and _status(current, account)[0] == wanted != "deleted":
        return current.status
    available: dict[TicketStatus, str] = {}
    for known in account.case_statuses.values():
        available.setdefault(known.status, known.value)
    return patches.chosen(wanted, available, "/status", notes, "cases of this org have ", nearest.TICKET_STATUS)


def _owner_written(patch: TicketPatch, current: Case | None, notes: Notes) -> str | UnsetType:
    """Return the owner: a user or a queue. A case always has one, so it can only be replaced."""
    user = write_reference(patch.assignee, (USER,), "/assignee", "a user", notes)
    queue = write_reference(patch.team, (GROUP,), "/team", "a queue", notes)
    if isinstance(user, str) and isinstance(queue, str):
        notes.invalid("/team", "a Salesforce case is owned by a user or by a queue, not by both")
    if isinstance(user, str):
        return user
    if isinstance(queue, str):
        return queue
    owner = None if current is None else current.owner_id
    for wanted, prefix, pointer in ((user, USER, "/assignee"), (queue, GROUP, "/team")):
        if wanted is None and owner is not None and owner.startswith(prefix):
            notes.invalid(pointer, ALWAYS_OWNED)
    return UNSET


def _with_requester(
    requester: ReferencePatch | None | UnsetType, current: Case | None, fields: CaseFields, notes: Notes
) -> CaseFields:
    """Return the fields with the id of a contact, or with name, address and number, as from a web form."""
    if isinstance(requester, UnsetType):
        return fields
    if requester is None:
        return replace(fields, contact_id=None, supplied_name=None, supplied_email=None, supplied_phone=None)
    if requester.remote_id is not None:
        contact = write_reference(requester, (CONTACT,), "/requester", "a contact", notes)
        person = current.contact if current is not None and current.contact_id == contact else None
        compare_contact(requester, person, "/requester", notes)
        return replace(fields, contact_id=contact)
    if requester.id is not None:
        notes.invalid("/requester/id", "unknown customer at this connection")
        return fields
    email = None if requester.email is None else patches.email(requester.email, "/requester/email", notes)
    if not (email or requester.name or requester.phone):
        notes.invalid("/requester", "send remote_id, or an email, a name or a phone")
    return replace(
        fields,
        contact_id=UNSET if current is None or current.contact_id is None else None,
        supplied_name=kept_text(requester.name, "/requester/name", notes),
        supplied_email=email,
        supplied_phone=requester.phone,
    )


TICKET: Final = VendorMapping(
    vendor="salesforce",
    object="ticket",
    revision=1,
    vendor_api="v62.0",
    record=Case,
    account=Account,
    endpoints=CASES,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    hidden_keys={"email": "always"},
    stores=STORES,
    longest={"subject": 255, "description": LONGEST_TEXT},
)
