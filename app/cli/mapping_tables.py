"""How mappings at work look at the keyboard: a connection's route, what is tried there, and what came of it."""

from collections.abc import Mapping

import msgspec
from rich.console import Console
from rich.text import Text

from app.cli.tables import moment, table
from app.revisions.views import RouteView, ShadowView


def tried(route: RouteView | None) -> Text:
    """The revisions that do not answer for all, and for how much of what passes they are asked."""
    if route is None:
        return Text("")
    told = []
    if route.shadow is not None:
        told.append(f"shadow r{route.shadow.revision} ({route.shadow.sample_rate:.0%})")
    if route.canary is not None:
        told.append(f"canary r{route.canary.revision} ({route.canary.share:.0%})")
    return Text(", ".join(told))


def show_route(route: RouteView, console: Console) -> None:
    """What is at work at one connection, what was decided, and what came of what is tried."""
    newest = "" if route.pinned else ", the newest that is released"
    console.print(Text(f"\nat {route.connection}: r{route.active} is active{newest}"))
    if route.previous is not None:
        console.print(Text(f"  before: r{route.previous}"))
    if route.shadow is not None or route.canary is not None:
        console.print(Text("  tried: ").append(tried(route)))
    if route.note is not None:
        console.print(Text(f"  {route.note}"))
    if route.changed_at is not None:
        console.print(Text(f"  decided {moment(route.changed_at)} by {route.changed_by}"))
    for one in route.comparisons:
        console.print(Text(f"  {_sum(one)}"))
    for weighing in route.weighings:
        console.print(
            Text(
                f"  r{weighing.canary} answered for {weighing.weighed}: {weighing.refused} refused"
                f" (r{weighing.active}: {weighing.refused_by_active}), more loss in {weighing.lost_more},"
                f" less in {weighing.lost_less}"
            )
        )


def _sum(one: ShadowView) -> str:
    dropped = f", {one.dropped} let go" if one.dropped else ""
    return f"r{one.shadow} beside r{one.active}: {one.differing} of {one.compared} differ{dropped}"


def show_differences(where: str, one: ShadowView, console: Console) -> None:
    """Where a shadow differs, a row for each sample; those of one path stand together."""
    console.print(Text(f"{where}: {_sum(one)}, {moment(one.first_at)} to {moment(one.last_at)}", style="bold"))
    if not one.differences:
        return
    shown = table("path", "in", "count", f"r{one.active}", f"r{one.shadow}")
    for difference in one.differences:
        for at, sample in enumerate(difference.samples or ({},)):
            head = (
                (difference.path or "(all of it)", difference.passing, str(difference.count))
                if not at
                else ("", "", "")
            )
            shown.add_row(*map(Text, (*head, _side(sample, "active"), _side(sample, "shadow"))))
    console.print(shown)


def _side(sample: Mapping[str, str | bool | None], side: str) -> str:
    if side not in sample:
        return "-"
    value = sample[side]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
