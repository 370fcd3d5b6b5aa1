"""Recorded records, and what changes of them: the material of the derived checks.

Nothing here reads an expected result. A recorded record is varied, and the two readings or writes are compared.
"""

import inspect
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from mappings.checks.golden import account_of, records
from mappings.checks.sent_back import patch_of
from mappings.coverage import enum_of, sample_of
from mappings.http import VendorRequest
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Draft, Unmappable, VendorDrift

Place = tuple[str | int, ...]
"""Where a value is in a record: the names and positions that lead to it."""
Leaves = dict[Place, Any]
ABSENT: Final = ...
"""The value of a member that is left out."""
EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
OBJECTS: Final = frozenset({"customer", "order", "ticket"})
MARKER: Final = "op_0"
NEW_WORD: Final = "a_word_of_tomorrow"
SECOND: Final = {"currency": "CHF", "presentment_currency": "CHF", "language": "da", "timezone": "Asia/Tokyo"}
"""Other values than the account has anyway, of fields that take no other text."""


class Meaning(Struct, frozen=True, kw_only=True):
    """The mapped data of a record, without the times of its identity, which repeat those of the data. `refused`: it
    cannot be mapped."""

    data: Any = None
    identity: Any = None
    refused: str | None = None


class Probe(Struct, frozen=True, kw_only=True, dict=True):
    """A recorded record that its mapping can read."""

    mapping: AnyMapping
    case: str
    account: Any
    record: Any

    def read(self, record: Any) -> Meaning | None:
        """Return the mapped data of a changed record. None if it does not fit the wire Struct."""
        try:
            mapped = self.mapping.read(msgspec.json.encode(record), self.account)
        except VendorDrift:
            return None
        except Unmappable as refusal:
            return Meaning(refused=refusal.path)
        remote = mapped.remote
        return Meaning(data=mapped.data, identity=(remote.id, remote.url, remote.version, mapped.loss))

    @cached_property
    def reading(self) -> Meaning:
        """The mapped data of the recorded record. `probes` yields only records with some."""
        return self.read(self.record) or Meaning(refused="$")

    @cached_property
    def current(self) -> Any:
        """The record as its wire Struct."""
        return self.mapping.decode(msgspec.json.encode(self.record))

    @cached_property
    def body(self) -> dict[str, Any]:
        """The record as a caller sends it back: each field that has a value and can be written in the form it is
        read."""
        data, body = plain(self.reading.data), {}
        for field in fields(self.mapping.patch):
            value = data.get(field.encode_name)
            patch = None if value in (*EMPTY, "unknown") else patch_of(self.mapping, field.encode_name, value)
            if patch is not None:
                body[field.encode_name] = plain(patch)[field.encode_name]
        return body

    def verbs(self) -> Iterator[tuple[str, Any]]:
        """Yield the writes that the object has, each with the record that it changes."""
        if self.mapping.endpoints.create is not None:
            yield "create", None
        if self.mapping.endpoints.update is not None:
            yield "update", self.current

    def accepted(self, current: Any) -> dict[str, Any] | None:
        """Return as much of `body` as one write accepts. None if it needs what the record does not have."""
        body = dict(self.body)
        while refused := self.draft(body, current).refused:
            names = {one.pointer.split("/")[1] for one in refused} & body.keys()
            if not names:
                return None
            body.pop(max(names))
        return body

    def draft(self, body: dict[str, Any], current: Any) -> Draft[Any]:
        """Draft a write. Unwraps `changes_only`, which would omit equal values. Raises msgspec.ValidationError for a
        body that no caller can send."""
        write = inspect.unwrap(self.mapping.to_vendor)
        drafted: Draft[Any] = write(msgspec.convert(body, self.mapping.patch), current, self.account)
        return drafted

    def requests(self, draft: Draft[Any], current: Any) -> tuple[VendorRequest | None, ...]:
        """Return the request body of a draft."""
        endpoints, remote_id = self.mapping.endpoints, self.reading.identity[0]
        if current is not None and endpoints.update is not None:
            return (endpoints.update(remote_id, draft.body, MARKER, self.account),)
        parts = None if endpoints.parts is None else endpoints.parts(draft.body, MARKER, self.account)
        return parts, endpoints.create and endpoints.create(draft.body, MARKER, None, self.account)


def probes(vendor: AnyVendor, root: Path) -> Iterator[Probe]:
    """Yield the recorded customers, orders and tickets that can be read, for each revision."""
    account = account_of(vendor, root)
    for mapping in vendor.mappings:
        for case, record in records(vendor, mapping, root) if mapping.object in OBJECTS else ():
            probe = Probe(mapping=mapping, case=case, account=account, record=msgspec.json.decode(record))
            if probe.reading.refused is None:
                yield probe


def values_of(probe: Probe, field: FieldInfo) -> list[Any]:
    """Return values to write to a field: all of an enum, or the recorded one or a sample, and another."""
    if values := enum_of(field):
        return list(values)
    sample = sample_of(field)
    if isinstance(sample, bool):
        return [True, False]
    recorded = probe.body.get(field.encode_name, sample)
    more = f"{recorded} x" if isinstance(recorded, str) and not field.name.endswith("_at") else sample
    return [recorded, SECOND.get(field.name, more)]


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield each text, number, flag, null and empty container of a JSON value, with its place."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inside:
        yield place, value
    for name, one in inside:
        yield from leaves(one, (*place, name))


def body_leaves(request: VendorRequest) -> Leaves:
    """Return the values in the body of a request. Numbers keep their digits."""
    if request.body is None:
        return {}
    if request.content_type.startswith("application/x-www-form-urlencoded"):
        return {(name,): value for name, value in parse_qsl(request.body.decode(), keep_blank_values=True)}
    return dict(leaves(json.loads(request.body, parse_float=Decimal)))


def changed(value: Any, place: Place, new: Any) -> Any:
    """Return a JSON value with another value at a place, or without it (`ABSENT`)."""
    if not place:
        return new
    first, rest = place[0], place[1:]
    if isinstance(value, dict):
        return {
            name: changed(one, rest, new) if name == first else one
            for name, one in value.items()
            if rest or new is not ABSENT or name != first
        }
    return [
        changed(one, rest, new) if number == first else one
        for number, one in enumerate(value)
        if rest or new is not ABSENT or number != first
    ]


def others(value: Any) -> Iterator[Any]:
    """Yield other values of the same kind, and null last."""
    match value:
        case bool():
            yield not value
        case int() | float():
            yield from (value + 1, value * 2 + 3, 0)
        case str():
            if (moment := time_in(value)) is not None:
                yield (moment - timedelta(days=40, hours=1)).isoformat().replace("+00:00", "Z")
            if NUMBER.fullmatch(value):
                whole, point, rest = value.partition(".")
                yield from (f"{int(whole) + 1}{point}{rest}", "0")
            yield from ({"true": "false", "false": "true"}.get(value, f"{value}x"), f"x{value}", "zq", "")
    yield ABSENT


def time_in(value: Any) -> datetime | None:
    """Return the time of day that a text is, or None."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and ":" in value else None
    except ValueError:
        return None


def name_of(place: Place) -> str:
    """Return a place with `*` for each position, as `quality.toml` names it."""
    return "/".join("*" if isinstance(one, int) else one for one in place)
