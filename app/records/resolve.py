"""Resolve `{id}` and `?connection=` to a connection, a mapping and a record."""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from app.errors import InvalidField, NotFound, UnsupportedAction
from app.http.by_id import ID
from app.http.headers import MAPPING_HEADER, NamedRevision
from app.http.plurals import PLURAL
from app.identifiers import what_else
from app.links.models import KnownLink
from app.problem_document import FieldError
from app.records.deps import RecordDeps
from app.records.map_record import active_mapping
from app.vendors.models import Connection
from canonical.parts import ID_PREFIX, ObjectName
from mappings.registry import AnyMapping, mapping_of


class LocatedRecord(Struct, frozen=True, kw_only=True):
    """Where a record is: its connection and ids. `links`: the records of its canonical id, if that was looked up."""

    connection: Connection
    remote_id: str
    canonical_id: str | None
    links: Sequence[KnownLink] = ()


class ResolvedRecord(LocatedRecord, frozen=True, kw_only=True):
    """A record to read or write, and its mapping."""

    mapping: AnyMapping


def choose_connection(deps: RecordDeps, object_name: ObjectName, named: str | None) -> Connection:
    """Return the connection of `?connection=`, else the object's system of record.

    Raises InvalidField for an unknown name, and UnsupportedAction if no system of record is configured.
    """
    if named is None:
        owner = deps.connections.systems_of_record.get(object_name)
        if owner is None:
            raise UnsupportedAction(
                f"No system of record is configured for {PLURAL[object_name]}.",
                next_step=f"Name one with ?connection=: {', '.join(sorted(deps.connections.by_name))}.",
            )
        return deps.connections.by_name[owner]
    connection = deps.connections.by_name.get(named)
    if connection is None:
        known = ", ".join(sorted(deps.connections.by_name))
        detail = f"no connection has this name; there are: {known}"
        raise InvalidField.of("connection", detail)
    return connection


def choose_mapping(
    deps: RecordDeps, connection: Connection, object_name: ObjectName, revision: int | NamedRevision | None = None
) -> AnyMapping:
    """Choose the mapping of an object: the active revision, a recorded one, or the one that the caller names.

    Raises UnsupportedAction if the vendor has no such object, and InvalidField for a named revision of another object
    or connection.
    """
    if isinstance(revision, NamedRevision):
        return _named(connection, object_name, revision)
    mapping = (
        active_mapping(deps, connection, object_name)
        if revision is None
        else mapping_of(connection.vendor, object_name, revision)
    )
    if mapping is None:
        lacks = f"has no {PLURAL[object_name]}"
        if connection.layout is not None:
            lacks = "takes uploads and cannot be asked: what its rows say comes as events, and is read by id"
        raise cannot(deps, connection, object_name, lacks)
    return mapping


def _named(connection: Connection, object_name: ObjectName, wanted: NamedRevision) -> AnyMapping:
    revisions = [one for one in connection.vendor.mappings if one.object == object_name]
    for mapping in revisions:
        if (mapping.name, mapping.revision) == (wanted.mapping, wanted.revision):
            return mapping
    known = ", ".join(f"{one.name}@r{one.revision}" for one in revisions) or "none"
    detail = f"is not a revision of a {object_name} at {connection.name}; there are: {known}"
    raise InvalidField(
        f"{MAPPING_HEADER}: {wanted.mapping}@r{wanted.revision} {detail}.",
        errors=(FieldError(header=MAPPING_HEADER, detail=detail),),
    )


def cannot(
    deps: RecordDeps,
    connection: Connection,
    object_name: ObjectName,
    what: str,
    is_able: Callable[[AnyMapping], bool] | None = None,
) -> UnsupportedAction:
    """Return the problem for an action that a connection lacks. It names the connections whose mapping is able, or all
    that hold such objects."""
    if is_able is not None:
        others = which_can(deps, object_name, is_able)
        return UnsupportedAction(f"{connection.vendor.title} ({connection.name}) {what}. {others}.")
    able = [name for name in names_of_able(deps, object_name, lambda mapping: True) if name != connection.name]
    others = f" Connections that hold {PLURAL[object_name]}: {', '.join(able)}." if able else ""
    return UnsupportedAction(f"{connection.vendor.title} ({connection.name}) {what}.{others}")


