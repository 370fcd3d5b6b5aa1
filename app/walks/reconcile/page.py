"""Compare a page of a reconciliation with the last-seen states.

A page only says which records differ. Each of them is read by itself (`check`), once its change is older than the grace
of webhooks, and what then still differs is a finding. A state whose record was not listed is absent, and read too: only
a read shows that a record is gone, and only after a list that was read to its end. If more than 5 % are absent, the
list is doubted instead.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

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
from app.walks.reconcile.copies import compare_job, suspect_copies
from app.walks.reconcile.models import Absentees, ReconcilePlan
from app.walks.reconcile.store import PAGED
from app.walks.start import page_job, walk_entry
from canonical.parts import Link

MOST_ABSENT: Final = 0.05
# Of the interval between two runs, the part over which the pages of a large account are spread.
SPREAD: Final = 0.5
LONGEST_PAUSE: Final = 10.0


class ListedPage(Struct, frozen=True, kw_only=True):
    """A page that was compared: the changes to append without Events, and the suspects, which differ from their states,
    with the vendor's time of the change. `copies` may differ from their sources; `equal` do not."""

    quiet: Sequence[Appended]
    suspects: dict[str, datetime | None]
    copies: dict[str, tuple[datetime | None, Sequence[Link]]]
    equal: Sequence[str]


async def commit_listed(
    deps: WalkDeps, connection: Connection, walk: Walk, page: FetchedPage, finishing: Finishing
) -> JobOutcome:
    """Compare a page of a reconciliation, and commit it with the jobs that read its suspects."""
    listed = await _compare(deps, connection, walk, page.readings)
    plan = deps.reconciled[walk.connection, walk.object]
    unreadable = [one.remote_id for one in page.unreadable if one.remote_id is not None]
    ids = tuple({one.mapped.remote.id: None for one in page.readings} | dict.fromkeys(unreadable))
    absent = Absentees(remote_ids=(), states=0)
    if page.next is None:
        absent = await deps.reconciliations.absent(walk, ids)
    doubted = len(absent.remote_ids) > MOST_ABSENT * absent.states
    jobs = [check_job(walk, one, _wait(walk, plan, at)) for one, at in listed.suspects.items()]
    for remote_id, (at, sources) in listed.copies.items():
        jobs += [compare_job(walk, remote_id, one, _wait(walk, plan, at)) for one in sources]
    if not doubted:
        jobs += [check_job(walk, remote_id, plan.grace) for remote_id in absent.remote_ids]
    counts = PageCounts(
        records=len(page.readings) + len(page.unreadable),
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
            *(listed.equal, keep, len(absent.remote_ids) if doubted else 0, new_id("rec_")),
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


async def _compare(deps: WalkDeps, connection: Connection, walk: Walk, readings: Sequence[Reading]) -> ListedPage:
    """Return which records differ from their states. Of those that do not, a state may get its new digest."""
    known = await asyncio.gather(*(_has_state_of_then(deps, walk, one) for one in readings))
    current = {one.mapped.remote.id for one, is_known in zip(readings, known, strict=True) if is_known}
    compared = await compare_page(
        *(deps, connection, walk), [one for one in readings if one.mapped.remote.id not in current]
    )
    times = {one.mapped.remote.id: one.mapped.remote.updated_at for one in readings}
    copies = await suspect_copies(deps, walk, readings, current)
    suspects = [*compared.read_again, *(one.change.remote_id for one in compared.changes if one.change and one.events)]
    quiet, _ = await without_outdated(deps.own_writes, [one for one in compared.changes if not one.events])
    return ListedPage(
        quiet=quiet,
        suspects={one: times.get(one) for one in suspects},
        copies={one: (times[one], sources) for one, sources in copies.items()},
        equal=[one for one in times if one not in copies],
    )


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
