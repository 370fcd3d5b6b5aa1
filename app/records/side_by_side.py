"""A vendor's record as it is now, beside its canonical form."""

import time
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw, Struct

from app.problem_document import Problem
from app.records.deps import RecordDeps
from app.records.fetch import READ_LIMIT, fetch_raw
from app.records.refusals import problem_of_unmappable
from app.records.resolve import choose_connection, choose_mapping
from app.revisions.large_records import run_mapping
from canonical.parts import ObjectName
from mappings.spec import Unmappable


class SideBySide(Struct, frozen=True, kw_only=True):
    """A record as its vendor has it, and `data` that the active revision reads from it, which `canonical` is as JSON.
    `problem` says why one of the two is missing, and `place` is where the mapping refused it."""

    mapping: str = ""
    vendor: Raw | None = None
    canonical: Raw | None = None
    data: Any = None
    problem: str | None = None
    place: str | None = None


async def read_side_by_side(deps: RecordDeps, connection: str, object_name: ObjectName, remote_id: str) -> SideBySide:
    """Read a record at its vendor, and map it. Never raises for a record that is missing or cannot be mapped, nor for
    a vendor that does not answer."""
    try:
        place = choose_connection(deps, object_name, connection)
        mapping = choose_mapping(deps, place, object_name)
        if mapping.endpoints.read is None:
            return SideBySide(problem=f"{place.vendor.title} cannot be asked for one {object_name}.")
        raw, account = await fetch_raw(deps, place, mapping, remote_id, time.monotonic() + READ_LIMIT)
    except Problem as problem:
        return SideBySide(problem=problem.detail)
    name = f"{mapping.name}@r{mapping.revision}"
    try:
        mapped = await run_mapping(mapping, raw, account, partial(mapping.read, raw, account))
    except Unmappable as error:
        why = problem_of_unmappable(place, object_name, error)
        return SideBySide(mapping=name, vendor=raw, problem=why.detail, place=error.place)
    return SideBySide(mapping=name, vendor=raw, canonical=Raw(msgspec.json.encode(mapped.data)), data=mapped.data)
