"""The questions of docs/runbook.md after a bad day: a vendor down, another one throttling, a secret rotated, a schema
changed, a subscriber broken, a reply lost, a worker killed. Each is asked by its command and at its page."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any, Final, NamedTuple

import pytest

from tests.commands import ROOT, lockstitch
from tests.contract.alarms.seen import connection
from tests.contract.callers import Caller, code_of, new_key
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.samples import customer, word
from tests.contract.subscribers import Answer, SubscriberServer, subscribe
from tests.contract.test_drift import PATHS
from tests.contract.undecided_writes import forget_outcome
from tests.contract.waiting import until

PAGE: Final = ROOT / "docs" / "runbook.md"
MORE: Final = """
[connections.hubspot.pull.customers]
every = "5m"
[ownership.customers]
freshness_seconds = 900
[connections.crm]
vendor = "hubspot"
base_url = "{url}/hubspot"
credentials = {{ token = "vault:crm-token" }}
"""
LADDER: Final = "0.2,600,600"
PULLED: Final = "SELECT FROM watermark WHERE (connection, object) = ('hubspot', 'customer') AND started_at IS NOT NULL"
LATER: Final = (
    "UPDATE watermark SET started_at = started_at - interval '1 hour'",
    "UPDATE heartbeat SET seen_at = seen_at - interval '2 minutes' WHERE role = 'worker'",
)
Facts = dict[str, Any]
Rows = list[dict[str, Any]]


class Day(NamedTuple):
    """The Lockstitch, a browser at its console, and what happened."""

    facade: Facade
    browser: Operator
    facts: Facts


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Day]:
    subscribers = SubscriberServer()
    facade = Facade(
        tmp_path_factory.mktemp("bad-day"),
        module_database_url,
        LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{subscribers.port}",
        LOCKSTITCH_DELIVERY_LADDER=LADDER,
    )
    facade.add_configuration(MORE.format(url=facade.emulators.url))
    try:
        with facade.running():
            key = facade.make_key(name="night-shift")
            with Caller(facade.api.url, key.secret) as caller, Operator(facade.api.url) as browser:
                facts = live_through(facade, caller, subscribers) | {"key": key.id}
                browser.sign_in(key.secret)
                yield Day(facade, browser, facts)
    finally:
        subscribers.close()


def live_through(facade: Facade, caller: Caller, subscribers: SubscriberServer) -> Facts:
    """Cause each trouble, wait until it is noticed, and kill the worker. Return the ids that the questions need."""
    facts: Facts = {"ID": "pausable", "NAME": "hubspot", "VENDOR.OBJECT": "hubspot.customer"}
    facts["subscription"] = subscribe(caller, subscribers.hook("broken", Answer(status=500)))["id"]
    lose_a_reply(facade, caller, facts)
    refuse_a_write(facade, caller, facts)
    change_the_schema(facade, caller, facts)
    throttle_and_refuse(facade, caller)
    dead = DeadJobs(facade)
    dead.bury(*(dead.new() for _ in range(3)), failure=UNMAPPABLE)
    assert caller.post("/ops/connections/pausable/pause", json={"note": "moving"}).status_code == 200
    retried = f"/v1/subscriptions/{facts['subscription']}"
    until(lambda: caller.get(retried).json(), lambda one: one["attempts"] >= 2 and one["next_attempt"])
    until(lambda: facade.sql(PULLED))
    head = json.loads(facade.lockstitch("audit", "verify", "--json").stdout)["head"]
    facts["POSITION:HASH"] = f"{head['position'] + 1000}:{head['chain']}"  # kept by an operator, lost with the restore
    facade.worker.kill()
    for statement in LATER:
        facade.sql(statement)
    return facts


def lose_a_reply(facade: Facade, caller: Caller, facts: Facts) -> None:
    mark = word()
    facts["ADDRESS"] = f"{mark}@example.com"
    facts["unknown"], made = forget_outcome(facade, caller, "POST", "/v1/customers", customer("hubspot", mark))
    facts["record"] = made["meta"]["remote_id"]


def refuse_a_write(facade: Facade, caller: Caller, facts: Facts) -> None:
    facts["RUN"] = f"run-{word()}"
    facade.vendors.break_("hubspot", "status", method="POST", status=400)
    run = {"x-correlation-id": facts["RUN"]}
    assert caller.write("POST", "/v1/customers", customer("hubspot"), key=new_key(), headers=run).status_code >= 400


def change_the_schema(facade: Facade, caller: Caller, facts: Facts) -> None:
    facade.vendors.break_("hubspot", "drift", path=PATHS["hubspot"], times=None, change="type")
    assert caller.get(f"/v1/customers/hubspot:{facts['record']}").status_code == 502
    until(lambda: facade.sql("SELECT FROM drift_finding"))
    facade.vendors.mend()


def throttle_and_refuse(facade: Facade, caller: Caller) -> None:
    """Shopify throttles, Zendesk is down, and HubSpot has rotated the secret that the vault has."""
    facade.vendors.break_("shopify", "status", status=429, retry_after=600)
    assert code_of(caller.get("/v1/customers?connection=busy-shopify&limit=1"), 429) == "vendor-throttled"
    facade.vendors.break_("zendesk", "status", method="GET", status=503, times=None)
    down = "/v1/customers?connection=frail-zendesk&limit=1"
    until(lambda: caller.get(down), lambda answer: answer.json().get("code") == "connection-paused")
    stored = ("secrets", "set", "crm-token", "--max-age", "90d")
    assert lockstitch(*stored, environment=facade.api.environment, text="the-token-of-yesterday").returncode == 0
    refused = "/v1/customers?connection=crm&limit=1"
    until(lambda: caller.get(refused).json().get("code"), lambda code: code == "vendor-auth-failed")
    states = {"crm": "unauthorised", "busy-shopify": "throttled", "frail-zendesk": "failing"}
    until(lambda: {name: connection(caller, name)["state"] for name in states}, lambda now: now == states)


class Question(NamedTuple):
    """A row of the runbook. The answer of the command has a fact, and the page shows a text; with `form`, once that
    field of its form has the fact `ADDRESS`."""

    words: str
    has: Callable[[Any, Facts], object]
    shows: str
    form: str = ""


def of(rows: Rows, **facts: Any) -> Rows:
    """The rows with these members."""
    return [row for row in rows if facts.items() <= row.items()]


def named(name: str, answer: Any) -> Any:
    """The connection of this name in a list."""
    return next(one for one in answer["data"] if one["name"] == name)


def states_of(answer: Any, _: Facts) -> bool:
    known = {one["name"]: one for one in answer["data"]}
    return (
        known["crm"]["state"] == "unauthorised"
        and known["crm"]["since"] is not None
        and known["busy-shopify"]["until"] is not None
        and known["frail-zendesk"]["state"] == "failing"
        and known["pausable"]["note"] == "moving"
    )


QUESTIONS: Final = (
    Question("What failed", lambda it, day: of(it["data"], correlation_id=day["RUN"], state="failed"), "RUN"),
    Question("What did a run", lambda it, day: [one for one in it["data"] if one["facts"].get("status") == 400], "400"),
    Question("Which connection", states_of, "unauthorised"),
    Question("How fresh", lambda it, day: of(named("hubspot", it)["freshness"], state="breached"), "breached"),
    Question("How much", lambda it, day: 0 < it["budgets"][0]["headroom"] <= it["budgets"][0]["units"], "of 1,000,000"),
    Question("Which dead letters", lambda it, day: of(it["groups"], count=3, path="$.email"), "unmappable"),
    Question("Which writes", lambda it, day: of(it["data"], id=day["unknown"], state="unknown"), "unknown"),
    Question(
        "Which subscriber", lambda it, day: of(it["data"], id=day["subscription"])[0]["disabled_at_latest"], "500"
    ),
    Question("Which key", lambda it, day: of(it["data"], type="connection.paused", actor=day["key"]), "night-shift"),
    Question("Which revision", lambda it, day: of(it["routes"], connection="hubspot", active=2), "r2 is active"),
    Question(
        "When does", lambda it, day: [one for one in of(it["data"], name="crm-token") if one["due_at"]], "crm-token"
    ),
    Question("What changed", lambda it, day: of(it["data"], connection="hubspot"), "expected"),
    Question("What is stored", lambda it, day: f"hubspot:{day['record']}" in it["records"], "record_state", "person"),
    Question("What does a restored", lambda it, day: not it["intact"], "connection paused"),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.words)
def test_a_command_and_a_page_answer(day: Day, question: Question) -> None:
    command, page = row_of(question.words, day.facts)
    done = day.facade.lockstitch(*command.split()[1:], "--json")
    answer = json.loads(done.stdout)
    assert question.has(answer, day.facts), done.stdout
    fields = {question.form: day.facts["ADDRESS"]}
    response = day.browser.submit(page, page, fields) if question.form else day.browser.get(page)
    assert response.status_code == 200
    main = unescape(response.text.partition("<main")[2])
    assert day.facts.get(question.shows, question.shows) in main, main


def test_the_killed_worker_is_an_alarm(day: Day) -> None:
    present = json.loads(day.facade.lockstitch("status", "--json").stdout)
    assert "worker_gone" in [alarm["name"].partition(".")[0] for alarm in present["alarms"]], present
    assert present["workers"] == 0
    assert "has died" in day.browser.get("/console").text


def test_all_fourteen_are_asked() -> None:
    assert [question.words for question in QUESTIONS] == [
        next(one.words for one in QUESTIONS if row.startswith(one.words)) for row in rows()
    ]


def rows() -> list[str]:
    """The rows of the table of questions, without the bar at the left."""
    table = PAGE.read_text(encoding="utf-8").partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
    return [row.removeprefix("| ") for row in table.splitlines()]


def row_of(words: str, facts: Facts) -> tuple[str, str]:
    """Return the command and the page of a question, about this day."""
    (row,) = [row for row in rows() if row.startswith(words)]
    command, page = re.findall(r"`((?:lockstitch|/console)[^`]*)`", row)
    for name, value in facts.items():
        if not name.islower():
            command, page = (re.sub(rf"\b{re.escape(name)}\b", value, one) for one in (command, page))
    return command, page
