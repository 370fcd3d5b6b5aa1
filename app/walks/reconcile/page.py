"""Compare a page of a reconciliation with the last-seen states.

A page only says which records differ. Each of them is read by itself (`check`), once its change is older than the grace
of webhooks, and what then still differs is a finding. A state whose record was not listed is absent, and read too: only
a read shows that a record is gone, and only after a list that was read to its end. If more than 5 % are absent, the
list is doubted instead.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.copies.consumers import fan_out_to
from app.copies.differing import consumer_at, may_differ, sources_of
from app.events.models import StateMoved
from app.events.record_changes import fields_of
from app.identifiers import new_id
from app.queue.finishing import Finishing
from app.queue.models import Done, JobOutcome, NewJob, Retry
from app.records.append import Appended, append, without_outdated
from app.records.fetch import FetchedPage
from app.records.map_record import Reading
from app.vendors.models import Connection
from app.walks.compare_page import compare_page
from app.walks.deps import WalkDeps
from app.walks.metrics import count_page
from app.walks.models import PageCounts, Walk
from app.walks.reconcile.check import check_job
from app.walks.reconcile.models import Absentees, CheckPayload, ReconcilePlan
from app.walks.reconcile.store import PAGED
from app.walks.start import page_job, walk_entry
from canonical.parts import Link

MOST_ABSENT: Final = 0.05
# Of the interval between two runs, the part over which the pages of a large account are spread.
SPREAD: Final = 0.5
LONGEST_PAUSE: Final = 10.0


class ListedPage(Struct, frozen=True, kw_only=True):
    """A page that was compared: the changes to append without Events, and the suspects, which differ from their states
    or sources, with the vendor's time of the change. `sources`: what each record is a copy of."""

    quiet: Sequence[Appended]
    suspects: dict[str, datetime | None]
    sources: Mapping[str, tuple[Link, ...]]


async def commit_listed(
    deps: WalkDeps, connection: Connection, walk: Walk, page: FetchedPage, finishing: Finishing
) -> JobOutcome:
    """Compare a page of a reconciliation, and commit it with the jobs that read its suspects."""
    listed = await _compare(deps, connection, walk, page)
    plan = deps.reconciled[walk.connection, walk.object]
    unreadable = [one.remote_id for one in page.unreadable if one.remote_id is not None]
    ids = tuple(dict.fromkeys((*(one.mapped.remote.id for one in page.readings), *unreadable, *page.hinted)))
    absent = Absentees()
    if page.next is None:
        absent = await deps.reconciliations.absent(walk, ids)
    doubted = len(absent.remote_ids) - absent.known > MOST_ABSENT * absent.states
    waits = {one: _wait(walk, plan, at) for one, at in listed.suspects.items()}
    if not doubted:
        waits |= dict.fromkeys(absent.remote_ids, plan.grace)
    payload = CheckPayload(walk=walk.id, object=walk.object, remote_id="", is_baseline=walk.is_baseline)
    payloads = [replace(payload, remote_id=one, sources=listed.sources.get(one, ())) for one in waits]
    jobs = [check_job(walk.connection, one, after=waits[one.remote_id]) for one in payloads]
    counts = PageCounts(
        records=len(page.readings) + len(page.unreadable) + len(page.hinted),
        changed=0,
        unreadable=len(page.unreadable),
        read_again=len(listed.suspects),
    )
    keep = [*listed.suspects, *absent.remote_ids, *([""] if doubted else [])]
    rest = await _rest(deps, walk, plan, page, counts, jobs, len(absent.remote_ids))
    try:
        await append(
            *(deps, [finishing], [*listed.quiet, rest], PAGED),
            *(
                walk.id,
                page.next,
                counts.records,
                counts.unreadable,
                list(ids),
                [one in listed.suspects for one in ids],
            ),
            *(keep, list(absent.remote_ids) if doubted else [], new_id("rec_")),
        )
    except StateMoved:
        return Retry(reason="other jobs process the records of the page at the same time", after=0.0)
    count_page(walk, counts)
    return Done()


async def _rest(
    deps: WalkDeps,
    walk: Walk,
    plan: ReconcilePlan,
    page: FetchedPage,
    counts: PageCounts,
    jobs: Sequence[NewJob],
    absent: int,
) -> Appended:
    if page.next is None:
        entry = walk_entry(
            *("completed", walk), pages=walk.pages + 1, records=walk.records + counts.records, absent=absent
        )
        return Appended(entries=(entry,), jobs=tuple(jobs))
    pages = max(1.0, await deps.reconciliations.expected(walk) / walk.page_size)
    pause = LONGEST_PAUSE if plan.every is None else min(LONGEST_PAUSE, plan.every * SPREAD / pages)
    return Appended(jobs=(*jobs, page_job(walk, after=pause)))


async def _compare(deps: WalkDeps, connection: Connection, walk: Walk, page: FetchedPage) -> ListedPage:
    """Return which records differ from their states, or are only named. Of those that do not differ, a state may get
    its new digest."""
    readings = page.readings
    known = await asyncio.gather(*(_has_state_of_then(deps, walk, one) for one in readings))
    doubtful = [one for one, is_known in zip(readings, known, strict=True) if not is_known]
    compared = await compare_page(deps, connection, walk, doubtful)
    times = {one.mapped.remote.id: one.mapped.remote.updated_at for one in readings}
    sources, differing = await _compare_copies(deps, walk, page)
    changed = [one.change.remote_id for one in compared.changes if one.change and one.events]
    suspects = {one: times.get(one) for one in (*page.hinted, *compared.read_again, *changed, *differing)}
    quiet, _ = await without_outdated(deps.own_writes, [one for one in compared.changes if not one.events])
    return ListedPage(quiet=quiet, suspects=suspects, sources=sources)


async def _compare_copies(
    deps: WalkDeps, walk: Walk, page: FetchedPage
) -> tuple[Mapping[str, tuple[Link, ...]], Sequence[str]]:
    """Return what each record is a copy of, and the records that may differ from that. Of a record that a list shows in
    part its state counts, and one that is younger than its state is read anyway."""
    consumer = consumer_at(deps.copies, walk.object, walk.connection)
    if consumer is None:
        return {}, ()
    listed = {one.mapped.remote.id: one.mapped.data if one.is_complete else None for one in page.readings}
    listed |= dict.fromkeys(page.hinted)
    sources = await sources_of(deps.copies, consumer, list(listed))
    differing = []
    for remote_id, present in listed.items():
        for source in sources[remote_id]:
            if await may_differ(deps.copies, fan_out_to(consumer, source, cause="", visited=()), remote_id, present):
                differing.append(remote_id)
                break
        await asyncio.sleep(0)  # yield to other jobs
    return sources, differing


async def _has_state_of_then(deps: WalkDeps, walk: Walk, reading: Reading) -> bool:
    """Return whether a record of which a list shows only a part has a state of the same time of change."""
    if reading.is_complete:
        return False
    state = await deps.states.get(walk.object, walk.connection, reading.mapped.remote.id)
    updated_at = fields_of(msgspec.json.encode(reading.mapped.data)).get("updated_at")
    if state is None or state.deleted or updated_at is None:
        return False
    return bool(fields_of(state.data).get("updated_at") == updated_at)


def _wait(walk: Walk, plan: ReconcilePlan, changed_at: datetime | None) -> float:
    """Return the seconds until a change is as old as the grace."""
    if changed_at is None:
        return plan.grace
    return max(0.0, plan.grace - (walk.looked_at - changed_at).total_seconds())
