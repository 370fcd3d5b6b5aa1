"""Extract records for a warehouse: what was last seen of each, as rows of one set of columns per object."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct, inspect

from app.errors import Complaint
from app.events.deps import ExtractDeps
from app.events.record_changes import StateNotes, StateOrigin
from app.events.record_fields import MODELS
from app.events.store.extracts import StoredState
from app.postgres.encryption import SealBroken
from canonical.parts import ObjectName
from canonical.schema import VERSION

ColumnKind = Literal["text", "flag", "number", "time", "json"]
Value = str | bool | int | datetime | Raw | None
Row = dict[str, Value]


class ExtractColumn(Struct, frozen=True):
    """A column. `json` holds a list or an object; amounts are texts."""

    name: str
    kind: ColumnKind


ORIGIN: Final = (
    ExtractColumn("id", "text"),
    ExtractColumn("connection", "text"),
    ExtractColumn("remote_id", "text"),
    ExtractColumn("seen_at", "time"),
    ExtractColumn("version", "number"),
    ExtractColumn("deleted", "flag"),
    ExtractColumn("schema_version", "text"),
    ExtractColumn("mapping_revision", "number"),
    ExtractColumn("remote_url", "text"),
    ExtractColumn("remote_created_at", "time"),
    ExtractColumn("remote_updated_at", "time"),
)
"""The columns before those of the fields: what was seen, when, and how it was mapped."""
NO_FIELDS: Final = frozenset({"id", "meta", "raw"})
KINDS: Final[dict[type[inspect.Type], ColumnKind]] = {
    inspect.StrType: "text",
    inspect.LiteralType: "text",
    inspect.BoolType: "flag",
    inspect.IntType: "number",
    inspect.DateTimeType: "time",
}


class Scope(Struct, frozen=True, kw_only=True):
    """Which records to extract: those of one connection or of all, seen from `since` until before `until`."""

    object: ObjectName
    connection: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def columns_of(object_name: ObjectName) -> tuple[ExtractColumn, ...]:
    """Return the columns of an object: always the same ones, in the order of the canonical model."""
    model = inspect.type_info(MODELS[object_name])
    assert isinstance(model, inspect.StructType)  # noqa: S101 - every object is a Struct
    fields = (field for field in model.fields if field.encode_name not in NO_FIELDS)
    return (*ORIGIN, *(ExtractColumn(field.encode_name, _kind_of(field.type)) for field in fields))


def _kind_of(kind: inspect.Type) -> ColumnKind:
    options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    named = [_without_limits(one) for one in options]
    kinds = {KINDS.get(type(one), "json") for one in named if not isinstance(one, inspect.NoneType)}
    return kinds.pop() if len(kinds) == 1 else "json"


def _without_limits(kind: inspect.Type) -> inspect.Type:
    return _without_limits(kind.type) if isinstance(kind, inspect.Metadata) else kind


async def extract(deps: ExtractDeps, scope: Scope) -> AsyncIterator[Sequence[Row]]:
    """Yield the rows of the records, page by page, by connection and remote id. Raises Complaint if a state cannot be
    decrypted."""
    columns = columns_of(scope.object)[len(ORIGIN) :]
    pages = deps.extracts.pages(scope.object, connection=scope.connection, since=scope.since, until=scope.until)
    try:
        async for page in pages:
            yield [_row(state, columns) for state in page]
    except SealBroken as error:
        raise Complaint(f"A record cannot be decrypted: {error}.") from error


async def next_since(deps: ExtractDeps, scope: Scope) -> datetime:
    """Return, before an extract, the `since` of the next one: what is seen later has a later time. Records that are
    seen while the extract runs may be in both."""
    horizon = await deps.extracts.horizon()
    until = horizon if scope.until is None else min(horizon, scope.until)
    return until if scope.since is None else max(until, scope.since)


def _row(state: StoredState, columns: Sequence[ExtractColumn]) -> Row:
    notes = msgspec.json.decode(state.data, type=StateNotes)
    origin = notes.origin or StateOrigin()
    fields = msgspec.json.decode(state.data, type=dict[str, Raw])
    return {
        "id": state.canonical_id,
        "connection": state.connection,
        "remote_id": state.remote_id,
        "seen_at": state.seen_at.astimezone(UTC),
        "version": state.version,
        "deleted": state.deleted,
        "schema_version": VERSION,
        "mapping_revision": notes.mapping_revision,
        "remote_url": origin.url,
        "remote_created_at": origin.created_at,
        "remote_updated_at": origin.updated_at,
        **{column.name: _value(fields.get(column.name), column) for column in columns},
    }


def _value(raw: Raw | None, column: ExtractColumn) -> Value:
    if raw is None or bytes(raw) == b"null":
        return None
    if column.kind == "json":
        return raw
    if column.kind == "time":
        return msgspec.json.decode(raw, type=datetime).astimezone(UTC)
    value: str | bool | int = msgspec.json.decode(raw)
    return value
