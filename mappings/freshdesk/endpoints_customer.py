"""Requests for contacts.

E-mail address and unique external id are unique in an account, and lists filtered by them do not use the lagging
search. A contact without a caller's key gets the marker as unique external id. A contact with a key has the marker in a
contact field, if the account has one for it.
"""

import dataclasses
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.endpoints import Action, Recovery
from mappings.freshdesk.requests import API, MOST, whole_seconds
from mappings.freshdesk.wire_v2 import MARK_FIELD, MARK_NAME, Account, ContactWrite
from mappings.http import VendorRequest
from mappings.kit import markers
from mappings.kit.paging import Offsets
from mappings.kit.recovery import by_state, same_values
from mappings.kit.rest import Collection, parameter, remote_id
from mappings.spec import decode


class _Keyed(Struct, frozen=True, kw_only=True):
    unique_external_id: str | None = None


def mark(body: ContactWrite, marker: str, account: Account) -> ContactWrite:
    """Return the body of a new contact with the marker. Freshdesk needs a name: by default the address or number."""
    name = body.name or body.email or body.phone or body.mobile
    key = markers.in_key(body.unique_external_id or None, marker)
    marked = replace(body, name=name if isinstance(name, str) else body.name, unique_external_id=key)
    field = account.contact_mark_field
    return marked if field is None else markers.MarkedField(name=field).mark(marked, marker)


def carries(record: Raw, marker: str) -> bool:
    """Return whether this operation made the contact."""
    by_field = any(markers.MarkedField(name=name).carries(record, marker) for name in (MARK_NAME, MARK_FIELD))
    return by_field or decode(record, _Keyed).unique_external_id == markers.in_key(None, marker)


CONTACTS: Final = Collection[ContactWrite, Account](
    path=f"{API}/contacts",
    # Freshdesk does not document the order of contacts. The list has no deleted ones.
    paging=Offsets(
        ask=lambda offset, rows: (("page", str(offset // rows + 1)), ("per_page", str(rows))),
        id=remote_id,
        most=MOST,
        of=str,
        is_ordered=False,
        numbered=True,
        since=lambda moment: (("_updated_since", whole_seconds(moment)),),
    ),
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
    return CONTACTS.find("external_id", markers.in_key(key if isinstance(key, str) else None, marker))


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="unique",
        strength="strong",
        note="every new contact has a unique external id, the caller's key or the operation id, "
        "so repeating the create makes no second contact. If the first create was done, the contact is "
        "found by the operation id. With the caller's key this needs a contact field for the "
        "operation id; without it the caller gets a conflict that names the contact with this key",
    ),
    "update": same_values("contact"),
    "archive": by_state("the contact is read; a deleted one is marked as deleted"),
}

ENDPOINTS: Final = dataclasses.replace(
    CONTACTS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST),
    list_is_whole=False,  # without tags and further addresses
)
