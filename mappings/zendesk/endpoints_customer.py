"""Requests for users and replies about them.

A new user without a caller's key gets the marker as external id, which is unique in the account and looked up in a
list, not in the search. A user field has the operation id too, for users with a key.
"""

import dataclasses
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.endpoints import Action, ListQuery, Recovery, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.recovery import by_state, same_values
from mappings.kit.rest import Collection, get, parameter, post, wrapped
from mappings.spec import decode
from mappings.zendesk.paging import API, LISTS, MOST, exported, numbered
from mappings.zendesk.wire_v2 import MARK_FIELD, Account, Organization, UserBody, UserWrite

INCLUDE: Final = ("include", "organizations")
MARKED: Final = markers.MarkedField(name=MARK_FIELD, member="user_fields")
SHOW_MANY: Final = f"{API}/users/show_many"


class _Head(Struct, frozen=True, kw_only=True):
    role: str | None = None
    organization_id: int | None = None
    external_id: str | None = None


class _Organizations(Struct, frozen=True, kw_only=True):
    organizations: tuple[Organization, ...] = ()


def with_organizations(reply: VendorReply, account: Account) -> Account:
    """Return the account with the organizations of a reply."""
    organizations = decode(reply.body, _Organizations).organizations
    if not organizations:
        return account
    named = {organization.id: organization.name for organization in organizations if organization.name}
    return replace(account, organizations=account.organizations | named)


def mark(body: UserWrite, marker: str, account: Account) -> UserWrite:
    """Return the body of a new user, marked. Zendesk needs a name: without one it is the address or the number."""
    name = body.name or body.email or body.phone
    key = markers.in_key(body.external_id or None, marker)
    named = replace(body, name=name if isinstance(name, str) else body.name, external_id=key)
    return MARKED.mark(named, marker)


def is_staff(record: Raw) -> bool:
    """Return whether a user is an agent or an administrator."""
    return decode(record, _Head).role not in (None, "end-user")


def carries(record: Raw, marker: str) -> bool:
    """Return whether this operation made the user."""
    return MARKED.carries(record, marker) or decode(record, _Head).external_id == markers.in_key(None, marker)


USERS: Final = Collection[UserWrite, Account](
    path=f"{API}/users",
    paging=LISTS,
    read_query=(INCLUDE,),
    list_query=(INCLUDE,),
    records=wrapped("user", "users"),
    filters={"external_id": parameter("external_id")},
    related=with_organizations,
    encode=lambda user: msgspec.json.encode(UserBody(user=user)),
    mark=mark,
    carries=carries,
    # The answer to a write does not name the organization.
    is_whole=lambda record: decode(record, _Head).organization_id is None,
)


def list_users(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page of users. The search by address lags a little behind writes."""
    if "external_id" in query.filters:
        return USERS.list(query, account)
    if (email := query.filters.get("email")) is not None:
        search = ("query", f'email:"{email.replace(chr(34), "")}"')
        return numbered(f"{USERS.path}/search", query, (search, INCLUDE))
    if query.updated_since is not None:
        return exported("users", query.updated_since, query, (INCLUDE,))
    return USERS.list(query, account)


def create_or_update(key: str, body: UserWrite, marker: str, account: Account) -> VendorRequest:
    """Build the request that creates or changes the user with the external id or the address of the body."""
    return post(f"{USERS.path}/create_or_update", USERS.encode(body), idempotent=True)


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return which user was written. The status shows whether an upsert created it. A deleted user is returned too."""
    return replace(USERS.write_result(reply, "update"), created=reply.status == 201)


def by_external_id(external_id: str, account: Account) -> VendorRequest:
    """Build the request for the user with this external id."""
    return get(SHOW_MANY, ("external_ids", external_id), INCLUDE)


def find_marker(marker: str, parent: str | None, body: UserWrite | None, account: Account) -> VendorRequest:
    """Build the request for the user that a lost create may have made: by the caller's key if it has one, else by the
    marker."""
    key = None if body is None else body.external_id
    return by_external_id(markers.in_key(key or None, marker), account)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="the user is looked up by external id, the caller's key or the marker, in a list without lag. The marker "
        "is lost only if the user gets another external id before the look-up. Then a second user can be created "
        "without an e-mail address, because Zendesk's addresses are unique",
    ),
    "upsert": Recovery(
        by="unique",
        note="external id and address are unique at Zendesk, so the same create_or_update is sent again. Its answer "
        "may then report a user as changed that the lost request created",
    ),
    "update": same_values("user"),
    "archive": by_state("the user is read; a deleted one is not active"),
}

ENDPOINTS: Final = dataclasses.replace(
    USERS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST),
    list=list_users,
    filters=frozenset({"email", "external_id"}),
    is_staff=is_staff,
    upsert={"email": create_or_update, "external_id": create_or_update},
    find={"external_id": by_external_id},
    write_result=write_result,
)
