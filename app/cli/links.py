"""`lockstitch links`: show, join and split linked records, and review proposals."""

from typing import Annotated

from cyclopts import App, Parameter

from app.cli.commands import (
    LISTED,
    PAGING,
    TABLES,
    check_cursor,
    check_follows,
    check_limit,
    declare_action,
    operators,
)
from app.cli.exits import usage
from app.cli.operators import prepare_actor
from app.cli.printing import Json, print_result
from app.cli.tables import Cells, moment, print_page
from app.http.paging import Page
from app.links.deps import LinkDeps
from app.links.manage import decide_review, join_links, list_reviews, show_links, split_links
from app.links.models import Attached, LinkedRecords, LinkReview, SplitLinks

links = App(name="links")
opened = operators(LinkDeps)
ID = Parameter(name="ID", help="A canonical id, cus_…, ord_… or tkt_…, or an alias of one.")
OTHER = Parameter(name="OTHER", help="The canonical id of the same customer, order or ticket at another connection.")
CONNECTION = Parameter(name="CONNECTION", help="The connection of the record.")


@declare_action(links, opened, show_links, canonical_id=ID)
def show(record: LinkedRecords) -> str:
    """Show the records that an id names."""
    lines = [f"{record.id} names:"]
    for one in record.links:
        merged = f", merged into {one.merged_into}" if one.merged_into is not None else ""
        deleted = ", deleted at its vendor" if one.deleted_at is not None else ""
        lines.append(f"  {one.connection}:{one.remote_id} (by {one.by}{merged}{deleted})")
    if record.aliases:
        lines.append(f"Aliases: {', '.join(record.aliases)}")
    return "\n".join(lines)


@declare_action(links, opened, join_links, canonical_id=ID, other_id=OTHER)
def join(joined: Attached) -> str:
    """Join two ids. The older is kept, and the other becomes its alias."""
    named = ", ".join(f"{one.connection}:{one.remote_id}" for one in joined.links)
    return f"{joined.canonical_id} names {named}."


@declare_action(links, opened, split_links, canonical_id=ID, connection=CONNECTION)
def split(change: SplitLinks) -> str:
    """Take the record of a connection out of an id. It gets its own id back, and is not proposed again."""
    return f"{change.connection}:{change.remote_id} is {change.split_id} now."


@links.command
def review(
    *,
    accept: Annotated[str | None, Parameter(help="Join the two customers of this proposal, lrv_….")] = None,
    refuse: Annotated[str | None, Parameter(help="Refuse this proposal for good.")] = None,
    limit: Annotated[int, PAGING["limit"]] = LISTED,
    cursor: Annotated[str | None, PAGING["after"]] = None,
    json: Json = False,
) -> None:
    """List the open proposals, newest first, or decide one."""
    if accept is not None and refuse is not None:
        usage("--accept and --refuse: use one of them.")
    if accept is not None:
        decided = opened(lambda deps: decide_review(deps, accept, "accepted", actor=prepare_actor()))
        print_result(decided, f"{decided.id} is accepted: {decided.canonical_id} names both.", json=json)
    elif refuse is not None:
        decided = opened(lambda deps: decide_review(deps, refuse, "refused", actor=prepare_actor()))
        print_result(decided, f"{decided.id} is refused, and does not come back.", json=json)
    else:
        check_limit(limit)
        check_cursor(cursor)
        page = _read(cursor, limit)
        if cursor is not None:
            check_follows(cursor, page.data or _read(None, 1).data)
        print_page(page, *TABLES["links review"], none="No open proposals.", json=json)


def _read(after: str | None, limit: int) -> Page:
    page: Page = opened(lambda deps: list_reviews(deps, after=after, limit=limit))
    return page


def _row(review: LinkReview) -> Cells:
    ids = review.id, review.canonical_id, review.other_canonical_id
    records = f"{review.connection}:{review.remote_id}", f"{review.other_connection}:{review.other_remote_id}"
    return "\n".join(ids), "\n".join((moment(review.created_at), *records, ", ".join(review.reasons)))


TABLES["links review"] = (("proposal, ids", "since, records, why"), _row)
