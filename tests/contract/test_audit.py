"""The audit trail over HTTP and on the command line: found by filters, and proven not to be changed."""

import json
import re
from typing import Any, Final

import pytest

from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect, parameters
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, gateway

PATH: Final = "/ops/audit"
EVENT: Final = {"id", "at", "type", "subject", "actor", "environment", "correlation_id", "facts", "position"}

ALL_SEALED: Final = """
SELECT 1
 WHERE NOT EXISTS (SELECT FROM audit_event AS e
                    WHERE correlation_id = $1
                      AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_event = e.id))
"""


@pytest.fixture
def run(facade: Facade) -> str:
    """A run that has left a few events, all of them sealed: a webhook was received, its job queued and worked on."""
    name: str = expect(WebhookEndpoint(facade, "gateway").send(gateway()), 202).headers["x-correlation-id"]
    await_rows(facade, "SELECT FROM audit_event WHERE correlation_id = $1 AND type = 'job.processed'", name)
    await_rows(facade, ALL_SEALED, name)
    return name


def await_rows(facade: Facade, statement: str, *arguments: Any) -> None:
    until(lambda: facade.sql(statement, *arguments))


def await_position(facade: Facade, event: int) -> None:
    """Until the sealer has come by."""
    await_rows(facade, "SELECT FROM audit_seal WHERE audit_event = $1", event)


def listed(caller: Caller, **filters: Any) -> list[dict[str, Any]]:
    return expect(caller.get(PATH, params=filters)).json()["data"]


def test_events_of_a_run_are_listed_newest_first(reader: Caller, run: str) -> None:
    events = listed(reader, correlation_id=run)

    assert {"job.queued", "job.processed"} <= {event["type"] for event in events}
    assert [event["id"] for event in events] == sorted((event["id"] for event in events), reverse=True)
    assert all(event.keys() == EVENT for event in events)
    assert {event["correlation_id"] for event in events} == {run}
    assert {event["actor"] for event in events} == {"lockstitch"}


def test_filters_narrow_the_list(reader: Caller, run: str) -> None:
    whole = listed(reader, correlation_id=run)
    (queued,) = listed(reader, correlation_id=run, type="job.queued")

    jobs = listed(reader, correlation_id=run, type="job.*")
    assert jobs == [event for event in whole if event["type"].startswith("job.")]
    assert queued in listed(reader, record=queued["subject"])
    assert all(event["subject"] == queued["subject"] for event in listed(reader, record=queued["subject"]))
    assert listed(reader, correlation_id=run, actor="nobody") == []
    assert listed(reader, correlation_id=run, since=queued["at"]) != []
    assert listed(reader, correlation_id=run, since="2999-01-01T00:00:00Z") == []


def test_pages_lead_on(reader: Caller, run: str) -> None:
    whole = listed(reader, correlation_id=run)
    events, following = [], f"{PATH}?correlation_id={run}&limit=1"
    while following:
        answer = reader.get(following)
        events += answer.json()["data"]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        assert (link is not None) is answer.json()["has_more"]
        following = "" if link is None else link[1]
    assert [event["id"] for event in events] == [event["id"] for event in whole]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("type", bad) for bad in ("receipt", "Receipt.received", "receipt.*.x", "*", "%")),
        *(("cursor", bad) for bad in ("0", "-1", "x", "1e5")),
        *[("since", "yesterday"), ("limit", "0"), ("nope", "1")],
    ],
)
def test_a_bad_filter_is_named(reader: Caller, name: str, value: str) -> None:
    answer = expect(reader.get(PATH, params={name: value}), 422, "invalid-field")
    assert parameters(answer) == [name]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/verify"])
def test_it_is_for_operators(facade: Facade, anonymous: Caller, path: str) -> None:
    assert code_of(anonymous.get(path), 401) == "unauthenticated"
    with facade.calling("customers:read", "ops:write") as caller:
        assert code_of(caller.get(path), 403) == "forbidden"


def test_an_event_is_sealed_within_a_second_or_so(facade: Facade, reader: Caller, run: str) -> None:
    newest = listed(reader, correlation_id=run)[0]
    await_position(facade, newest["id"])
    assert listed(reader, correlation_id=run)[0]["position"] > 0
    (row,) = facade.sql("SELECT min(at) AS oldest FROM audit_event")
    assert row["oldest"] is not None


