"""`lockstitch consumers`: list consumers, and resume one that was paused."""

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list, operators
from app.cli.tables import Cells, moment
from app.copies.deps import ConsumerDeps
from app.copies.pauses import ConsumerView, list_consumers, resume_consumer

consumers = App(name="consumers")
opened = operators(ConsumerDeps)
NAME = Parameter(name="NAME", help="Object and connection, such as customers:crm.")


@declare_list(consumers, opened, list_consumers, ("consumer", "paused since"), none="No consumers.")
def list_row(consumer: ConsumerView) -> Cells:
    """List consumers, and which are paused."""
    return consumer.name, "" if consumer.paused_at is None else moment(consumer.paused_at)


@declare_action(consumers, opened, resume_consumer, name=NAME)
def resume(consumer: ConsumerView) -> str:
    """Resume a consumer that was paused. After removals, nothing limits them for an hour."""
    return f"{consumer.name} is resumed."
