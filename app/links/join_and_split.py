"""Attach a record to a canonical id, join two ids, split a record off, in one transaction.

Lock order: the ids in sorted order, then everything that Events need, then the counter of changes, which stays locked
until the commit.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import product
from typing import Any

from app.errors import NotFound, StateConflict
from app.identifiers import new_id
from app.links import statements as sql
from app.links.match_statements import REFUSE
from app.links.models import Attached, JoinedLinks, LinkSource, RecordName, SplitLinks
from app.postgres.database import Transaction
from canonical.parts import ID_PREFIX, Link

Realms = Mapping[str, str]
"""The realm of each connection that names one."""

Announce = Callable[[Transaction, JoinedLinks | SplitLinks, LinkSource], Awaitable[None]]
"""Appends the Event of a change, and audits it."""

Rows = Sequence[Any]


class LinkMoved(Exception):
    """An id changed before it was locked: run the transaction again."""


async def attach(
    transaction: Transaction,
    record: RecordName,
    canonical_id: str,
    by: LinkSource,
    realms: Realms,
    announce: Announce | None,
) -> Attached:
    """Give a record a canonical id, or join that with the one that it has.

    Raises LinkMoved, NotFound for an id that names no record, and StateConflict if the records are in different realms
    or one connection would have two of them.
    """
    present, wanted = await _lock(transaction, record, canonical_id)
    rows = await transaction.fetch(sql.ROWS, [present or wanted, wanted])
    named = [row for row in rows if (row["object"], row["canonical_id"]) == (record.object, wanted)]
    if not named:
        raise NotFound(f"No {record.object} has the id {wanted[:80]}.")
    if present == wanted:
        return Attached(canonical_id=wanted, links=_links(named), changed=False)
    theirs = _links(named)
    own = _links([row for row in rows if row["canonical_id"] == present]) or (
        Link(connection=record.connection, remote_id=record.remote_id),
    )
    _require_joinable(wanted, theirs, own, realms)
    kept, alias = (wanted, None) if present is None else (min(present, wanted), max(present, wanted))
    change = _joined(record, kept, alias, by, theirs + own if kept == wanted else own + theirs)
    if announce is not None:
        await announce(transaction, change, by)
    number = await transaction.fetch_value(sql.NUMBER)
    await transaction.execute(sql.TOUCH, kept, number)
    if alias is not None:
        await transaction.execute(sql.MOVE, alias, kept, by.kind, number)
        await transaction.execute(sql.ADD_ALIAS, alias, kept)
    elif not await transaction.execute(
        sql.INSERT, record.object, record.connection, record.remote_id, kept, by.kind, number
    ):
        raise LinkMoved  # it was seen meanwhile, and has an id of its own now
    await transaction.execute(sql.NOTIFY)
    return Attached(canonical_id=kept, links=tuple(change.links), alias=alias)


async def split(transaction: Transaction, record: RecordName, by: LinkSource, announce: Announce | None) -> SplitLinks:
    """Take a record out of its canonical id. Raises LinkMoved, NotFound and StateConflict."""
    present, _ = await _lock(transaction, record, "")
    place = f"{record.connection}:{record.remote_id}"
    if present is None:
        raise NotFound(f"No {record.object} {place} is known.")
    rows = await transaction.fetch(sql.ROWS, [present])
    # The records that its vendor merged into it go with it.
    moving = [row for row in rows if row["connection"] == record.connection]
    rest = [row for row in rows if row["connection"] != record.connection]
    left = [row for row in rest if row["merged_into"] is None]
    own = next(row for row in moving if row["remote_id"] == record.remote_id)
    if own["merged_into"] is not None:
        raise StateConflict(f"{record.connection} has merged {record.remote_id} into {own['merged_into']}.")
    if not left:
        raise StateConflict(f"{place} is linked to no other record.")
    split_id = own["own_id"] or new_id(ID_PREFIX[record.object])
    left_id = present
    if split_id == present:
        # Not those of merged records: such an id may name the records that the vendor's merge left apart.
        owned = [row["own_id"] for row in left if row["own_id"] is not None]
        left_id = min(owned, default=None) or new_id(ID_PREFIX[record.object])
    change = SplitLinks(
        id=present,
        object=record.object,
        split_id=split_id,
        connection=record.connection,
        remote_id=record.remote_id,
        left_id=left_id,
        links=_links(rest),
    )
    if announce is not None:
        await announce(transaction, change, by)
    if record.object == "customer":
        for link in change.links:
            pair = sorted(((record.connection, record.remote_id), (link.connection, link.remote_id)))
            await transaction.execute(REFUSE, new_id("lrv_"), *pair[0], *pair[1], by.actor)
    copies = [*product(moving, rest)]
    copies += [(other, one) for one, other in copies]
    ends = [[row[name] for row in side] for side in zip(*copies, strict=True) for name in ("connection", "remote_id")]
    await transaction.execute(sql.SPLIT_BASES, record.object, *ends)
    number = await transaction.fetch_value(sql.NUMBER)
    known = {present, *(row["own_id"] for row in rows)}
    for first, group, group_id in ((own, moving, split_id), (left[0], rest, left_id)):
        places = [row["connection"] for row in group], [row["remote_id"] for row in group]
        await transaction.execute(sql.MOVE_RECORDS, record.object, *places, group_id, by.kind, number)
        if group_id not in known:
            await transaction.execute(sql.OWN, record.object, first["connection"], first["remote_id"], group_id)
    await transaction.execute(sql.DELETE_ALIASES, [split_id, left_id])
    await transaction.execute(sql.MOVE_ALIASES, present)
    await transaction.execute(sql.NOTIFY)
    return change


async def merge(transaction: Transaction, record: RecordName, into: str, announce: Announce | None) -> None:
    """Give a record that its vendor merged the canonical id of the other record, `into`. Raises LinkMoved.

    Both records are known. Their ids are joined, unless they have different records at some connection.
    """
    there = (record.object, record.connection, into)
    wanted = (await _present(transaction, *there, ""))["present"]
    present, _ = await _lock(transaction, record, wanted)
    if present is None or (await _present(transaction, *there, ""))["present"] != wanted:
        raise LinkMoved
    rows = await transaction.fetch(sql.ROWS, [present, wanted])
    by_id = {row["remote_id"]: row for row in rows if row["connection"] == record.connection}
    lost, kept = by_id[record.remote_id], by_id[into]
    kept = by_id.get(kept["merged_into"], kept)
    if lost["merged_into"] is not None or kept is lost:
        return
    theirs = {row["connection"] for row in rows if row["canonical_id"] == wanted}
    rest = [row for row in rows if row["canonical_id"] == present and row["connection"] != record.connection]
    joins = present != wanted and theirs.isdisjoint(row["connection"] for row in rest)
    kept_id, alias = (min(present, wanted), max(present, wanted)) if joins else (wanted, None)
    links = _links([row for row in rows if row["canonical_id"] == wanted]) + (_links(rest) if joins else ())
    by = LinkSource(kind="vendor_merge", actor=f"vendor:{record.connection}")
    change = _joined(record, kept_id, alias, by, links)
    if announce is not None:
        await announce(transaction, change, by)
    place = record.connection, record.remote_id
    await transaction.execute(sql.MERGE_BASES, record.object, *place)
    number = await transaction.fetch_value(sql.NUMBER)
    await transaction.execute(sql.MERGE, *place, wanted, kept["remote_id"], number, present)
    if alias is not None:
        await transaction.execute(sql.MOVE, alias, kept_id, by.kind, number)
        await transaction.execute(sql.ADD_ALIAS, alias, kept_id)
    else:
        await transaction.execute(sql.MOVE_ALIASES, present)
    await transaction.execute(sql.TOUCH, kept_id, number)
    await transaction.execute(sql.TOUCH, present, number)
    await transaction.execute(sql.NOTIFY)


def _joined(record: RecordName, kept: str, alias: str | None, by: LinkSource, links: tuple[Link, ...]) -> JoinedLinks:
    return JoinedLinks(
        id=kept,
        object=record.object,
        alias=alias,
        connection=record.connection,
        remote_id=record.remote_id,
        by=by.kind,
        links=links,
    )


async def _lock(transaction: Transaction, record: RecordName, canonical_id: str) -> tuple[str | None, str]:
    """Lock the id of a record and the one that `canonical_id` stands for, and return both. Raises LinkMoved."""
    key = (record.object, record.connection, record.remote_id, canonical_id)
    before = await _present(transaction, *key)
    present, wanted = before["present"], before["wanted"]
    await transaction.execute(sql.LOCK, [one for one in {present, wanted} if one])
    if await _present(transaction, *key) != before:
        raise LinkMoved
    return present, wanted


async def _present(
    transaction: Transaction, object_name: str, connection: str, remote_id: str, canonical_id: str
) -> Any:
    """Return the id of a record as `present`, and the one that `canonical_id` stands for as `wanted`."""
    return await transaction.fetch_row(sql.PRESENT, object_name, connection, remote_id, canonical_id)


def _links(rows: Rows) -> tuple[Link, ...]:
    return tuple(
        Link(connection=row["connection"], remote_id=row["remote_id"]) for row in rows if row["merged_into"] is None
    )


def _require_joinable(canonical_id: str, theirs: Sequence[Link], own: Sequence[Link], realms: Realms) -> None:
    taken = {link.connection: link.remote_id for link in theirs}
    for link in own:
        if link.connection in taken:
            raise StateConflict(
                f"{canonical_id} already names {link.connection}:{taken[link.connection]}, so it cannot name"
                f" {link.connection}:{link.remote_id} too: an id has at most one record at a connection.",
                next_step="Merge the two records at the vendor, or split one off first.",
            )
    realm = realms.get(theirs[0].connection) if theirs else None
    for link in (*theirs, *own):
        if realms.get(link.connection) != realm:
            raise StateConflict(
                f"{theirs[0].connection} and {link.connection} are in different realms, and links stay inside one."
            )
