"""How contacts are reached.

Address and unique external id are unique in an account, and a list filtered by them is read from the records and not
from the search. A contact without a key of the caller's gets a mark of ours as unique external id. Where the account
has a contact field for it, a contact with a key names the operation there.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.freshdesk.requests import API, MOST, has_more, page_number, records, remote_id, whole_seconds
from mappings.freshdesk.wire_v2 import MARK, MARK_FIELD, MARK_NAME, Account, ContactWrite
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, decode

CONTACTS: Final = f"{API}/contacts"
ONE: Final = f"{CONTACTS}/{{id}}"


class _Marked(Struct, frozen=True, kw_only=True):
    id: int
    unique_external_id: str | None = None
    custom_fields: dict[str, Raw] | None = None


def read(remote_id: str, account: Account) -> VendorRequest:
    """One contact, a deleted one too."""
    return VendorRequest(method="GET", path=_path(remote_id), route=ONE)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The contact of an answer about one, or the first of a look-up."""
    if reply.body.lstrip()[:1] == b"[":
        return next(iter(records(reply)), None), account
    return Raw(reply.body), account


def list_contacts(query: ListQuery, account: Account) -> VendorRequest:
    """A page of contacts that are not deleted."""
    asked = [("page", str(page_number(query.after))), ("per_page", str(min(query.limit, MOST)))]
    if (external_id := query.filters.get("external_id")) is not None:
        asked.append(("unique_external_id", external_id))
    if (email := query.filters.get("email")) is not None:
        asked.append(("email", email))
    if query.updated_since is not None:
        asked.append(("_updated_since", whole_seconds(query.updated_since)))
    return VendorRequest(method="GET", path=CONTACTS, route=CONTACTS, query=tuple(asked))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The contacts of a page."""
    following = str(page_number(query.after) + 1) if has_more(reply) else None
    return Page(records=records(reply), next=following, account=account)


def create(body: ContactWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new contact, marked. Freshdesk needs a name: without one it is the address or the number."""
    name = body.name or body.email or body.phone or body.mobile
    marked = replace(
        body,
        name=name if isinstance(name, str) else body.name,
        unique_external_id=body.unique_external_id or f"{MARK}{marker}",
    )
    if account.contact_mark_field is not None:
        marked = replace(marked, custom_fields={**(body.custom_fields or {}), account.contact_mark_field: marker})
    return VendorRequest(method="POST", path=CONTACTS, route=CONTACTS, body=msgspec.json.encode(marked), effect=True)


def update(remote_id: str, body: ContactWrite, marker: str, account: Account) -> VendorRequest:
    """Change a contact."""
    return VendorRequest(method="PUT", path=_path(remote_id), route=ONE, body=msgspec.json.encode(body), effect=True)


def archive(remote_id: str, account: Account) -> VendorRequest:
    """Delete a contact softly: the record stays and can be restored in Freshdesk."""
    return VendorRequest(method="DELETE", path=_path(remote_id), route=ONE, effect=True)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """What became of a write. Create and update answer with the whole contact, a deletion with nothing."""
    if action == "archive":
        return Receipt()
    return Receipt(remote_id=remote_id(reply.body), record=Raw(reply.body), created=reply.status == 201)


def by_external_id(external_id: str, account: Account) -> VendorRequest:
    """The contact with this unique external id."""
    return VendorRequest(method="GET", path=CONTACTS, route=CONTACTS, query=(("unique_external_id", external_id),))


def by_email(address: str, account: Account) -> VendorRequest:
    """The contact with this address."""
    return VendorRequest(method="GET", path=CONTACTS, route=CONTACTS, query=(("email", address),))


def find_marker(marker: str, parent: str | None, body: ContactWrite | None, account: Account) -> VendorRequest | None:
    """The contact that a lost create may have made: by our mark, or by the caller's key where the operation is named
    beside it. None where it is not: then a contact with this key may be anybody's."""
    key = None if body is None else body.unique_external_id
    if isinstance(key, str) and account.contact_mark_field is None:
        return None
    return by_external_id(key if isinstance(key, str) else f"{MARK}{marker}", account)


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the contact that this operation made."""
    wanted = msgspec.json.encode(marker)
    for contact in decode(reply.body, tuple[_Marked, ...]):
        held = contact.custom_fields or {}
        named = (bytes(held.get(name, b"null")) for name in (MARK_NAME, MARK_FIELD))
        if contact.unique_external_id == f"{MARK}{marker}" or wanted in named:
            return str(contact.id)
    return None


def _path(remote_id: str) -> str:
    return f"{CONTACTS}/{quote(remote_id, safe='')}"


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

ENDPOINTS: Final = Endpoints(
    read=read,
    record=record,
    list=list_contacts,
    page=page,
    filters=frozenset({"email", "external_id"}),
    max_limit=MOST,
    create=create,
    update=update,
    find={"email": by_email, "external_id": by_external_id},
    archive=archive,
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