def names_of_able(deps: RecordDeps, object_name: ObjectName, is_able: Callable[[AnyMapping], bool]) -> list[str]:
    """Return the names of the connections whose active mapping of the object is able, in alphabetical order."""
    return [name for name, mapping in active_mappings(deps, object_name).items() if is_able(mapping)]


def active_mappings(deps: RecordDeps, object_name: ObjectName) -> dict[str, AnyMapping]:
    """Return the active mapping of the object at each connection that has one, in alphabetical order."""
    return {
        name: mapping
        for name, connection in sorted(deps.connections.by_name.items())
        if (mapping := active_mapping(deps, connection, object_name)) is not None
    }


def which_can(deps: RecordDeps, object_name: ObjectName, is_able: Callable[[AnyMapping], bool]) -> str:
    """Return the sentence that names the connections whose mapping is able."""
    able = names_of_able(deps, object_name, is_able)
    return f"Connections that can: {', '.join(able)}" if able else "No configured connection can"


async def resolve_record(
    deps: RecordDeps, object_name: ObjectName, identifier: str, named: str | None
) -> ResolvedRecord:
    """Locate `{id}`, with its active mapping. Raises like `locate_record` and `choose_mapping`."""
    located = await locate_record(deps, object_name, identifier, named)
    return ResolvedRecord(
        connection=located.connection,
        mapping=choose_mapping(deps, located.connection, object_name),
        remote_id=located.remote_id,
        canonical_id=located.canonical_id,
        links=located.links,
    )


async def locate_record(deps: RecordDeps, object_name: ObjectName, identifier: str, named: str | None) -> LocatedRecord:
    """Locate `{id}`, a canonical id or `<connection>:<vendor id>`.

    Raises NotFound for an id of another object, an unknown canonical id, one that is unknown at the named connection,
    and an id with an unknown connection.
    """
    if ":" in identifier:
        return _by_remote_id(deps, object_name, identifier, named)
    if not identifier.startswith(ID_PREFIX[object_name]):
        otherwise = f"The id {identifier[:80]} is neither canonical nor connection:id."
        raise NotFound(what_else(identifier, object_name) or otherwise)
    known = await deps.links.find(identifier) if ID.fullmatch(identifier) else ()
    links = [link for link in known if link.object == object_name]
    if not links:
        raise NotFound(f"No {object_name} has the id {identifier[:80]}.")
    if named is not None:
        choose_connection(deps, object_name, named)  # an unknown name is an invalid field, not a missing record
    # The first link, and never the system of record: a join must not change where a write goes.
    link = links[0] if named is None else next((link for link in links if link.connection == named), None)
    if link is None:
        raise NotFound(f"The {object_name} {identifier[:80]} is not known at the connection {named}.")
    if link.connection not in deps.connections.by_name:
        raise NotFound(
            f"The {object_name} {identifier[:80]} is a record of the connection {link.connection},"
            " which is not configured."
        )
    return LocatedRecord(
        connection=deps.connections.by_name[link.connection],
        remote_id=link.remote_id,
        canonical_id=link.canonical_id,
        links=links,
    )


def _by_remote_id(deps: RecordDeps, object_name: ObjectName, identifier: str, named: str | None) -> LocatedRecord:
    name, _, remote_id = identifier.partition(":")
    connection = deps.connections.by_name.get(name)
    if connection is None:
        raise NotFound(f"The id names the connection {name[:80]!r}, which is not configured.")
    remote_id = connection.vendor.remote_id_form(remote_id)
    if not re.fullmatch(connection.vendor.remote_id, remote_id):
        raise NotFound(f"The part after {name}: is not an id as {connection.vendor.title} gives them.")
    if named is not None and choose_connection(deps, object_name, named) is not connection:
        raise NotFound(f"The id names the connection {name}, and ?connection= another one.")
    return LocatedRecord(connection=connection, remote_id=remote_id, canonical_id=None)
