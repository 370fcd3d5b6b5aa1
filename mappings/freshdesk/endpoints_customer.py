"""Requests for contacts.

E-mail address and unique external id are unique in an account, and lists filtered by them do not use the lagging
search. A contact without a caller's key gets the marker as unique external id. A contact with a key has the marker in a
contact field, if the account has one for it.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.freshdesk.requests import API, MOST, has_more, remote_id, whole_seconds
from mappings.freshdesk.wire_v2 import MARK, MARK_FIELD, MARK_NAME, Account, ContactWrite
from mappings.http import VendorRequest
from mappings.kit.paging import Pages, Query, Window
from mappings.kit.rest import Collection, parameter
from mappings.spec import Action, Recovery, decode


class _Marked(Struct, frozen=True, kw_only=True):
    id: int
    unique_external_id: str | None = None
    custom_fields: dict[str, Raw] | None = None


def window(asked: Window) -> Query:
    """Return the parameters of a page of contacts, without deleted ones."""
    since = () if asked.since is None else (("_updated_since", whole_seconds(asked.since)),)
    return (("page", str(asked.number)), ("per_page", str(asked.rows)), *since)


def mark(body: ContactWrite, marker: str, account: Account) -> ContactWrite:
    """Return the body of a new contact with the marker. Freshdesk needs a name: by default the address or number."""
    name = body.name or body.email or body.phone or body.mobile
    marked = replace(
        body,
        name=name if isinstance(name, str) else body.name,
        unique_external_id=body.unique_external_id or f"{MARK}{marker}",
    )
    if account.contact_mark_field is None:
        return marked
    return replace(marked, custom_fields={**(body.custom_fields or {}), account.contact_mark_field: marker})


def carries(record: Raw, marker: str) -> bool:
    """Return whether this operation made the contact."""
    contact = decode(record, _Marked)
    held = contact.custom_fields or {}
    named = (bytes(held.get(name, b"null")) for name in (MARK_NAME, MARK_FIELD))
    return contact.unique_external_id == f"{MARK}{marker}" or msgspec.json.encode(marker) in named


CONTACTS: Final = Collection[ContactWrite, Account](
    path=f"{API}/contacts",
    paging=Pages(ask=window, more=has_more, most=MOST),
    id=remote_id,
    filters={"external_id": parameter("unique_external_id"), "email": parameter("email")},
    keys={"external_id": parameter("unique_external_id"), "email": parameter("email")},
    mark=mark,
    carries=carries,
)


def find_marker(marker: str, parent: str | None, body: ContactWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the contact that a lost create may have made: by the marker, or by the caller's key if the
    account has a field for the marker too. None without that field, because then any contact may have this key."""
    key = None if body is None else body.unique_external_id
    if isinstance(key, str) and account.contact_mark_field is None:
        return None
    return CONTACTS.find("external_id", key if isinstance(key, str) else f"{MARK}{marker}")


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="unique",
        strength="strong",
        note="every new contact has a unique external id, the caller's key or the operation id, "
        "so repeating the create makes no second contact. If the first create was done, the contact is "
        "found by the operation id. With the caller's key this needs a contact field for the "
        "operation id; without it the caller gets a conflict that names the contact with this key",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the contact is read; sending the same values again is harmless"
    ),
    "archive": Recovery(by="state", strength="strong", note="the contact is read; a deleted one is marked as deleted"),
}

ENDPOINTS: Final = CONTACTS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST)
