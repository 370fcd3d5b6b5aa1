"""The people behind the ids in tickets and comments: side-loaded with a page, or read once more."""

from contextlib import suppress
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get
from mappings.spec import Unmappable, decode
from mappings.zendesk.paging import API, MOST
from mappings.zendesk.wire_v2 import Account, Person

INCLUDE: Final = ("include", "users")
WITH_NAMES: Final = ("include", "users,groups,organizations")
SHOW_MANY: Final = f"{API}/users/show_many"


class _Requested(Struct, frozen=True, kw_only=True):
    requester_id: int | None = None


class _Named(Struct, frozen=True, kw_only=True):
    id: int
    name: str | None = None


class _People(Struct, frozen=True, kw_only=True):
    users: tuple[Person, ...] = ()
    groups: tuple[_Named, ...] = ()
    organizations: tuple[_Named, ...] = ()


class _FoundPeople(Struct, frozen=True, kw_only=True):
    users: tuple[Person, ...]


def with_people(reply: VendorReply, account: Account) -> Account:
    """Return the account with the people of a reply, and the names of its groups and organizations."""
    people = decode(reply.body, _People)
    account = _added(account, people.users)
    if not people.groups and not people.organizations:
        return account
    return replace(
        account,
        groups=account.groups | _names(people.groups),
        organizations=account.organizations | _names(people.organizations),
    )


def missing_requesters(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Build one read of the requesters that did not come with their tickets. Those it does not find are gone.

    A ticket that has drifted is passed over here; its mapping reports it.
    """
    if account.people_asked:
        return None
    requesters: set[int | None] = set()
    for raw in records:
        with suppress(Unmappable):
            requesters.add(decode(raw, _Requested).requester_id)
    wanted = sorted(id for id in requesters if id is not None and id not in account.people)[:MOST]
    if not wanted:
        return None
    ids = ("ids", ",".join(map(str, wanted)))
    return get(SHOW_MANY, ids)


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account with the people that were found. Raises VendorDrift for an answer without them."""
    return replace(_added(account, decode(reply.body, _FoundPeople).users), people_asked=True)


def _names(records: tuple[_Named, ...]) -> dict[int, str]:
    return {one.id: one.name for one in records if one.name}


def _added(account: Account, people: tuple[Person, ...]) -> Account:
    if not people:
        return account
    return replace(account, people=account.people | {person.id: person for person in people})
