"""People's names at vendors that store one name, or a first and a last name. Each change adds a loss.

The rule: the last word of a name is the family name. A single word is the first name, or the family name where the
vendor requires one. A first and a last name form one name in this order.
"""

from typing import Final, Literal, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical.customer import CustomerPatch
from canonical.parts import Loss
from mappings.spec import Notes

SURPLUS: Final = "surplus spaces are removed"
PARTS: Final = ("first_name", "last_name")
NAMES: Final = ("display_name", *PARTS, "company_name")
E = TypeVar("E", str, None)
Sent = str | None | UnsetType


def split_name(name: str | None, empty: E, *, single: Literal["first", "last"] = "first") -> tuple[str | E, str | E]:
    """Return first and last name, split at the last space. A single word becomes the `single` name. `empty` is the
    vendor's value for a missing name."""
    first, _, last = (name or "").strip().rpartition(" ")
    if single == "first" and not first:
        first, last = last, first
    return first.rstrip() or empty, last or empty


def full_name(first: Sent, last: Sent) -> str | None:
    """Return both names as one: the parts that exist."""
    first, last = tidy(first), tidy(last)
    return f"{first} {last}" if first and last else first or last


def one_name(
    patch: CustomerPatch, stored: str | None, vendor: str, notes: Notes, *, with_company: bool = True
) -> CustomerPatch:
    """Return the patch with `display_name` instead of first and last name, for a vendor that stores one name. A part
    that is not sent keeps its word of `stored`, the present name; a `display_name` that equals it changes nothing.
    Without `with_company`, the name of a company is that of an organization without another one."""
    parts = {"first_name": patch.first_name, "last_name": patch.last_name}
    own = tidy(patch.display_name)
    if own is not None and own == tidy(stored) and not _agree(own, *parts.values()):
        own = None
    if own is None and not all(isinstance(part, UnsetType) for part in parts.values()):
        present, known, family = split_name(stored, None), tidy(stored) or "", tidy(patch.last_name)
        if family and known.endswith(f" {family}"):  # a family name may have several words
            present = known.removesuffix(f" {family}"), family
        first, last = (
            before if isinstance(sent, UnsetType) else sent
            for sent, before in zip(parts.values(), present, strict=True)
        )
        own = full_name(*parts.values())
        if own is None or own != tidy(stored):  # a part may be the whole name that it was written as
            own = full_name(first, last)
        if own != tidy(stored):
            patch = replace(patch, display_name=own)
    for name, part in parts.items():
        if tidy(part):
            is_part = own is not None and _agree(own, *parts.values())
            why = "it is part of the display name" if is_part else "display_name is written"
            notes.lose(f"/{name}", "coerced", f"{vendor} stores one name: {why}")
    patch = replace(patch, first_name=UNSET, last_name=UNSET)
    return patch if with_company else company_as_name(patch, own or tidy(stored), vendor, notes)


def required_name(patch: CustomerPatch, vendor: str, notes: Notes, *, is_new: bool) -> str | UnsetType:
    """Return the one name of a patch, for a vendor that requires one and gives a new customer without it the address or
    number as the name. Refuse to clear it."""
    name = patch.display_name
    if isinstance(name, str) and name.strip():
        return name
    if not isinstance(name, UnsetType) and not (is_new and name is None):
        notes.invalid("/display_name", f"{vendor} needs a name")
    elif is_new:
        detail = f"a new customer of {vendor} without a name gets the e-mail address or number as the name"
        notes.lose("/display_name", "defaulted", detail)
    return UNSET


def company_as_name(patch: CustomerPatch, known: str | None, vendor: str, notes: Notes) -> CustomerPatch:
    """Return the patch with the name of a company as that of an organization without another one (`known`), for a
    vendor that has only people."""
    company = tidy(patch.company_name)
    if company is None or (known != company if known else patch.kind != "organization"):
        return patch
    notes.lose("/company_name", "coerced", f"{vendor} has no companies here: it is written as the name")
    return replace(patch, display_name=company, company_name=UNSET)


