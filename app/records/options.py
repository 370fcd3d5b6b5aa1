"""The options of a field at a connection: owners, agents, groups, statuses, choices of custom fields."""

import time
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from app.errors import InvalidField, NotFound
from app.http.plurals import PLURAL
from app.problem_document import FieldError
from app.records.deps import RecordDeps
from app.records.fetch import READ_LIMIT
from app.records.refusals import problem_of_unmappable
from app.records.resolve import cannot, choose_mapping
from canonical.parts import ObjectName
from mappings.manifest import Option, Vendor
from mappings.spec import Unmappable

OLDEST: Final = 86_400


class OptionsView(Struct, frozen=True, kw_only=True):
    """The options of one field, and their age."""

    connection: str
    """The connection. Example: `"hubspot"`"""
    object: ObjectName
    """The object. Example: `"ticket"`"""
    field: str
    """The field. Example: `"status"`"""
    options: tuple[Option, ...]
    """The options, in the order in which the vendor shows them."""
    fetched_at: datetime
    """When the options were fetched from the vendor. Example: `"2026-05-01T09:30:00Z"`"""
    age_seconds: float
    """Their age in seconds. Example: `41.5`"""


async def read_options(
    deps: RecordDeps,
    connection_name: str,
    object_name: ObjectName,
    field: str,
    *,
    max_age: float | None,
    wait: float | None = None,
) -> OptionsView:
    """Return the options of a field, at most `max_age` seconds old, within `wait` seconds, each if given.

    Raises NotFound for an unknown connection, UnsupportedAction if it has no such objects, InvalidField for a field
    without options, and the vendor's problems.
    """
    connection = deps.connections.by_name.get(connection_name)
    if connection is None:
        known = ", ".join(sorted(deps.connections.by_name))
        raise NotFound(f"No connection is called {connection_name[:80]!r}; there are: {known}.")
    mapping = choose_mapping(deps, connection, object_name)
    if not isinstance(connection.vendor, Vendor):
        raise cannot(deps, connection, object_name, f"has no {PLURAL[object_name]}")
    deadline = time.monotonic() + (READ_LIMIT if wait is None else wait)
    try:
        lists = await deps.vendors.options(connection, deadline=deadline, max_age=max_age)
    except Unmappable as error:
        raise problem_of_unmappable(connection, mapping.object, error) from error
    by_field = lists.by_object.get(object_name, {})
    if field not in by_field:
        having = ", ".join(sorted(by_field)) or "none"
        detail = f"{field[:80]!r} of a {object_name} has no options at {connection.name}; those that have: {having}"
        raise InvalidField(f"{detail}.", errors=(FieldError(parameter="field", detail=detail),))
    return OptionsView(
        connection=connection.name,
        object=object_name,
        field=field,
        options=by_field[field],
        fetched_at=lists.fetched_at,
        age_seconds=round(max(0.0, (datetime.now(UTC) - lists.fetched_at).total_seconds()), 1),
    )
