"""The verdict on one change of one field. Every door asks this function; it reads nothing."""

from typing import Literal

from msgspec import Struct

from app.settings.ownership import KEY, PERSON
from canonical.parts import FieldOwnership

Ruled = Literal["written", "skipped", "refused", "review"]


class Change(Struct, frozen=True, kw_only=True):
    """A change of a field: by whom (a connection, `key:<name>`, `person`; several if each speaks for it), and at which
    connection.

    `differs`: the value is not the present one, after the target's mapping. `replaces`: the record has a value.
    `is_older`: the record changed after the writer's value did. `contradicts_owner`: the owner holds another value.
    """

    by: frozenset[str]
    target: str
    differs: bool = True
    replaces: bool = False
    is_older: bool = False
    contradicts_owner: bool = False


class Ruling(Struct, frozen=True, kw_only=True):
    """The verdict on a field, and why it is not written."""

    verdict: Ruled
    reason: str = ""


WRITTEN = Ruling(verdict="written")


def rule(field: str, policy: FieldOwnership, change: Change) -> Ruling:
    """Return the verdict on a change of `field`. A value that equals the present one is no change."""
    if policy.anyone_else is None or not change.differs:
        return WRITTEN
    writer, owner = " and ".join(sorted(change.by)) or "an unnamed writer", policy.owner
    if not may_write(policy, change.by, change.target):
        reason = f"{writer} is not a writer of {field}, which {owner} owns"
        return Ruling(verdict=_OTHERWISE[policy.anyone_else], reason=reason)
    if policy.among_writers == "newest" and change.is_older:
        return Ruling(verdict="skipped", reason="the record changed after the value that was sent")
    if speaks_for_owner(policy, change.by, change.target):
        return WRITTEN
    if policy.among_writers == "fill_empty" and change.replaces:
        return Ruling(verdict="skipped", reason=f"{field} has a value, and only {owner} may replace it")
    if policy.among_writers == "owner_wins" and change.contradicts_owner:
        return Ruling(verdict="skipped", reason=f"{owner}, which owns {field}, holds another value")
    return WRITTEN


def may_write(policy: FieldOwnership, by: frozenset[str], target: str) -> bool:
    """Return whether one of these writers may change the field at the connection `target`."""
    if speaks_for_owner(policy, by, target) or by & set(policy.writers or ()):
        return True
    return policy.anyone_else == "review" and PERSON in by  # a person who redrives it has reviewed it


def speaks_for_owner(policy: FieldOwnership, by: frozenset[str], target: str) -> bool:
    """Return whether the change comes from the owner, or is made at the owner where no writers are configured."""
    if policy.owner in by:
        return True
    return policy.writers is None and policy.owner == target and any(one == PERSON or one.startswith(KEY) for one in by)


def depends_on_record(policy: FieldOwnership, by: frozenset[str], target: str) -> bool:
    """Return whether the verdict on a change needs the present record: whether it may be another than `written`."""
    if policy.anyone_else is None:
        return False
    if not may_write(policy, by, target) or policy.among_writers == "newest":
        return True
    return policy.among_writers is not None and not speaks_for_owner(policy, by, target)


_OTHERWISE: dict[str, Ruled] = {"reject": "refused", "skip": "skipped", "review": "review"}
