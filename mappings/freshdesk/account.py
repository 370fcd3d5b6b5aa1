"""The facts about one Freshdesk account, and its one-time setup."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from canonical.parts import CustomFieldSetting, ObjectName
from canonical.ticket import TicketStatus
from mappings.freshdesk.wire_v2 import MARK_FIELD, MARK_NAME, STATUS_LABELS, STATUSES, TYPES, Account
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get, post
from mappings.spec import Unmappable, decode

TICKET_FIELDS: Final = "/api/v2/ticket_fields"
CONTACT_FIELDS: Final = "/api/v2/contact_fields"
NEW_TICKET_FIELD: Final = "/api/v2/admin/ticket_fields"
OWN_CODES: Final = 5
"""Statuses up to this number are Freshdesk's own, with the same meaning in every account."""
# Lower-case names of custom statuses, and their meaning. Statuses with other names are unknown.
NAMED: Final[dict[str, TicketStatus]] = {
    "new": "new",
    "waiting on customer": "waiting_on_customer",
    "waiting for customer": "waiting_on_customer",
    "waiting on third party": "waiting_on_third_party",
    "waiting for third party": "waiting_on_third_party",
    "on hold": "on_hold",
}


class _Field(Struct, frozen=True, kw_only=True):
    name: str
    type: str = ""
    choices: Raw = Raw(b"null")


class _NewField(Struct, frozen=True, kw_only=True):
    label: str
    label_for_customers: str
    type: str
    displayed_to_customers: bool
    customers_can_edit: bool


# The names of statuses, the ticket types, and whether contacts have a field for the operation id.
REQUESTS: Final = (get(TICKET_FIELDS), get(CONTACT_FIELDS))

NEEDS: Final[dict[ObjectName, tuple[VendorRequest, ...]]] = {
    "customer": REQUESTS[1:],
    "ticket": REQUESTS[:1],
    "comment": (),
}

# Field names are unique in an account, so Freshdesk refuses a second run as a duplicate. It derives the field's name
# from the label, with the prefix `cf_`. Customers never see the field; its label for them is that name.
SETUP: Final = (
    post(
        NEW_TICKET_FIELD,
        msgspec.json.encode(
            _NewField(
                label=MARK_NAME,
                label_for_customers=MARK_FIELD,
                type="custom_text",
                displayed_to_customers=False,
                customers_can_edit=False,
            )
        ),
        idempotent=True,
    ),
)


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Return the account from the replies to `REQUESTS`. Missing or unreadable facts are those of a new account."""
    ticket_fields, contact_fields = (_fields(reply) for reply in (*replies, None, None)[:2])
    labels = _labels(ticket_fields)
    return Account(
        custom_fields=dict(custom_fields),
        status_labels=labels or STATUS_LABELS,
        statuses={code: status for code, label in labels.items() if (status := _meaning(code, label)) is not None}
        or STATUSES,
        types=_types(ticket_fields) or TYPES,
        contact_mark_field=next(
            (field.name for field in contact_fields if field.name in (MARK_NAME, MARK_FIELD)), None
        ),
    )


def _fields(reply: VendorReply | None) -> tuple[_Field, ...]:
    try:
        return () if reply is None else decode(reply.body, tuple[_Field, ...])
    except Unmappable:
        return ()


def _labels(fields: tuple[_Field, ...]) -> dict[int, str]:
    """Return the label of each status for agents. The choices have two by number: for agents and for customers."""
    for field in fields:
        if field.type == "default_status":
            try:
                choices = decode(field.choices, dict[int, tuple[str, ...]])
            except Unmappable:
                return {}
            return {code: names[0] for code, names in choices.items() if names}
    return {}


def _meaning(code: int, label: str) -> TicketStatus | None:
    return STATUSES.get(code) if code <= OWN_CODES else NAMED.get(label.strip().lower())


def _types(fields: tuple[_Field, ...]) -> tuple[str, ...]:
    for field in fields:
        if field.type == "default_ticket_type":
            try:
                return decode(field.choices, tuple[str, ...])
            except Unmappable:
                return ()
    return ()
