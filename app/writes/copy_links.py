"""The link of a copy: find it before the source is read, and make it before the write is settled."""

from collections.abc import Sequence

from msgspec import Struct

from app.errors import NotFound, OutcomeUnknown, StateConflict
from app.links.models import KnownLink, LinkSource
from app.records.deps import RecordDeps
from app.writes.copy_models import CopyOf
from app.writes.deps import WriteDeps
from app.writes.resolved_write import ResolvedWrite
from app.writes.store.copy_bases import KnownBase
from canonical.parts import Link, Loss, ObjectName


class KnownCopy(Struct, frozen=True, kw_only=True):
    """What is known of the copy of a record at a connection, before the record is read: the remote id of the record
    that is linked there, and the base of the two. None without a link."""

    remote_id: str | None
    base: KnownBase | None


async def known_copy(
    deps: WriteDeps, object_name: ObjectName, source: Link, target: str, links: Sequence[KnownLink] = ()
) -> KnownCopy:
    """Return what is known of the copy. `links` are the records of the source's id, if they were looked up."""
    if not links:
        named = (await deps.links.name(object_name, source.connection, [source.remote_id]))[source.remote_id]
        links = await deps.links.find(named.canonical_id)
    remote_id = _at(links, object_name, target)
    if remote_id is None:
        return KnownCopy(remote_id=None, base=None)
    base = await deps.bases.get(object_name, source, Link(connection=target, remote_id=remote_id))
    return KnownCopy(remote_id=remote_id, base=base)


async def linked_record(deps: RecordDeps, canonical_id: str, object_name: ObjectName, connection: str) -> str | None:
    """Return the remote id of the record that is linked at a connection; None without one."""
    return _at(await deps.links.find(canonical_id), object_name, connection)


def _at(links: Sequence[KnownLink], object_name: ObjectName, connection: str) -> str | None:
    return next((one.remote_id for one in links if (one.object, one.connection) == (object_name, connection)), None)


async def require_linkable(resolved: ResolvedWrite, copied: CopyOf, remote_id: str) -> None:
    """Raise StateConflict if a matching record is linked to another record of a connection that the copied one is at,
    or if a person has kept the two customers apart: it is not the same customer, order or ticket."""
    links, object_name, target = resolved.deps.links, resolved.intent.object, resolved.connection.name
    known = await links.find(copied.canonical_id)
    taken = {one.connection: one.remote_id for one in known}
    named = (await links.name(object_name, target, [remote_id]))[remote_id]
    if known and named.canonical_id == known[0].canonical_id:
        return
    for link in named.links:
        if link.connection in taken:
            raise StateConflict(
                f"{target}:{remote_id} matches, and is linked to {link.connection}:{link.remote_id}, which is another"
                f" {object_name} than {link.connection}:{taken[link.connection]}.",
                next_step="Merge the two records at the vendor, split the link, or copy without match_on.",
            )
    if object_name == "customer" and named.canonical_id in await resolved.deps.matches.kept_apart(copied.canonical_id):
        raise StateConflict(
            f"{target}:{remote_id} matches, and a person has kept {named.canonical_id} apart from"
            f" {copied.canonical_id}.",
            next_step=f"If they are one customer, `lockstitch links join {copied.canonical_id} {named.canonical_id}`."
            " If not, give one of them another address, or copy without match_on.",
        )


def missing_target(resolved: ResolvedWrite, remote_id: str, problem: NotFound) -> NotFound:
    """Return the problem of a record to change that is gone. For a copy it says how to make another one."""
    copied, target = resolved.intent.copy_of, resolved.connection.name
    if copied is None:
        return problem
    return NotFound(
        f"The copy {target}:{remote_id} is gone. {problem.detail}",
        next_step=f"Restore it there; or `lockstitch links split {copied.canonical_id} {target}`, and copy"
        f" {copied.connection}:{copied.remote_id} again, which makes another one.",
    )


async def require_known_copy(resolved: ResolvedWrite, copied: CopyOf) -> None:
    """Raise OutcomeUnknown if an earlier operation may have created the copy."""
    object_name, target = resolved.intent.object, resolved.connection.name
    earlier = await resolved.deps.operations.unknown_copy(target, object_name, copied.canonical_id)
    if earlier is not None:
        raise OutcomeUnknown(
            f"Whether operation {earlier} created the copy of {copied.canonical_id} at {target} is unknown, and a"
            " second one would be another record. Nothing was sent.",
            operation_id=earlier,
        )


async def link_copy(resolved: ResolvedWrite, copied: CopyOf, remote_id: str, *, actor: str) -> tuple[Loss, ...]:
    """Give the copy the canonical id of its source, and return the loss if it cannot have it.

    It comes before the write is settled and may be repeated, so a crash leaves no settled copy without its link. It
    reads nothing if this process knows the two as linked.
    """
    object_name, target = resolved.intent.object, resolved.connection.name
    source = resolved.deps.links.remembered(object_name, copied.connection, copied.remote_id)
    if source is not None and Link(connection=target, remote_id=remote_id) in source.links:
        return ()
    by = LinkSource(kind="copy", actor=actor)
    try:
        await resolved.deps.links.attach(object_name, target, remote_id, copied.canonical_id, by=by)
    except (NotFound, StateConflict) as problem:
        return (Loss(path="/id", kind="ambiguous", detail=f"The two records are not linked. {problem.detail}"),)
    return ()
