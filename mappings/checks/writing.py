"""Check writes: they send only what was requested, write or refuse every enum value, and recover from lost replies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw
from msgspec.structs import fields

from mappings.checks.golden import account_of, records
from mappings.checks.result import Result, raised
from mappings.checks.variations import Leaves, body_leaves, leaves, name_of
from mappings.coverage import enum_of, sample_of
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Unmappable

LONGEST: Final = 40  # characters of a value in a sentence
SHORTEST: Final = 4
"""Characters of a value that is likely copied from the record. Shorter values may be equal by chance."""


def writes(vendor: AnyVendor) -> Result:
    """Check that at least one object can be created or updated."""
    able = [mapping for mapping in vendor.mappings if mapping.endpoints.create or mapping.endpoints.update]
    return Result(cases=len(able), nothing="no object can be created or changed")


def patch_minimal(vendor: AnyVendor, root: Path) -> Result:
    """Check that an empty patch sends no values of the record and clears none, and that a patch of one field sends and
    clears no other field."""
    tried, failures = 0, []
    account = account_of(vendor, root)
    for mapping in vendor.mappings:
        if mapping.endpoints.update is None:
            continue
        for name, record in records(vendor, mapping, root):
            try:
                remote = mapping.read(record, account).remote.id
            except Unmappable:
                continue
            tried += 1
            failures += [f"{name}, r{mapping.revision}: {one}" for one in _excess(mapping, record, remote, account)]
    return Result(
        cases=tried, failures=tuple(failures), nothing="no object can be changed, or none has a golden record"
    )


def enums_written(vendor: AnyVendor) -> Result:
    """Check that every value of every enum is written, or refused with a detail, and that none raises."""
    tried, failures = 0, []
    for mapping in vendor.mappings:
        for field in fields(mapping.patch):
            for value in enum_of(field):
                tried += 1
                failure = _failure(mapping, field.name, value)
                if failure is not None:
                    failures.append(f"{mapping.name} r{mapping.revision}, {field.name} = {value}: {failure}")
    return Result(cases=tried, failures=tuple(failures), nothing="there is no enum to write")


def settled(vendor: AnyVendor) -> Result:
    """Check that every write declares its recovery from a lost reply, with the functions that it needs."""
    tried, failures = 0, []
    for mapping in vendor.mappings:
        endpoints = mapping.endpoints
        for action in endpoints.actions():
            if action == "upsert" and not endpoints.upsert:
                continue  # find, then create or update: these declare it
            tried += 1
            recovery = endpoints.recovery.get("comment" if mapping.object == "comment" else action)
            if recovery is None:
                failures.append(f"{mapping.name}: {action} does not declare its recovery from a lost reply")
            elif not recovery.note:
                failures.append(f"{mapping.name}: the recovery of {action} has no note for people")
            elif recovery.by == "marker" and (
                endpoints.find_marker is None or (endpoints.marked is None and endpoints.alike is None)
            ):
                failures.append(f"{mapping.name}: {action} recovers by marker, but find_marker or marked is missing")
            elif recovery.by == "key" and recovery.lifetime <= 0:
                failures.append(f"{mapping.name}: {action} recovers by key, but the key has no lifetime")
    return Result(cases=tried, failures=tuple(failures), nothing="the vendor has no writes")


def _excess(mapping: AnyMapping, record: Raw, remote_id: str, account: Any) -> Iterator[str]:
    current = mapping.decode(record)
    copied = {str(one) for _, one in leaves(msgspec.json.decode(record)) if _is_copied(one, remote_id)}
    empty = _sent(mapping, {}, current, remote_id, account) or {}
    if echoed := {place: value for place, value in empty.items() if str(value) in copied or _clears(value)}:
        yield f"an empty patch sends {_described(echoed)}"
    sent: dict[str, Leaves] = {}
    for field in fields(mapping.patch):
        values = enum_of(field)
        value = next((one for one in values if one != "unknown"), None) if values else sample_of(field)
        written = _sent(mapping, {field.encode_name: value}, current, remote_id, account)
        if written is not None:
            sent[field.name] = {place: one for place, one in written.items() if place not in empty}
    for name, own in sent.items():
        for other, theirs in sent.items():
            repeated = {
                place: one for place, one in own.items() if place in theirs and (str(one) in copied or _clears(one))
            }
            if other != name and theirs and theirs.keys() < own.keys() and len(repeated) == len(theirs):
                yield f"a write of {name} also sends {other}: {_described(repeated)}"


def _sent(mapping: AnyMapping, body: dict[str, Any], current: Any, remote_id: str, account: Any) -> Leaves | None:
    """Return the values that an update sends, by place in its body. None if the update is refused."""
    draft = mapping.to_vendor(msgspec.convert(body, mapping.patch), current, account)
    if draft.refused or mapping.endpoints.update is None:
        return None
    return body_leaves(mapping.endpoints.update(remote_id, draft.body, "op_0", account))


def _clears(value: Any) -> bool:
    """Return whether a value that was not asked for clears a field."""
    return value is None or value is False or value in ("", [])


def _is_copied(value: Any, remote_id: str) -> bool:
    """Return whether a value that occurs in a write was likely copied from the record. The record's id does not count:
    some vendors require it in every write, in a short or a long form."""
    return len(str(value)) >= SHORTEST and value not in (None, True, False) and not str(value).endswith(remote_id)


def _failure(mapping: AnyMapping, field: str, value: str) -> str | None:
    patch = msgspec.convert({field: value}, mapping.patch)
    try:
        draft = mapping.to_vendor(patch, None, mapping.account())
    except Exception as error:  # noqa: BLE001 - the check looks for any exception
        return raised(error)
    unexplained = [one.pointer for one in draft.refused if not one.detail]
    return f"it is refused at {unexplained[0]} without a reason" if unexplained else None


def _described(sent: Leaves) -> str:
    return ", ".join(f"{name_of(place)} = {str(value)[:LONGEST]!r}" for place, value in sorted(sent.items(), key=str))
