"""The people of a ticket: as they are read, and requester, followers and copied people as they are written."""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Reference, ReferencePatch
from canonical.ticket import FollowerPatch
from mappings.endpoints import NEW_PERSON
from mappings.kit import patches
from mappings.kit.people import compare_person
from mappings.spec import Notes
from mappings.zendesk.wire_v2 import Account, Person, RequesterWrite, Ticket, WatcherWrite

Watchers = tuple[WatcherWrite, ...] | UnsetType
Requester = tuple[int | str | UnsetType, RequesterWrite | UnsetType]
NO_ONE: Final = Person(id=0)


def person_of(id: int, account: Account) -> Reference:
    """Return a person with the side-loaded data of the id."""
    person = account.people.get(id)
    if person is None:
        return Reference(remote_id=str(id))
    email = values.email(person.email) if person.email else None
    return Reference(remote_id=str(id), name=person.name, email=email, phone=person.phone or None)


def requester_written(
    patch: ReferencePatch | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> Requester:
    """Return the requester: by id, or by address. On an existing ticket Zendesk takes an id only, so an address must be
    that of a known person."""
    if not isinstance(patch, ReferencePatch):
        if current is None:
            notes.lose("/requester", "defaulted", "without a requester, Zendesk uses the agent of the API token")
        elif patch is None:
            notes.invalid("/requester", "a Zendesk ticket always has a requester")
        return UNSET, UNSET
    if patch.remote_id == NEW_PERSON:
        return NEW_PERSON, UNSET
    if patch.remote_id is not None:
        id = patches.record_id(patch, "/requester", "Zendesk", notes)
        known = account.people.get(id, NO_ONE) if isinstance(id, int) else NO_ONE
        of_known = {"name": known.name, "email": known.email, "phone": known.phone}
        compare_person(patch, of_known, "/requester", notes)
        return (id if isinstance(id, int) else UNSET, UNSET)
    if not patch.email:
        notes.invalid("/requester", "send a remote_id or an e-mail address")
        return UNSET, UNSET
    email = patches.checked_email(patch.email, "/requester/email", notes)
    if email is None:
        return UNSET, UNSET
    if patch.phone:
        notes.lose("/requester/phone", "coerced", "Zendesk finds the requester by e-mail: the number is not written")
    if current is None:
        if not patch.name:
            notes.lose(
                "/requester/name", "defaulted", "a new Zendesk user without a name gets the e-mail address as the name"
            )
        return UNSET, RequesterWrite(email=email, name=patch.name or email)
    person = _by_email(email, account)
    if person is None:
        notes.unsupported("/requester", "Zendesk changes a ticket's requester only by id: send remote_id")
        return UNSET, UNSET
    compare_person(patch, {"name": person.name}, "/requester", notes)
    return person.id, UNSET


def watchers_written(
    patch: tuple[FollowerPatch, ...] | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> tuple[Watchers, Watchers]:
    """Return followers and copied people: those to add, and those of the present ticket to remove. Followers are
    agents, whom an address never selects: only one who follows already is known by it."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    following = () if current is None else current.follower_ids or ()
    followers: dict[str, WatcherWrite] = {}
    copied: dict[str, WatcherWrite] = {}
    for place, follower in enumerate(patch or ()):
        wanted = _watcher(place, follower, following, account, notes)
        if wanted is None:
            continue
        chosen = followers if follower.kind == "follower" else copied
        chosen[str(wanted.user_id or wanted.user_email)] = wanted
    if current is None:
        return tuple(followers.values()) or UNSET, tuple(copied.values()) or UNSET

    rest = (id for id in current.collaborator_ids or () if id not in following)
    copies = dict.fromkeys((*(current.email_cc_ids or ()), *rest))
    return _replaced(following, followers), _replaced(copies, copied)


def _watcher(
    place: int, follower: FollowerPatch, following: tuple[int, ...], account: Account, notes: Notes
) -> WatcherWrite | None:
    if follower.kind not in ("follower", "cc"):
        notes.invalid(f"/followers/{place}/kind", "one of: follower, cc")
        return None
    if follower.remote_id is not None:
        id = patches.record_id(follower, f"/followers/{place}", "Zendesk", notes)
        return WatcherWrite(user_id=str(id), action="put") if isinstance(id, int) else None
    if not follower.email:
        notes.unsupported(f"/followers/{place}", "Zendesk names people by id or e-mail address")
        return None
    if not values.is_email(follower.email):
        notes.invalid(f"/followers/{place}/email", "not an e-mail address")
        return None
    email = values.email(follower.email)
    if follower.phone:
        notes.lose(
            f"/followers/{place}/phone", "dropped", "Zendesk finds copied people by e-mail: the number is not written"
        )
    known = _by_email(email, account)
    if follower.kind == "follower" and (known is None or known.id not in following):
        notes.unsupported(f"/followers/{place}", "an address never selects a Zendesk agent: send the remote_id")
        return None
    if known is not None:
        compare_person(follower, {"name": known.name}, f"/followers/{place}", notes)
        return WatcherWrite(user_id=str(known.id), action="put")
    return WatcherWrite(user_email=email, user_name=follower.name or UNSET, action="put")


def _replaced(stored: Iterable[int], wanted: dict[str, WatcherWrite]) -> Watchers:
    present = dict.fromkeys(map(str, stored))
    gone = [WatcherWrite(user_id=id, action="delete") for id in present if id not in wanted]
    return UNSET if wanted.keys() == present.keys() else (*gone, *wanted.values())


def _by_email(email: str, account: Account) -> Person | None:
    for person in account.people.values():
        if person.email and values.email(person.email) == email:
            return person
    return None
