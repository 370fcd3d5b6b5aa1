"""`lockstitch ownership`: explain who owns a field, and what happens to a writer's change."""

import os
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from app.cli.database import find_settings
from app.cli.exits import usage
from app.cli.printing import Json, write_json
from app.cli.tables import print_table
from app.http.nearest_name import did_you_mean
from app.ownership.verdict import Change, depends_on_record, may_write, rule
from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.ownership import KEY, PERSON
from canonical.parts import FieldOwnership, ObjectName
from mappings.registry import VENDORS, active

ownership = App(name="ownership")
Owned = Literal["customer", "order", "ticket"]
OBJECT = Parameter(name="OBJECT", help="customer, order or ticket.")
FIELD = Parameter(name="FIELD", help="Only this field.")
WRITER = Parameter(
    help="A connection, key:NAME or person. Show what happens to its change of a value, for each connection."
)


@ownership.command
def explain(
    object_name: Annotated[Owned, OBJECT],
    field: Annotated[str | None, FIELD] = None,
    /,
    *,
    writer: Annotated[str | None, WRITER] = None,
    json: Json = False,
) -> None:
    """Explain the ownership of an object's fields, as configured in lockstitch.toml."""
    settings = find_settings(os.environ)
    fields = settings.ownership[object_name].fields
    if field is not None and field not in fields:
        usage(f"A {object_name} has no field {field}.{did_you_mean(field, fields)} Fields: {', '.join(fields)}.")
    if writer is not None and writer not in settings.connections and writer != PERSON and not writer.startswith(KEY):
        usage(f"Unknown writer {writer}: name a connection, an API key as {KEY}NAME, or {PERSON}.")
    chosen = {one: policy for one, policy in fields.items() if field in (None, one)}
    changes = {
        one: _outcomes(settings, object_name, one, policy, writer) if writer else {} for one, policy in chosen.items()
    }
    if json:
        write_json({one: {"ownership": policy, "changes": changes[one]} for one, policy in chosen.items()})
    else:
        _write_table(chosen, changes)


def _outcomes(
    settings: Settings, object_name: ObjectName, field: str, policy: FieldOwnership, writer: str
) -> dict[str, str]:
    """Return what happens to a change of the field by this writer, by connection that it can write to."""
    by = frozenset({writer})
    return {
        target: _outcome(field, policy, by, target)
        for target, connection in settings.connections.items()
        if _writes(writer, connection, object_name)
    }


def _writes(writer: str, connection: ConnectionSettings, object_name: ObjectName) -> bool:
    """Return whether the connection holds the objects. A row of an export is written by the export alone."""
    if connection.csv is not None:
        return connection.name == writer and connection.csv.object == object_name
    vendor = None if connection.only_takes_webhooks else VENDORS.get(connection.vendor)
    return vendor is not None and active(vendor, object_name) is not None


def _outcome(field: str, policy: FieldOwnership, by: frozenset[str], target: str) -> str:
    ruling = rule(field, policy, Change(by=by, target=target))
    if ruling.verdict == "written" and depends_on_record(policy, by, target) and may_write(policy, by, target):
        return f"written, unless {policy.among_writers} skips it"
    return ruling.verdict


def _write_table(chosen: dict[str, FieldOwnership], changes: dict[str, dict[str, str]]) -> None:
    columns = ["field", "owner", "writers", "fresh within", "anyone else", "among writers", "team"]
    columns += ["a change is"] if any(changes.values()) else []
    rows = []
    for name, policy in chosen.items():
        writers = "anyone at the owner" if policy.writers is None else ", ".join(policy.writers)
        fresh = None if policy.freshness_seconds is None else f"{policy.freshness_seconds} s"
        cells: list[Any] = [name, policy.owner, writers if policy.anyone_else else None, fresh]
        cells += [policy.anyone_else or "not checked", policy.among_writers, policy.team]
        outcomes = [f"{outcome} at {', '.join(at)}" for outcome, at in _grouped(changes[name]).items()]
        rows.append([cell or "" for cell in (*cells, *(["\n".join(outcomes)] if outcomes else []))])
    print_table(columns, rows, lambda row: row)


def _grouped(outcomes: dict[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for target, outcome in outcomes.items():
        grouped.setdefault(outcome, []).append(target)
    return grouped