def two_names(
    patch: CustomerPatch,
    stored: tuple[str | None, str | None],
    vendor: str,
    notes: Notes,
    *,
    single: Literal["first", "last"] = "first",
) -> CustomerPatch:
    """Return the patch with first and last name instead of `display_name`, for a vendor that stores these two. `stored`
    are the present ones. A single word becomes the `single` name."""
    first, last, own, whole = patch.first_name, patch.last_name, tidy(patch.display_name), patch.display_name
    is_sent, patch = not isinstance(patch.display_name, UnsetType), replace(patch, display_name=UNSET)
    if own is None:
        is_cleared = is_sent and isinstance(first, UnsetType) and isinstance(last, UnsetType)
        return replace(patch, first_name=None, last_name=None) if is_cleared and any(stored) else patch
    is_same = any(stored) and full_name(first, last) == full_name(*stored) != own
    if is_same or (not tidy(first) and not tidy(last)):
        if own == full_name(*stored):
            return replace(patch, first_name=UNSET, last_name=UNSET)
        first, last = split_name(own, None, single=single)
        if first and last:
            detail = f"{vendor} stores first and last name: it is split at the last space"
            notes.lose("/display_name", "coerced", detail)
        elif own != whole:
            notes.lose("/display_name", "coerced", SURPLUS)
        return replace(patch, first_name=first, last_name=last)
    only = tuple(part for part, before in zip(PARTS, stored, strict=True) if tidy(before))
    if len(only) == 1 and UNSET in (first, last) and own == full_name(first, last):
        return _only_name(patch, own, only[0], vendor, notes)
    agrees, has_both = _agree(own, first, last), tidy(first) and tidy(last)
    is_tidy = whole == own and all(part == tidy(part) for part in (first, last) if tidy(part))
    if agrees and not tidy(last):
        last = own[len(tidy(first) or "") :].strip() or last
    elif agrees and not has_both:
        first = own[: -len(tidy(last) or "")].strip() or first
    after = [kept if isinstance(part, UnsetType) else part for part, kept in zip((first, last), stored, strict=True)]
    if not agrees or not is_tidy or full_name(*after) != own:
        notes.lose("/display_name", "coerced", f"{vendor} builds it from first and last name, which are written")
    return replace(patch, first_name=first, last_name=last)


def _only_name(patch: CustomerPatch, name: str, place: str, vendor: str, notes: Notes) -> CustomerPatch:
    """Return the patch with the only name in the part (`place`) that is the only one of the record: another system may
    keep it as the other part, and both together would double it."""
    for part in PARTS:
        if part != place and tidy(getattr(patch, part)):
            notes.lose(f"/{part}", "coerced", f"it is the whole name, which is the {place} at {vendor}")
    return replace(patch, **dict.fromkeys(PARTS, UNSET) | {place: name})


def one_form(patch: CustomerPatch, *, has_parts: bool) -> tuple[CustomerPatch, tuple[Loss, ...]]:
    """Return the patch of an upsert with the form of the name that a new record gets, and what is lost of another form
    that differs. `has_parts`: the vendor stores first and last name. A change takes the form that differs from the
    record, so a repeated upsert would write the other one."""
    own, parts = tidy(patch.display_name), (patch.first_name, patch.last_name)
    sent = [tidy(part) for part in parts]
    if own is None or not any(sent):
        return patch, ()
    if full_name(*parts) == own if has_parts and all(sent) else _agree(own, *parts):
        return patch, ()
    names = ("display_name",) if has_parts else tuple(name for name, part in zip(PARTS, sent, strict=True) if part)
    other = "first_name and last_name, which are" if has_parts else "display_name, which is"
    detail = f"it differs from {other} written"
    loss = tuple(Loss(path=f"/{name}", kind="coerced", detail=detail) for name in names)
    return replace(patch, **dict.fromkeys(names, UNSET)), loss


def refuse_long_names(sent: CustomerPatch, notes: Notes, *written: tuple[Sent, int]) -> None:
    """Refuse names that are longer than the vendor accepts. `written` are those that it would store, each with the most
    characters. One that was joined or split is refused at the longest field of the patch that it comes from, one that
    comes from none of them at the last name."""
    fields = {name: tidy(getattr(sent, name)) or "" for name in NAMES}
    for text, most in written:
        if isinstance(text, str) and len(text) > most:
            words = tidy(text) or ""
            sources = [name for name, part in fields.items() if part and (part in words or words in part)]
            source = max(sources, key=lambda name: len(fields[name]), default="last_name")
            notes.invalid(f"/{source}", f"at most {most} characters, and the name to be written has {len(text)}")


def tidy(text: Sent) -> str | None:
    """Return text without surplus spaces, None if there is none."""
    return " ".join(text.split()) or None if isinstance(text, str) else None


def _agree(name: str, first: Sent, last: Sent) -> bool:
    """Return whether a name begins with the first name and ends with the last one."""
    return name.startswith(tidy(first) or "") and name.endswith(tidy(last) or "")