def test_the_chain_is_verified_and_gives_its_head_out(facade: Facade, reader: Caller, run: str) -> None:
    await_position(facade, listed(reader, correlation_id=run)[0]["id"])

    verification = reader.get(f"{PATH}/verify").json()

    assert (verification["intact"], verification["first_break"], verification["next_from"]) == (True, None, None)
    head = verification["head"]
    assert verification["verified"] == head["position"] > 0
    assert re.fullmatch("[0-9a-f]{64}", head["chain"])
    assert verification["unsealed"].keys() == {"count", "oldest_at", "oldest_age_seconds"}

    again = reader.get(f"{PATH}/verify", params={"anchor": f"{head['position']}:{head['chain']}"}).json()
    assert again["intact"] is True
    rewritten = reader.get(f"{PATH}/verify", params={"anchor": f"{head['position']}:{'0' * 64}"}).json()
    assert rewritten["intact"] is False
    assert rewritten["first_break"]["what"] == "anchor"
    later = reader.get(f"{PATH}/verify", params={"from": head["position"]}).json()
    assert (later["intact"], later["from_position"]) == (True, head["position"])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"from": "0"}, "from"),
        ({"from": "999999999999999999"}, "from"),
        ({"from": "x"}, "from"),
        ({"anchor": "12"}, "anchor"),
        ({"anchor": f"0:{'0' * 64}"}, "anchor"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(reader: Caller, query: dict[str, str], named: str) -> None:
    answer = expect(reader.get(f"{PATH}/verify", params=query), 422, "invalid-field")
    assert parameters(answer) == [named]


def test_one_flipped_byte_shows_everywhere(facade: Facade, reader: Caller, run: str) -> None:
    event = listed(reader, correlation_id=run)[-1]
    await_position(facade, event["id"])
    (row,) = facade.sql("SELECT facts FROM audit_event WHERE id = $1", event["id"])
    put = "UPDATE audit_event SET facts = $2 WHERE id = $1"
    facade.sql(put, event["id"], row["facts"].replace("a", "b", 1))
    try:
        verification = reader.get(f"{PATH}/verify").json()
        verified = facade.lockstitch("audit", "verify")
        as_json = facade.lockstitch("audit", "verify", "--json")
    finally:
        facade.sql(put, event["id"], row["facts"])

    assert verification["intact"] is False
    assert (verification["first_break"]["what"], verification["first_break"]["audit_event"]) == ("content", event["id"])
    assert verified.returncode == as_json.returncode == 4
    assert f"event {event['id']} (content)" in verified.stdout
    assert json.loads(as_json.stdout)["first_break"] == verification["first_break"]
    assert reader.get(f"{PATH}/verify").json()["intact"] is True


def test_the_command_line_verifies_and_lists(facade: Facade, reader: Caller, run: str) -> None:
    await_position(facade, listed(reader, correlation_id=run)[0]["id"])

    head = re.search(r"Head of the chain: ([0-9]+:[0-9a-f]{64})", exits(facade.lockstitch("audit", "verify")).stdout)
    assert head is not None
    assert facade.lockstitch("audit", "verify", "--anchor", head[1]).returncode == 0
    position = head[1].partition(":")[0]
    assert facade.lockstitch("audit", "verify", "--anchor", f"{position}:{'0' * 64}").returncode == 4
    assert facade.lockstitch("audit", "verify", "--anchor", "nonsense").returncode == 2

    output = exits(facade.lockstitch("audit", "list", "--correlation-id", run, "--type", "job.*"))
    assert "job.queued" in output.stdout
    narrow = lockstitch("audit", "list", "--correlation-id", run, environment=facade.api.environment, columns=80)
    assert {run, *(one["subject"] for one in listed(reader, correlation_id=run))} <= set(narrow.stdout.split())
    as_json = facade.lockstitch("audit", "list", "--correlation-id", run, "--json")
    assert json.loads(as_json.stdout)["data"] == listed(reader, correlation_id=run)
