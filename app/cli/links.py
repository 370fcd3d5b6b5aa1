"""`lockstitch links`: show, join and split linked records, and review proposals."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from app.cli.exits import usage
from app.cli.listing import Cells, check_limit, show_page
from app.cli.operators import actor, with_operators
from app.cli.printing import Json, print_result
from app.cli.tables import moment, table
from app.links.deps import LinkDeps
from app.links.manage import decide_review, join_links, list_reviews, show_links, split_links
from app.links.models import LinkReview

links = App(name="links", help="Show, join and split linked records, and review proposals.")


@links.command
def show(canonical_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Show the records that an id names.

    Parameters
    ----------
    canonical_id
        A canonical id, cus_…, ord_… or tkt_…, or an alias of one.
    json
        Print JSON.
    """
    found = with_operators(LinkDeps, lambda deps: show_links(deps, canonical_id))
    lines = [f"{found.id} names:"]
    for one in found.links:
        merged = f", merged into {one.merged_into}" if one.merged_into is not None else ""
        deleted = ", deleted at its vendor" if one.deleted_at is not None else ""
        lines.append(f"  {one.connection}:{one.remote_id} (by {one.by}{merged}{deleted})")
    if found.aliases:
        lines.append(f"Aliases: {', '.join(found.aliases)}")
    print_result(found, "\n".join(lines), json=json)


@links.command
def join(
    canonical_id: Annotated[str, Parameter(name="ID")],
    other_id: Annotated[str, Parameter(name="OTHER")],
    /,
    *,
    json: Json = False,
) -> None:
    """Join two ids. The older is kept, and the other becomes its alias.

    Parameters
    ----------
    canonical_id
        A canonical id.
    other_id
        The canonical id of the same customer, order or ticket at another connection.
    json
        Print JSON.
    """
    joined = with_operators(LinkDeps, lambda deps: join_links(deps, canonical_id, other_id, actor=actor()))
    named = ", ".join(f"{one.connection}:{one.remote_id}" for one in joined.links)
    print_result(joined, f"{joined.canonical_id} names {named}.", json=json)


@links.command
def split(
    canonical_id: Annotated[str, Parameter(name="ID")],
    connection: Annotated[str, Parameter(name="CONNECTION")],
    /,
    *,
    json: Json = False,
) -> None:
    """Take the record of a connection out of an id. It gets its own id back, and is not proposed again.

    Parameters
    ----------
    canonical_id
        A canonical id.
    connection
        The connection of the record.
    json
        Print JSON.
    """
    change = with_operators(LinkDeps, lambda deps: split_links(deps, canonical_id, connection, actor=actor()))
    print_result(change, f"{change.connection}:{change.remote_id} is {change.split_id} now.", json=json)


@links.command
def review(
    *,
    accept: str | None = None,
    refuse: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    json: Json = False,
) -> None:
    """List the open proposals, newest first, or decide one.

    Parameters
    ----------
    accept
        Join the two customers of this proposal, lrv_….
    refuse
        Refuse this proposal for good.
    limit
        The maximum number of proposals, up to 250.
    cursor
        Continue after this cursor.
    json
        Print JSON.
    """
    if accept is not None and refuse is not None:
        usage("--accept and --refuse: use one of them.")
    if accept is not None:
        decided = with_operators(LinkDeps, lambda deps: decide_review(deps, accept, "accepted", actor=actor()))
        print_result(decided, f"{decided.id} is accepted: {decided.canonical_id} names both.", json=json)
    elif refuse is not None:
        decided = with_operators(LinkDeps, lambda deps: decide_review(deps, refuse, "refused", actor=actor()))
        print_result(decided, f"{decided.id} is refused, and does not come back.", json=json)
    else:
        check_limit(limit)
        page = with_operators(LinkDeps, lambda deps: list_reviews(deps, after=cursor, limit=limit))
        shown = table("proposal, ids", "since, records, why")
        show_page(page, shown, _row, none="No open proposals.", json=json)


def _row(one: LinkReview) -> Cells:
    ids = one.id, one.canonical_id, one.other_canonical_id
    records = f"{one.connection}:{one.remote_id}", f"{one.other_connection}:{one.other_remote_id}"
    return "\n".join(ids), Text("\n".join((moment(one.created_at), *records, ", ".join(one.reasons))))
