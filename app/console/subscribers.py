"""Subscribers: what waits for each, why it fails, until when it is retried; enable, test, and replay from an Event."""

from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec

from app.console.pages import NextPage, View, Visit, action, page
from app.events import subscriptions
from app.events.deps import ReplayDeps
from app.events.replay import MOST, ReplayOrder, describe, enable_for_owner, replay
from app.http.decode_body import decode_patch
from app.http.paging import page_of

SUBSCRIBERS: Final = "/console/subscribers"
ON_A_PAGE: Final = 50
COUNTED: Final = 1_000
"""Where the counts of the list stop."""
DELIVERIES: Final = 20


@page(SUBSCRIBERS)
async def list_subscribers(visit: Visit) -> View:
    """Show every subscription with its backlog: failing ones, then those with dead letters, then the newest."""
    deps = visit.deps(ReplayDeps)
    after = visit.after("sub_.+")
    troubled = await deps.subscriptions.list(after=after, limit=ON_A_PAGE + 1, troubled_first=True)
    listed = page_of(troubled, ON_A_PAGE, partial(subscriptions.view_of, deps))
    backlogs = await deps.replays.backlogs([one.id for one in listed.data], most=COUNTED)
    rows = [(one, _host(one.target_url), backlogs[one.id]) for one in listed.data]
    return View("subscribers.html", rows=rows, counted=COUNTED, following=listed.next_cursor)


@page("/console/subscribers/{id}")
async def show_subscriber(visit: Visit) -> View:
    """Show one with its failing and newest deliveries."""
    deps = visit.deps(ReplayDeps)
    one = await subscriptions.get_subscription(deps, visit.path("id"))
    standing = await deps.replays.standing(one.id, limit=DELIVERIES)
    return View("subscriber.html", one=one, host=_host(one.target_url), standing=standing)


@action("/console/subscribers/{id}/enable")
async def enable(visit: Visit) -> NextPage:
    """Deliver everything that waits at once."""
    await enable_for_owner(visit.deps(ReplayDeps), visit.path("id"), actor=visit.caller.principal)
    return NextPage(f"{SUBSCRIBERS}/{visit.path('id')}", "It is enabled, and everything that waited is delivered now.")


@action("/console/subscribers/{id}/replay")
async def replay_from(visit: Visit) -> NextPage | View:
    """Count what a replay delivers; once confirmed, deliver it again."""
    event = visit.form.get("from_event", "").strip()
    fields = {"from_event": event, "dry_run": "confirmed" not in visit.form}
    order = decode_patch(msgspec.json.encode(fields), ReplayOrder)
    done = await replay(visit.deps(ReplayDeps), visit.path("id"), order, actor=visit.caller.principal)
    if done.dry_run:
        return View("replay.html", here=f"{SUBSCRIBERS}/", replay=done, event=event, most=MOST)
    return NextPage(f"{SUBSCRIBERS}/{done.subscription}", describe(done))


def _host(url: str) -> str:
    """Return the host of a target. The rest of its URL is often a secret."""
    return urlsplit(url).netloc.rpartition("@")[2]
