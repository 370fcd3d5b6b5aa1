"""How users are reached.

A user that a caller's own key does not identify gets a mark of ours as external id, which is unique in the account and
looked up in a list, not in the search. A user field names the operation besides, for those that have a key.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, decode
from mappings.zendesk.paging import API, MOST, Ends, exported, following, kept, listed, numbered
from mappings.zendesk.wire_v2 import MARK, MARK_FIELD, Account, Organization, UserBody, UserWrite

INCLUDE: Final = ("include", "organizations")
USERS: Final = f"{API}/users"
ONE: Final = f"{USERS}/{{id}}"
SHOW_MANY: Final = f"{USERS}/show_many"


class _Marks(Struct, frozen=True, kw_only=True):
    lockstitch_operation_id: str | None = None


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    organization_id: int | None = None
    external_id: str | None = None
    user_fields: _Marks | None = None


class _Answer(Struct, frozen=True, kw_only=True):
    user: Raw = Raw()
    users: tuple[Raw, ...] = ()
    organizations: tuple[Organization, ...] = ()


class _Listed(Ends, frozen=True, kw_only=True):
    users: tuple[Raw, ...]
    organizations: tuple[Organization, ...] = ()


class _Found(Struct, frozen=True, kw_only=True):
    users: tuple[_Head, ...]


class _Written(Struct, frozen=True, kw_only=True):
    user: Raw


def read(remote_id: str, account: Account) -> VendorRequest:
    """One user, with the organization's name beside it."""
    return VendorRequest(method="GET", path=_path(remote_id), route=ONE, query=(INCLUDE,))


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The user of an answer about one, or the first of a look-up."""
    answer = decode(reply.body, _Answer)
    found = answer.user or next(iter(answer.users), None)
    return found, _with_organizations(account, answer.organizations)


def list_users(query: ListQuery, account: Account) -> VendorRequest:
    """A page of users; by address through the search, which lags a little behind writes."""
    if (external_id := query.filters.get("external_id")) is not None:
        return listed(USERS, query, (("external_id", external_id), INCLUDE))
    if (email := query.filters.get("email")) is not None:
        search = ("query", f'email:"{email.replace(chr(34), "")}"')
        return numbered(f"{USERS}/search", query, (search, INCLUDE))
    if query.updated_since is not None:
        return exported("users", query.updated_since, query, (INCLUDE,))
    return listed(USERS, query, (INCLUDE,))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The users of a page."""
    answer = decode(reply.body, _Listed)
    return Page(
        records=kept(answer.users, query),
        next=following(answer),
        account=_with_organizations(account, answer.organizations),
    )


def create(body: UserWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new user, marked. Zendesk needs a name: without one it is the address or the number."""
    name = body.name or body.email or body.phone
    marked = replace(
        body,
        name=name if isinstance(name, str) else body.name,
        external_id=body.external_id or f"{MARK}{marker}",
        user_fields={**(body.user_fields or {}), MARK_FIELD: marker},
    )
    return VendorRequest(method="POST", path=USERS, route=USERS, body=_body(marked), effect=True)


def create_or_update(key: str, body: UserWrite, marker: str, account: Account) -> VendorRequest:
    """The user with the body's external id or address, created or changed: both are unique in the account."""
    path = f"{USERS}/create_or_update"
    return VendorRequest(method="POST", path=path, route=path, body=_body(body), effect=True, idempotent=True)


def update(remote_id: str, body: UserWrite, marker: str, account: Account) -> VendorRequest:
    """Change a user."""
    return VendorRequest(method="PUT", path=_path(remote_id), route=ONE, body=_body(body), effect=True)


def archive(remote_id: str, account: Account) -> VendorRequest:
    """Delete a user softly: the record stays, not active and without an address."""
    return VendorRequest(method="DELETE", path=_path(remote_id), route=ONE, effect=True)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """What became of a write. The answer does not name the user's organization, so such a user is read again."""
    user = decode(reply.body, _Written).user
    head = decode(user, _Head)
    return Receipt(
        remote_id=str(head.id),
        record=user if head.organization_id is None else None,
        created=reply.status == 201,
    )


def by_external_id(external_id: str, account: Account) -> VendorRequest:
    """The user with this external id."""
    return VendorRequest(method="GET", path=SHOW_MANY, route=SHOW_MANY, query=(("external_ids", external_id), INCLUDE))


def find_marker(marker: str, parent: str | None, body: UserWrite | None, account: Account) -> VendorRequest:
    """The user that a lost create may have made: by the caller's own key where it has one, else by our mark."""
    key = None if body is None else body.external_id
    return by_external_id(key or f"{MARK}{marker}", account)


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the user that this operation made."""
    for user in decode(reply.body, _Found).users:
        by_field = user.user_fields is not None and user.user_fields.lockstitch_operation_id == marker
        if by_field or user.external_id == f"{MARK}{marker}":
            return str(user.id)
    return None


def _path(remote_id: str) -> str:
    return f"{USERS}/{quote(remote_id, safe='')}"


def _body(user: UserWrite) -> bytes:
    return msgspec.json.encode(UserBody(user=user))


def _with_organizations(account: Account, found: tuple[Organization, ...]) -> Account:
    if not found:
        return account
    named = {organization.id: organization.name for organization in found if organization.name}
    return replace(account, organizations=account.organizations | named)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="the user is looked up by external id, the caller's or our mark, in a list that does not lag; a mark is "
        "lost only if somebody gives the user another external id before the look-up, and then a second user can come "
        "to be that has no e-mail address, since Zendesk takes every address once",
    ),
    "upsert": Recovery(
        by="unique",
        note="external id and address are unique at Zendesk, so the same create_or_update is sent again; its answer "
        "may then call a user changed that the lost request made",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the user is read; setting the same values again is harmless"
    ),
    "archive": Recovery(by="state", strength="strong", note="the user is read; a deleted one is not active"),
}

ENDPOINTS: Final = Endpoints(
    read=read,
    record=record,
    list=list_users,
    page=page,
    filters=frozenset({"email", "external_id"}),
    max_limit=MOST,
    create=create,
    update=update,
    upsert={"email": create_or_update, "external_id": create_or_update},
    find={"external_id": by_external_id},
    archive=archive,
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
