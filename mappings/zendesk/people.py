"""Writing the people of a ticket: who asks, who follows, who gets copies."""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.ticket import FollowerPatch, RequesterPatch
from mappings.spec import Notes
from mappings.zendesk import bodies
from mappings.zendesk.wire_v2 import Account, Person, RequesterWrite, Ticket, WatcherWrite

Watchers = tuple[WatcherWrite, ...] | UnsetType
Requester = tuple[int | UnsetType, RequesterWrite | UnsetType]
NOBODY: Final[Requester] = (UNSET, UNSET)


def requester_written(
    patch: RequesterPatch | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> Requester:
    """By id always; by address when a ticket is created, and later for somebody whose id is known already."""
    if not isinstance(patch, RequesterPatch):
        if current is None:
            notes.lose("/requester", "defaulted", "without one the agent whose token is used is the requester")
        elif patch is None:
            notes.invalid("/requester", "a Zendesk ticket always has a requester")
        return NOBODY
    if patch.remote_id is not None:
        id = bodies.record_id(patch.remote_id, "/requester/remote_id", notes)
        _compare(patch, account.people.get(id) if isinstance(id, int) else None, notes)
        return (id if isinstance(id, int) else UNSET, UNSET)
    if not patch.email:
        notes.invalid("/requester", "a remote_id or an e-mail address is needed")
        return NOBODY
    if not values.is_email(patch.email):
        notes.invalid("/requester/email", "not an e-mail address")
        return NOBODY
    if patch.phone:
        notes.unsupported("/requester/phone", "Zendesk takes name and address of a requester; set a number at the user")

    email = values.email(patch.email)
    if email != patch.email:
        notes.lose("/requester/email", "coerced", "lower-cased")
    if current is None:
        if not patch.name:
            notes.lose("/requester/name", "defaulted", "somebody new at Zendesk is named by the address")
        return UNSET, RequesterWrite(email=email, name=patch.name or email)
    known = _by_email(email, account)
    if known is None:
        notes.unsupported("/requester/email", "on an existing ticket Zendesk takes another requester by remote_id only")
        return NOBODY
    return known.id, UNSET


def watchers_written(
    patch: tuple[FollowerPatch, ...] | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> tuple[Watchers, Watchers]:
    """Followers and copied people: those wanted are put, those who are there and not wanted are deleted."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    followers: dict[str, WatcherWrite] = {}
    copied: dict[str, WatcherWrite] = {}
    for place, follower in enumerate(patch or ()):
        wanted = _watcher(place, follower, account, notes)
        if wanted is None:
            continue
        chosen = followers if follower.kind == "follower" else copied
        chosen[str(wanted.user_id or wanted.user_email)] = wanted
    if current is None:
        return tuple(followers.values()) or UNSET, tuple(copied.values()) or UNSET

    following = current.follower_ids or ()
    rest = (id for id in current.collaborator_ids or () if id not in following)
    copies = dict.fromkeys((*(current.email_cc_ids or ()), *rest))
    return _replaced(following, followers), _replaced(copies, copied)


def _watcher(place: int, follower: FollowerPatch, account: Account, notes: Notes) -> WatcherWrite | None:
    if follower.kind not in ("follower", "cc"):
        notes.invalid(f"/followers/{place}/kind", "one of: follower, cc")
        return None
    if follower.remote_id is not None:
        id = bodies.record_id(follower.remote_id, f"/followers/{place}/remote_id", notes)
        return WatcherWrite(user_id=str(id), action="put") if isinstance(id, int) else None
    if not follower.email or not values.is_email(follower.email):
        notes.invalid(f"/followers/{place}", "a remote_id or an e-mail address is needed")
        return None
    email = values.email(follower.email)
    known = _by_email(email, account)
    if known is not None:
        return WatcherWrite(user_id=str(known.id), action="put")
    return WatcherWrite(user_email=email, action="put")


def _replaced(held: Iterable[int], wanted: dict[str, WatcherWrite]) -> Watchers:
    gone = [WatcherWrite(user_id=str(id), action="delete") for id in held if str(id) not in wanted]
    return (*gone, *wanted.values()) or UNSET


def _by_email(email: str, account: Account) -> Person | None:
    for person in account.people.values():
        if person.email and values.email(person.email) == email:
            return person
    return None


def _compare(patch: RequesterPatch, known: Person | None, notes: Notes) -> None:
    """Name and address beside an id are what Zendesk has anyway, or are not taken."""
    held = (None, None, None) if known is None else (known.name, known.email, known.phone)
    for name, sent, own in zip(("name", "email", "phone"), (patch.name, patch.email, patch.phone), held, strict=True):
        if sent is not None and sent.casefold() != (own or "").casefold():
            notes.lose(f"/requester/{name}", "dropped", "remote_id says who it is; their own data stand")
