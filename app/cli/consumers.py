"""`lockstitch consumers`: list consumers, and resume one that removed too much."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from app.cli.listing import Cells, show_page
from app.cli.operators import actor, with_operators
from app.cli.printing import Json, print_result
from app.cli.tables import moment, table
from app.copies.deps import ConsumerDeps
from app.copies.pauses import ConsumerView, list_consumers, resume_consumer
from app.http.paging import whole_list

consumers = App(name="consumers", help="List the consumers of changes, or resume one.")


@consumers.command(name="list")
def list_(*, json: Json = False) -> None:
    """List consumers, and which are paused.

    Parameters
    ----------
    json
        Print JSON.
    """
    page = whole_list(with_operators(ConsumerDeps, lambda deps: list_consumers(deps)))
    show_page(page, table("consumer", "paused since"), _row, none="No consumers.", json=json)


@consumers.command
def resume(name: Annotated[str, Parameter(name="NAME")], /, *, json: Json = False) -> None:
    """Resume a consumer that was paused because it would have removed too much. For an hour it has no limit.

    Parameters
    ----------
    name
        Object and connection, such as customers:crm.
    json
        Print JSON.
    """
    found = with_operators(ConsumerDeps, lambda deps: resume_consumer(deps, name, actor=actor()))
    print_result(found, f"{name} is resumed.", json=json)


def _row(one: ConsumerView) -> Cells:
    return (Text(one.name), moment(one.paused_at) if one.paused_at is not None else "")
