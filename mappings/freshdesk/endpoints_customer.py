"""How contacts are reached.

Address and unique external id are unique in an account, and a list filtered by them is read from the records and not
from the search. A contact without a key of the caller's gets a mark of ours as unique external id. Where the account
has a contact field for it, a contact with a key names the operation there.
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
    """Return the parameters of a page of contacts that are not deleted."""
    since = () if asked.since is None else (("_updated_since", whole_seconds(asked.since)),)
    return (("page", str(asked.number)), ("per_page", str(asked.rows)), *since)


def mark(body: ContactWrite, marker: str, account: Account) -> ContactWrite:
    """Return the body of a new contact, marked. Freshdesk needs a name: without one it is the address or the number."""
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
    """Return the request for the contact that a lost create may have made: by our mark, or by the caller's key if the
    contact names the operation too. None if it does not: then any contact may have this key."""
    key = None if body is None else body.unique_external_id
    if isinstance(key, str) and account.contact_mark_field is None:
        return None
    return CONTACTS.find("external_id", key if isinstance(key, str) else f"{MARK}{marker}")


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="unique",
        strength="strong",
        note="unique external ids are used once in an account and every new contact has one, the caller's or our mark, "
        "so the same create is sent again and makes no second contact; if the first one had arrived, the contact is "
        "known by our mark, but one with the caller's own key only where the account has a contact field for our "
        "operation, and without it the caller is told that the key is taken and by whom",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the contact is read; setting the same values again is harmless"
    ),
    "archive": Recovery(by="state", strength="strong", note="the contact is read; a deleted one says so"),
}

ENDPOINTS: Final = CONTACTS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST)
