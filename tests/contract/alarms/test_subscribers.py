"""A subscriber that refuses everything: what waits for its next attempt counts, and an alarm is sent at once."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.commands import lockstitch
from tests.conftest import TEMPLATE, _made_from
from tests.contract.callers import Caller
from tests.contract.doctor.shell import findings_of, the
from tests.contract.person import Person
from tests.contract.subscribers import Answer, Delivering, news, owning, subscribe
from tests.contract.waiting import until

LADDER = "0.5,1,600,600"


def own(person: Person) -> dict[str, str]:
    """What the processes have in their environment."""
    return {"LOCKSTITCH_DELIVERY_LADDER": LADDER, "ALARM_URL": f"{person.url}/alarm"}


@pytest.fixture(scope="module")
def delivering(
    tmp_path_factory: pytest.TempPathFactory, lively_postgres_url: str, person: Person
) -> Iterator[Delivering]:
    """A Lockstitch that delivers, and tells a person of jobs that wait for 10 s."""
    for url in _made_from(lively_postgres_url, TEMPLATE):
        made = Delivering(tmp_path_factory.mktemp("undelivered"), url, **own(person))
        made.facade.add_configuration('[alerts]\nurl = "env:ALARM_URL"\njob_lag_seconds = 10\n')
        with made.running() as running:
            yield running


def test_a_subscriber_that_answers_500_is_not_silent(delivering: Delivering, person: Person) -> None:
    hook = delivering.subscribers.hook("broken", Answer(status=500))
    with owning(delivering) as caller, delivering.facade.another_api(**own(person)) as process:
        made = subscribe(caller, hook)
        with Caller(process.url, caller.secret) as other:
            path = f"/v1/subscriptions/{made['id']}"
            assert [made[name] for name in ("attempts", "next_attempt", "disabled_at_latest")] == [0, None, None]
            delivering.publish(news(1))
            failing = until(lambda: other.get(path).json(), lambda it: it["attempts"] == 3 and it["next_attempt"])
            since, following, latest = (
                datetime.fromisoformat(failing[at]) for at in ("failing_since", "next_attempt", "disabled_at_latest")
            )
            assert (failing["state"], failing["last_error"]) == ("active", "the target answered 500")
            assert 590 < (following - since).total_seconds() < 730
            assert 1201 < (latest - since).total_seconds() < 1450
            assert caller.get(path).json() == failing
            elsewhere = {**delivering.api.environment, "LOCKSTITCH_DELIVERY_LADDER": "5,60"}
            view = lockstitch("subscriptions", "show", made["id"], "--json", environment=elsewhere)
            assert json.loads(view.stdout)["disabled_at_latest"] == failing["disabled_at_latest"]
            notice = person.is_told(f"subscription_failing.{made['id']}")
            assert "answered 500" in notice["summary"]
            assert notice["next_step"].endswith(f": lockstitch subscriptions enable {made['id']}")
            assert notice["link"].endswith(f"/console/subscribers/{made['id']}")
            assert made["id"] in person.is_told("job_lag")["summary"]
            lag = other.get("/ops/queue").json()["lag_seconds"]
            assert 10 < lag < 600
            done = lockstitch("doctor", "--json", environment=delivering.api.environment)
            assert "answered 500" in the(findings_of(done), "alarm subscription_failing", made["id"])["found"]
            assert the(findings_of(done), "alarm job_lag", made["id"])
            hook.always = Answer()
            caller.post(f"{path}/enable")  # so that what waits is tried at once
            hook.received(4)
            person.is_told_the_end(f"subscription_failing.{made['id']}")
            person.is_told_the_end("job_lag")
            view = other.get(path).json()
            assert [view[name] for name in ("attempts", "next_attempt", "disabled_at_latest")] == [0, None, None]
            assert other.get("/ops/queue").json()["lag_seconds"] < 10
