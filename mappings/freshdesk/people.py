"""Write the people of a ticket: its requester and the copied addresses."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from canonical.parts import ReferencePatch
from canonical.ticket import FollowerPatch
from mappings.freshdesk.wire_v2 import Requester, Ticket
from mappings.kit import patches
from mappings.kit.people import compare_person
from mappings.spec import Notes


class RequesterWrite(Struct, frozen=True, kw_only=True):
    """The requester in the body of a ticket: by id, by e-mail address, or by phone number and name."""

    requester_id: int | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


NO_REQUESTER: Final = RequesterWrite()


def requester_written(patch: ReferencePatch | None | UnsetType, current: Ticket | None, notes: Notes) -> RequesterWrite:
    """Return the requester by id, address or phone number. Freshdesk finds the contact or creates one."""
    if not isinstance(patch, ReferencePatch):
        if current is None or patch is None:
            notes.invalid("/requester", "a Freshdesk ticket always has a requester: send a remote_id or an email")
        return NO_REQUESTER
    if patch.remote_id is not None:
        id = patches.record_id(patch, "/requester", "Freshdesk", notes)
        if not isinstance(id, int):
            return NO_REQUESTER
        requester = None if current is None else current.requester
        of_known = None if requester is None or requester.id != id else _known(requester)
        compare_person(patch, of_known or {}, "/requester", notes)
        return NO_REQUESTER if current is not None and current.requester_id == id else RequesterWrite(requester_id=id)
    name = patch.name if patch.name and patch.name.strip() else UNSET
    if patch.email:
        requester = None if current is None else current.requester
        if requester is not None and requester.email and values.email(requester.email) == values.email(patch.email):
            compare_person(patch, _known(requester), "/requester", notes)
            return NO_REQUESTER
        return _by_email(patch, patch.email, name, notes)
    if not patch.phone:
        notes.invalid("/requester", "send a remote_id, an e-mail address or a phone number")
        return NO_REQUESTER
    if isinstance(name, UnsetType):
        notes.invalid("/requester/name", "Freshdesk needs a name with a phone number")
        return NO_REQUESTER
    return RequesterWrite(phone=patch.phone, name=name)


def _known(requester: Requester) -> dict[str, str | None]:
    """Return what a ticket shows of its requester, who has no number if it shows none."""
    number = requester.phone or requester.mobile or ""
    return {"name": requester.name, "email": requester.email, "phone": number}


def copied_written(
    patch: tuple[FollowerPatch, ...] | None | UnsetType, current: Ticket | None, notes: Notes
) -> tuple[str, ...] | UnsetType:
    """Return the copied addresses. Freshdesk accepts them only with a new ticket."""
    if isinstance(patch, UnsetType):
        return UNSET
    wanted: dict[str, None] = {}
    for place, follower in enumerate(patch or ()):
        if follower.kind != "cc":
            notes.unsupported(f"/followers/{place}", "Freshdesk's tickets do not contain their watchers: send kind cc")
        elif not follower.email:
            notes.unsupported(f"/followers/{place}", "Freshdesk names copied people by their e-mail address")
        elif not values.is_email(follower.email):
            notes.invalid(f"/followers/{place}/email", "send an e-mail address")
        else:
            wanted[values.email(follower.email)] = None
            for name in ("name", "phone"):
                if getattr(follower, name):
                    notes.lose(
                        f"/followers/{place}/{name}", "dropped", "Freshdesk keeps the addresses of copied people"
                    )
    if current is None:
        return tuple(wanted) or UNSET
    stored = {values.email(address) for address in current.cc_emails or ()}
    if stored != set(wanted):
        notes.unsupported("/followers", "Freshdesk accepts copied addresses only with a new ticket")
    return UNSET


def _by_email(patch: ReferencePatch, address: str, name: str | UnsetType, notes: Notes) -> RequesterWrite:
    email = patches.checked_email(address, "/requester/email", notes)
    if email is None:
        return NO_REQUESTER
    if patch.phone:
        notes.lose("/requester/phone", "coerced", "Freshdesk finds the requester by e-mail: the number is not written")
    return RequesterWrite(email=email, name=name)
