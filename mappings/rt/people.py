"""The people of a ticket both ways: requestor, copied people and followers.

A user is named by login name or e-mail address. Users who only ever wrote mails have their address as login name, and
Request Tracker makes a user of a new address. A number names a group or another record, so a write may name only those
that the ticket already has.
"""

from collections.abc import Collection
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Loss, Reference, ReferencePatch
from canonical.ticket import Follower, FollowerKind, FollowerPatch
from mappings.kit import patches
from mappings.kit.contact_points import email_address
from mappings.kit.people import compare_person
from mappings.rt.wire_rest2 import Account, Person, Ticket
from mappings.spec import Notes

TITLE: Final = "Request Tracker"
A_NUMBER: Final = "a number is not a login name: send the login name, or an email"
SEVERAL: Final = "send one login name; a name with a comma can be set only on an existing ticket"
PASSED_OVER: Final = "on a create Request Tracker ignores an unknown login name: check the answer"
People = tuple[str, ...] | UnsetType


def requester(people: tuple[Person, ...], account: Account, loss: list[Loss]) -> Reference | None:
    """Return the first requestor."""
    if not people:
        return None
    if len(people) > 1:
        loss.append(
            Loss(path="/requester", kind="dropped", detail="the ticket has several requestors; this is the first")
        )
    person = _with_data(people[0], account)
    email = email_address(person.email_address, "/requester/email", loss, "lower-cased")
    return Reference(remote_id=person.id, name=person.real_name or None, email=email)


def person_of(login: str, account: Account, people: tuple[Person, ...] = ()) -> Reference:
    """Return a person by login name, with address and name if they were read, or sent with the `people` of a ticket."""
    sent = next((one for one in people if one.id == login), Person(id=login))
    person = _with_data(sent, account)
    email = values.email(person.email_address) if person.email_address else None
    return Reference(remote_id=person.id, name=person.real_name or None, email=email)


def followers(record: Ticket, account: Account, loss: list[Loss]) -> tuple[Follower, ...]:
    """Return the people who get copies of the correspondence (Cc), and those who get everything (AdminCc)."""
    copied: list[Follower] = []
    roles: tuple[tuple[tuple[Person, ...], FollowerKind, str], ...] = (
        (record.cc, "cc", "Cc"),
        (record.admin_cc, "follower", "AdminCc"),
    )
    for people, kind, raw in roles:
        for one in people:
            person = _with_data(one, account)
            email = email_address(person.email_address, f"/followers/{len(copied)}/email", loss, "lower-cased")
            name = person.real_name or None
            copied.append(Follower(remote_id=person.id, email=email, name=name, kind=kind, kind_raw=raw))
    return tuple(copied)


def requester_written(
    patch: ReferencePatch | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> People:
    """Return the requester as the only requestor: the list is replaced as a whole."""
    if isinstance(patch, UnsetType):
        return UNSET
    stored = () if current is None else current.requestor
    if patch is None:
        return () if current is not None else UNSET
    if len(stored) > 1:
        notes.lose("/requester", "dropped", "Request Tracker removes the ticket's other requestors")
    if patch.phone:
        detail = "Request Tracker finds the requester by e-mail: the number is not written"
        notes.lose("/requester/phone", "coerced", detail)
    if patch.remote_id is not None:
        known = next((one for one in stored if one.id == patch.remote_id), None)
        person = Person(id="") if known is None else _with_data(known, account)
        compare_person(patch, {"name": person.real_name, "email": person.email_address}, "/requester", notes)
        return _named(
            patch.remote_id, {one.id for one in stored}, "/requester/remote_id", notes, is_new=current is None
        )
    if not patch.email:
        notes.invalid("/requester", "send a remote_id or an email")
        return UNSET
    email = patches.checked_email(patch.email, "/requester/email", notes)
    address = UNSET if email is None else patches.ascii_email(email, "/requester/email", TITLE, notes)
    return (_with_name(patch.name, address),) if address else UNSET


def followers_written(
    patch: tuple[FollowerPatch, ...] | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> tuple[People, People]:
    """Return Cc and AdminCc. A list that stays the same is not sent."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    wanted: dict[FollowerKind, dict[str, None]] = {"cc": {}, "follower": {}}
    stored = set[str]() if current is None else {one.id for one in (*current.cc, *current.admin_cc)}
    for place, follower in enumerate(patch or ()):
        pointer = f"/followers/{place}"
        if follower.kind not in wanted:
            notes.invalid(f"{pointer}/kind", f"one of: {', '.join(wanted)}")
        elif follower.remote_id is not None:
            named = _named(follower.remote_id, stored, f"{pointer}/remote_id", notes, is_new=current is None)
            wanted[follower.kind].update(dict.fromkeys(named if isinstance(named, tuple) else ()))
        elif not follower.email:
            notes.unsupported(pointer, "Request Tracker names people by login name or e-mail address")
        elif not values.is_email(follower.email):
            notes.invalid(f"{pointer}/email", "not an e-mail address")
        elif address := patches.ascii_email(follower.email, pointer, TITLE, notes):
            wanted[follower.kind][address] = None
            for name in ("name", "phone"):
                if getattr(follower, name):
                    detail = "Request Tracker finds people by e-mail: a user keeps the own name and numbers"
                    notes.lose(f"{pointer}/{name}", "dropped", detail)
    cc, admin_cc = tuple(wanted["cc"]), tuple(wanted["follower"])
    if current is None:
        return cc or UNSET, admin_cc or UNSET
    return (
        UNSET if _same(cc, current.cc, account) else cc,
        UNSET if _same(admin_cc, current.admin_cc, account) else admin_cc,
    )


def _with_data(person: Person, account: Account) -> Person:
    """Return the person with address and name, if they were sent or read."""
    if person.email_address is not None or not account.people:
        return person
    return account.people.get(person.id, person)


def _named(remote_id: str, stored: Collection[str], pointer: str, notes: Notes, *, is_new: bool) -> People:
    """Return a person by login name. A number is one only if the ticket has that person (`stored`)."""
    if "\n" in remote_id or ("," in remote_id and (is_new or "@" in remote_id)):
        notes.invalid(pointer, SEVERAL)
        return UNSET
    if not remote_id.strip() or (remote_id.isdecimal() and remote_id not in stored):
        notes.invalid(pointer, A_NUMBER)
        return UNSET
    if is_new and not values.is_email(remote_id):
        notes.lose(pointer, "ambiguous", PASSED_OVER)
    return (remote_id,)


def _with_name(name: str | None, email: str) -> str:
    """Return an address with a name, for a new user (RFC 5322, 3.4)."""
    words = " ".join((name or "").split())
    if not words:
        return email
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{email}>'


def _same(wanted: tuple[str, ...], stored: tuple[Person, ...], account: Account) -> bool:
    """Return whether these are the present people, each by login name or address."""
    if len(wanted) != len(stored):
        return False
    left = {values.fold(one) for one in wanted}
    for one in stored:
        person = _with_data(one, account)
        if not left & {values.fold(person.id), values.email_key(person.email_address or "")}:
            return False
    return True
