"""Print the route of a mapping at a connection, its shadow and the results."""

from collections.abc import Mapping

import msgspec
from rich.console import Console
from rich.text import Text

from app.cli.tables import moment, table
from app.revisions.views import RouteView, ShadowView


def shadow_of(route: RouteView | None) -> str:
    """Return the shadow with its sample rate; empty for none."""
    if route is None or route.shadow is None:
        return ""
    return f"r{route.shadow.revision} ({route.shadow.sample_rate:.0%})"


def show_route(route: RouteView, console: Console) -> None:
    """Print the route at one connection and the results of shadows."""
    newest = "" if route.pinned else ", the newest released one"
    console.print(Text(f"\nat {route.connection}: r{route.active} is active{newest}"))
    if route.previous is not None:
        console.print(Text(f"  previous: r{route.previous}"))
    if route.shadow is not None:
        console.print(Text(f"  shadow: {shadow_of(route)}"))
    if route.changed_at is not None:
        console.print(Text(f"  changed {moment(route.changed_at)} by {route.changed_by}"))
    for one in route.comparisons:
        console.print(Text(f"  {_summary(one)}"))


def _summary(one: ShadowView) -> str:
    dropped = f", {one.dropped} dropped" if one.dropped else ""
    return f"r{one.shadow} against r{one.active}: {one.differing} of {one.compared} differ{dropped}"


def show_differences(where: str, one: ShadowView, console: Console) -> None:
    """Print the differences of a shadow, one row per sample, grouped by path."""
    console.print(Text(f"{where}: {_summary(one)}, {moment(one.first_at)} to {moment(one.last_at)}", style="bold"))
    if not one.differences:
        return
    shown = table("path", "in", "count", f"r{one.active}", f"r{one.shadow}")
    for difference in one.differences:
        for at, sample in enumerate(difference.samples or ({},)):
            head = (
                (difference.path or "(whole record)", difference.passing, str(difference.count))
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
