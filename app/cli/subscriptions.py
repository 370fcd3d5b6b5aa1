"""`lockstitch subscriptions`: show subscribers and what fails, and deliver to them again."""

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list, operators
from app.cli.tables import Cells, moment, print_view
from app.events.deps import FeedDeps, ReplayDeps
from app.events.replay import Replay, describe
from app.events.replay import replay as replay_events
from app.events.subscriptions import SubscriptionView, enable_as_operator, get_subscription, list_subscriptions
from app.http.plurals import counted

subscriptions = App(name="subscriptions")
opened = operators(FeedDeps)
ID = Parameter(name="ID", help="The id of the subscription, sub_….")


@declare_list(subscriptions, opened, list_subscriptions, ("subscription", "events", "state"), none="No subscriptions.")
def list_row(view: SubscriptionView) -> Cells:
    """List subscriptions, newest first."""
    return f"{view.id}\n{view.target_url}", f"{', '.join(view.events)}\n{view.connection or ''}".strip(), _state(view)


@declare_action(subscriptions, opened, get_subscription, subscription_id=ID)
def show(view: SubscriptionView) -> None:
    """Show a subscription: what it gets, whether it fails, and what you can do."""
    print_view(view)


@declare_action(
    subscriptions,
    operators(ReplayDeps),
    replay_events,
    subscription_id=ID,
    from_event=Parameter(name=("--from", "--from-event")),
)
def replay(done: Replay) -> str:
    """Deliver Events to a subscription again, from one of them on. They keep their ids. Audited."""
    return describe(done)


@declare_action(subscriptions, opened, enable_as_operator, subscription_id=ID)
def enable(view: SubscriptionView) -> str:
    """Enable a subscription: what waits is delivered at once, also by an active one. Audited.

    Exits with 3 if its owner may not read its events.
    """
    return f"{view.id} is {view.state}. What waited is delivered at once."


def _state(view: SubscriptionView) -> str:
    if view.disabled_at is not None:
        return f"{view.state} since {moment(view.disabled_at)}"
    if view.failing_since is not None:
        return f"failing since {moment(view.failing_since)}, {counted(view.attempts, 'attempt')}\n{view.last_error}"
    return view.state
