"""A record that cannot be read names the property over which it broke, in the vendor's own words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mappings.checks import golden
from mappings.registry import VENDORS, mapping_of
from mappings.spec import VendorDrift
from tests.required import required

ROOT: Final = Path(__file__).resolve().parents[2]
NONSENSE: Final = "no such value"
OTHER: Final = [{"a list": ["of", "lists"]}]
GONE: Final = object()

Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every member of a record and every item of its arrays, with what stands there."""
    if place:
        yield place, value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from places(member, (*place, name))


def changed(sent: bytes, place: Place, value: Any) -> bytes:
    """The record with something else at one place."""
    copy = msgspec.json.decode(sent)
    inside = copy
    for step in place[:-1]:
        inside = inside[step]
    if value is GONE:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    return msgspec.json.encode(copy)


def written(place: Place) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=list(VENDORS))
def test_what_does_not_fit_is_named(vendor: Any) -> None:
    """Each value of each golden record as nonsense or of another type, each member gone: where the record is refused
    for that, the path leads to it."""
    account, refused, unnamed = golden.account_of(vendor, ROOT), 0, []
    for case in golden.cases(vendor, ROOT):
        mapping = required(mapping_of(vendor, case.object, case.revision))  # type: ignore[arg-type]
        for place, value in places(msgspec.json.decode(case.sent)):
            name = str(place[-1])
            for wrong in (GONE,) if isinstance(value, dict | list) else (NONSENSE, OTHER, GONE):
                try:
                    golden.map_payload(vendor, mapping, changed(case.sent, place, wrong), account)
                except VendorDrift as drift:
                    refused += 1
                    if isinstance(place[-1], str) and name not in drift.place:
                        unnamed.append((case.name, written(place), wrong is GONE, drift.path, drift.reason))
                except Exception:  # noqa: BLE001,S112 - other refusals are judged elsewhere
                    continue
    assert unnamed == []
