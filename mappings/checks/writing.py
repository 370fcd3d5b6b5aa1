"""What a write may send: no more than was asked for, every value of an enum or a refusal, and a way to know its end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw
from msgspec.structs import fields

from mappings.checks.golden import account_of, records
from mappings.checks.result import Result, raised
from mappings.coverage import enum_of, sample_of
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Unmappable

Leaves = dict[str, Any]
LONGEST: Final = 40  # of a value in a sentence
SHORTEST: Final = 4
"""Characters of a value that is likely to be taken from the record; shorter ones are alike by chance."""


def writes(vendor: AnyVendor) -> Result:
    """Something can be written, and nothing but what a mapping can hold: a create or an update of an object."""
    able = [mapping for mapping in vendor.mappings if mapping.endpoints.create or mapping.endpoints.update]
    return Result(cases=len(able), nothing="no object can be created or changed")


def patch_minimal(vendor: AnyVendor, root: Path) -> Result:
    """A write of nothing sends nothing, and a write of one field does not repeat what another field would have sent."""
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
            failures += [f"{name}, r{mapping.revision}: {told}" for told in _excess(mapping, record, remote, account)]
    return Result(
        cases=tried, failures=tuple(failures), nothing="no object can be changed, or none has a golden record"
    )


def enums_written(vendor: AnyVendor) -> Result:
    """Every value of every enum is written, or refused with a sentence; none raises."""
    tried, failures = 0, []
    for mapping in vendor.mappings:
        for field in fields(mapping.patch):
            for value in enum_of(field):
                tried += 1
                told = _misjudged(mapping, field.name, value)
                if told is not None:
                    failures.append(f"{mapping.name} r{mapping.revision}, {field.name} = {value}: {told}")
    return Result(cases=tried, failures=tuple(failures), nothing="there is no enum to write")


def settled(vendor: AnyVendor) -> Result:
    """Every verb that writes says how a lost reply is settled, and has what that takes."""
    tried, failures = 0, []
    for mapping in vendor.mappings:
        endpoints = mapping.endpoints
        for action in endpoints.actions():
            if action == "upsert" and not endpoints.upsert:
                continue  # found, then created or changed: these say it
            tried += 1
            recovery = endpoints.recovery.get("comment" if mapping.object == "comment" else action)
            if recovery is None:
                failures.append(f"{mapping.name}: {action} does not say how a lost reply is settled")
            elif not recovery.note:
                failures.append(f"{mapping.name}: the recovery of {action} has no note for people")
            elif recovery.by == "marker" and (endpoints.find_marker is None or endpoints.marked is None):
                failures.append(f"{mapping.name}: {action} is settled by a marker, which nothing looks up")
            elif recovery.by == "key" and recovery.lifetime <= 0:
                failures.append(f"{mapping.name}: {action} is settled by a key without a lifetime")
    return Result(cases=tried, failures=tuple(failures), nothing="nothing is written")


def _excess(mapping: AnyMapping, record: Raw, remote_id: str, account: Any) -> Iterator[str]:
    current = mapping.decode(record)
    held = {str(one) for one in _leaves(msgspec.json.decode(record)).values() if _is_telling(one, remote_id)}
    nothing = _sent(mapping, {}, current, remote_id, account) or {}
    if echoed := {path: value for path, value in nothing.items() if str(value) in held}:
        yield f"a write of nothing sends {_told(echoed)}"
    sent: dict[str, Leaves] = {}
    for field in fields(mapping.patch):
        values = enum_of(field)
        value = next((one for one in values if one != "unknown"), None) if values else sample_of(field)
        leaves = _sent(mapping, {field.encode_name: value}, current, remote_id, account)
        if leaves is not None:
            sent[field.name] = {path: one for path, one in leaves.items() if path not in nothing}
    for name, leaves in sent.items():
        for other, theirs in sent.items():
            repeated = {path: one for path, one in leaves.items() if path in theirs and str(one) in held}
            if other != name and theirs and theirs.keys() < leaves.keys() and len(repeated) == len(theirs):
                yield f"a write of {name} repeats {other} as it is: {_told(repeated)}"


def _sent(mapping: AnyMapping, body: dict[str, Any], current: Any, remote_id: str, account: Any) -> Leaves | None:
    """What an update would send, by path in its body; None where it is refused."""
    draft = mapping.to_vendor(msgspec.convert(body, mapping.patch), current, account)
    if draft.refused or mapping.endpoints.update is None:
        return None
    request = mapping.endpoints.update(remote_id, draft.body, "op_0", account)
    if request.body is None:
        return {}
    if request.content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    return _leaves(msgspec.json.decode(request.body))


def _is_telling(value: Any, remote_id: str) -> bool:
    """Whether a value in a write shows that it was taken from the record. The record's own id, short or in the long
    form that some vendors want in every write, does not."""
    return len(str(value)) >= SHORTEST and value not in (None, True, False) and not str(value).endswith(remote_id)


def _misjudged(mapping: AnyMapping, field: str, value: str) -> str | None:
    patch = msgspec.convert({field: value}, mapping.patch)
    try:
        draft = mapping.to_vendor(patch, None, mapping.account())
    except Exception as error:  # noqa: BLE001 - any exception is the defect that is looked for
        return raised(error)
    mute = [one.pointer for one in draft.refused if not one.detail]
    return f"it is refused at {mute[0]} without a word" if mute else None


def _leaves(value: Any, path: str = "") -> Leaves:
    if isinstance(value, dict):
        return {at: one for key, inner in value.items() for at, one in _leaves(inner, f"{path}/{key}").items()}
    if isinstance(value, list):
        return {at: one for n, inner in enumerate(value) for at, one in _leaves(inner, f"{path}/{n}").items()}
    return {path: value}


def _told(leaves: Leaves) -> str:
    return ", ".join(f"{path} = {str(value)[:LONGEST]!r}" for path, value in sorted(leaves.items()))
