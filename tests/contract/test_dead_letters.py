"""Dead letters: filter, show, redrive or discard them, each once and with the name of who decided."""

import json
import re
from typing import Any

import pytest

from app.queue.enqueue import job_subject
from tests.contract.callers import Caller, code_of, expect, parameters, pointers
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.facade import Facade
from tests.required import required

PATH = "/ops/dead-letters"


@pytest.fixture
def dead(facade: Facade) -> DeadJobs:
    return DeadJobs(facade)


def ids_of(caller: Caller, dead: DeadJobs, **filters: Any) -> list[str]:
    answer = expect(caller.get(PATH, params={"connection": dead.connection, **filters})).json()
    return [letter["id"] for letter in answer["data"]]


def test_they_are_listed_newest_first_page_by_page(caller: Caller, dead: DeadJobs) -> None:
    ids = dead.bury(*(dead.new() for _ in range(5)))
    first = caller.get(PATH, params={"connection": dead.connection, "limit": 3})
    assert [letter["id"] for letter in first.json()["data"]] == ids[:1:-1]
    assert first.json()["has_more"] is True
    rest = caller.get(required(re.fullmatch(r'<(.+)>; rel="next"', first.headers["link"]))[1]).json()
    assert [letter["id"] for letter in rest["data"]] == ids[1::-1]
    assert (rest["next_cursor"], rest["has_more"]) == (None, False)


def test_filters_narrow_the_list(caller: Caller, dead: DeadJobs) -> None:
    (plain,) = dead.bury(dead.new())
    (refused,) = dead.bury(dead.new(kind="other", correlation_id="run-2"), failure=UNMAPPABLE)
    assert ids_of(caller, dead, kind="other") == [refused]
    assert ids_of(caller, dead, category="transient") == [plain]
    assert ids_of(caller, dead, correlation_id="run-2") == [refused]
    assert ids_of(caller, dead, since="2020-01-01T00:00:00Z") == [refused, plain]
    assert ids_of(caller, dead, since="2999-01-01T00:00:00Z") == []
    caller.post(f"{PATH}/{plain}/discard", json={"because": "not wanted"})
    assert ids_of(caller, dead) == [refused]
    assert ids_of(caller, dead, state="discarded") == [plain]
    assert ids_of(caller, dead, state="all") == [refused, plain]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("state=shut", "state"),
        ("category=bad", "category"),
        ("since=yesterday", "since"),
        ("since=0001-01-01T00:00:00%2B23:59", "since"),
        ("limit=0", "limit"),
        ("cursor=op_1", "cursor"),
        ("colour=red", "colour"),
    ],
)
def test_a_filter_that_is_none_is_refused(caller: Caller, query: str, parameter: str) -> None:
    answer = expect(caller.get(f"{PATH}?{query}"), 422, "invalid-field")
    assert parameters(answer) == [parameter]


def test_one_dead_letter_is_shown_in_full(reader: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new("k1", origin="op_1"), failure=UNMAPPABLE)
    letter = reader.get(f"{PATH}/{letter_id}").json()
    assert letter["failure"] == {
        "category": "permanent",
        "reason": "unmappable",
        "path": "$.email",
        "property": "email",
        "mapping": "hubspot.customer",
        "revision": 1,
    }
    assert letter["payload"] == {"key": "k1"}
    assert (letter["record"], letter["dedupe_key"], letter["origin"]) == ("customer:k1", "k1", "op_1")
    assert (letter["state"], letter["holds_up"], letter["editable"], letter["decision"]) == ("open", False, False, None)
    (attempt,) = letter["history"]
    assert (attempt["number"], attempt["outcome"], attempt["reason"]) == (1, "dead", "unmappable")
    assert attempt["started_at"] <= attempt["ended_at"]
    assert [step["path"] for step in letter["next_steps"]] == [
        f"{PATH}/{letter_id}/redrive",
        f"{PATH}/{letter_id}/discard",
    ]


def test_a_dead_letter_names_who_is_responsible(facade: Facade, reader: Caller, dead: DeadJobs) -> None:
    of_hubspot, of_none = dead.bury(dead.new(connection="hubspot"), dead.new())
    (responsible,) = reader.get(f"{PATH}/{of_hubspot}").json()["responsible"]
    assert responsible == {
        "integration": "signups",
        "severity": "critical",
        "owner": "growth",
        "on_call": "growth-oncall@example.com",
        "runbook": "https://wiki.example.com/signups",
    }
    assert reader.get(f"{PATH}/{of_none}").json()["responsible"] == []
    assert "on call: growth-oncall@example.com" in facade.lockstitch("dead-letters", "show", of_hubspot).stdout


@pytest.mark.parametrize(
    ("received", "opened"),
    [
        (b'{"objectId": 1051, "amount": 19.90}', {"objectId": 1051, "amount": 19.9}),
        (b"a=1&b=2", "a=1&b=2"),
        (b"\xff\xfe", {"base64": "//4="}),
    ],
)
def test_a_receipt_is_unfolded(reader: Caller, dead: DeadJobs, received: bytes, opened: Any) -> None:
    receipt = dead.receive(received)
    payload = json.dumps({"receipt": receipt}).encode()
    (letter_id,) = dead.bury(dead.new(kind="ingest", payload=payload, origin=receipt))
    letter = reader.get(f"{PATH}/{letter_id}").json()
    assert letter["payload"] == {"receipt": receipt, "payload": opened}
    assert letter["editable"] is True


def test_one_that_another_revision_refused_says_which_is_at_work_now(reader: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new(), failure=UNMAPPABLE)
    letter = reader.get(f"{PATH}/{letter_id}").json()
    (redrive,) = [step for step in letter["next_steps"] if step["action"] == "redrive"]
    assert "It was refused by r1 of hubspot.customer; r2 is active now." in redrive["advice"]


def test_a_payload_that_cannot_be_opened_says_so(reader: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new())
    flip = "UPDATE dead_letter SET payload = set_byte(payload, 30, get_byte(payload, 30) # 1) WHERE id = $1"
    dead.facade.sql(flip, letter_id)
    letter = reader.get(f"{PATH}/{letter_id}").json()
    dead.facade.sql(flip, letter_id)  # flipped back: searches of the shared Lockstitch open every value
    assert letter["payload"] is None
    assert "cannot be decrypted" in letter["payload_note"]


def test_a_redrive_is_the_same_job_in_its_old_place(caller: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new("k1", correlation_id="run-7", origin="op_7"))
    # Not for now, or the worker might have it in its hands for a moment.
    (later,) = dead.enqueue(dead.new("k2", order_key="customer:k1", after=3600.0))
    answer = expect(caller.post(f"{PATH}/{letter_id}/redrive")).json()
    assert answer["state"] == "redriven"
    assert answer["decision"]["by"].startswith("key_")
    assert caller.get(f"{PATH}/{letter_id}").json()["decided_by"] == "everything"
    printed = dead.facade.lockstitch("dead-letters", "show", letter_id).stdout
    assert re.search(r"^decided .* by everything$", printed, re.MULTILINE), printed
    job, behind = dead.jobs()
    assert (job["dedupe_key"], job["order_key"], job["correlation_id"], job["origin"]) == (
        *("k1", "customer:k1", "run-7", "op_7"),
    )
    assert dead.payload_of(job) == b'{"key": "k1"}'
    assert (behind["id"], behind["state"]) == (later, "behind")
    (audited,) = dead.facade.sql(
        "SELECT actor, facts FROM audit_event WHERE type = 'job.redriven' AND subject = $1", job_subject(job["id"])
    )
    assert audited["actor"] == answer["decision"]["by"]
    assert json.loads(audited["facts"])["dead_letter"] == letter_id


def test_an_edited_payload_takes_the_place_of_what_was_received(caller: Caller, dead: DeadJobs) -> None:
    receipt = dead.receive(b'{"email": "nonsense"}')
    (letter_id,) = dead.bury(
        dead.new(kind="ingest", payload=json.dumps({"receipt": receipt}).encode(), origin=receipt, after=0.0)
    )
    dead.facade.worker.stop()
    try:
        edited = {"receipt": receipt, "payload": {"email": "ada@example.com"}}
        expect(caller.post(f"{PATH}/{letter_id}/redrive", json={"payload": edited}))
        (job,) = dead.jobs()
        assert json.loads(dead.payload_of(job)) == edited
    finally:
        dead.facade.sql("DELETE FROM job WHERE connection = $1", dead.connection)
        dead.facade.worker.start()


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        ("nobodys", {"payload": {}}, "/payload"),
        ("ingest", {"payload": {}}, "/payload"),
        ("ingest", {"payload": "text"}, "/payload"),
        ("ingest", {"payload": {"receipt": "in_other", "payload": {}}}, "/payload/receipt"),
        ("ingest", {"payload": {"receipt": "in_1"}}, "/payload/payload"),
        ("nobodys", {"payloads": {}}, "/payloads"),
        ("nobodys", [], ""),
    ],
)
def test_what_cannot_be_put_in_its_place(caller: Caller, dead: DeadJobs, kind: str, body: Any, pointer: str) -> None:
    (letter_id,) = dead.bury(dead.new(kind=kind, origin="in_1"))
    answer = expect(caller.post(f"{PATH}/{letter_id}/redrive", json=body), 422, "invalid-field")
    assert pointers(answer) == [pointer]
    assert dead.states() == ["open"]


def test_a_decision_body_is_validated(caller: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new())
    path, as_json = f"{PATH}/{letter_id}/redrive", {"content-type": "application/json"}
    assert code_of(caller.post(path, content=b"{", headers=as_json), 400) == "malformed-body"
    assert code_of(caller.post(path, content=b"{}"), 415) == "unsupported-media-type"
    assert code_of(caller.post(f"{path}?now=1"), 422) == "invalid-field"
    assert code_of(caller.post(f"{PATH}/{letter_id}/discard"), 415) == "unsupported-media-type"
    for because in ("", " ", "x" * 501, None):
        answer = expect(caller.post(f"{PATH}/{letter_id}/discard", json={"because": because}), 422, "invalid-field")
        assert pointers(answer) == ["/because"]
    assert dead.states() == ["open"]


def test_what_is_decided_is_not_decided_again(caller: Caller, dead: DeadJobs) -> None:
    redriven, discarded = dead.bury(dead.new(), dead.new())
    assert caller.post(f"{PATH}/{redriven}/redrive").status_code == 200
    assert caller.post(f"{PATH}/{discarded}/discard", json={"because": "merged by hand"}).status_code == 200
    for letter_id in (redriven, discarded):
        for answer in (
            caller.post(f"{PATH}/{letter_id}/redrive"),
            caller.post(f"{PATH}/{letter_id}/discard", json={"because": "x"}),
        ):
            assert code_of(answer, 409) == "state-conflict"
            assert answer.json()["category"] == "conflict"
    letter = caller.get(f"{PATH}/{discarded}").json()
    assert letter["decision"]["because"] == "merged by hand"
    assert letter["next_steps"] == []
    assert len(dead.jobs()) == 1


def test_work_that_is_queued_already_is_not_queued_twice(caller: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new("k1"))
    dead.enqueue(dead.new("k1"))
    answer = expect(caller.post(f"{PATH}/{letter_id}/redrive"), 409, "state-conflict").json()
    assert "already queued" in answer["detail"]
    assert dead.states() == ["open"]


def test_one_that_holds_up_its_record_lets_it_go_when_it_is_decided_about(caller: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new("k1", kind="blocking"))
    dead.enqueue(dead.new("k2", order_key="customer:k1"))
    assert caller.get(f"{PATH}/{letter_id}").json()["holds_up"] is True
    assert [job["state"] for job in dead.jobs()] == ["behind"]
    caller.post(f"{PATH}/{letter_id}/discard", json={"because": "not wanted"})
    assert [job["state"] for job in dead.jobs()] != ["behind"]


@pytest.mark.parametrize("letter_id", ["dl_0", "op_1", "dl_%00", "dl_" + "a" * 100])
def test_one_that_is_not_there(caller: Caller, letter_id: str) -> None:
    assert code_of(caller.get(f"{PATH}/{letter_id}"), 404) == "not-found"
    assert code_of(caller.post(f"{PATH}/{letter_id}/redrive"), 404) == "not-found"
    assert code_of(caller.post(f"{PATH}/{letter_id}/discard", json={"because": "x"}), 404) == "not-found"


def test_looking_needs_ops_read_and_deciding_ops_write(reader: Caller, anonymous: Caller, facade: Facade) -> None:
    assert reader.get(PATH).status_code == 200
    assert code_of(reader.post(f"{PATH}/dl_0/redrive"), 403) == "forbidden"
    assert code_of(reader.post(f"{PATH}/dl_0/discard", json={"because": "x"}), 403) == "forbidden"
    assert code_of(anonymous.get(PATH), 401) == "unauthenticated"
    with facade.calling("ops:write", "customers:read") as writer:
        assert code_of(writer.get(PATH), 403) == "forbidden"


def test_payloads_reach_no_log(caller: Caller, dead: DeadJobs) -> None:
    canary = "canary-4f1b@example.com"
    (letter_id,) = dead.bury(dead.new(payload=json.dumps({"email": canary}).encode()))
    assert canary in caller.get(f"{PATH}/{letter_id}").text
    caller.post(f"{PATH}/{letter_id}/redrive")
    assert canary not in dead.facade.api.log + dead.facade.worker.log


def test_they_are_gauges_and_figures(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(dead.new(), dead.new(), dead.new("k3", kind="blocking"))
    dead.enqueue(dead.new("k4", order_key="customer:k3"))
    metrics = caller.get("/metrics").text
    labels = f'category="transient",connection="{dead.connection}",kind="nobodys"'
    assert gauge(metrics, "lockstitch_dead_letters_open", labels) == 2
    queued = f'connection="{dead.connection}",kind="nobodys"'
    assert gauge(metrics, "lockstitch_queue_depth", queued) == 1
    assert gauge(metrics, "lockstitch_queue_oldest_seconds", queued) >= 0
    assert gauge(metrics, "lockstitch_queue_lag_seconds", queued) == 0

    queue = caller.get("/ops/queue").json()
    (lane,) = [lane for lane in queue["lanes"] if lane["connection"] == dead.connection]
    assert (lane["state"], lane["depth"]) == ("open", 1)
    assert {each["kind"]: each["blocked_keys"] for each in lane["kinds"]} == {"nobodys": 0, "blocking": 1}
    assert queue["dead_letters"] >= 3


def gauge(text: str, name: str, labels: str) -> float:
    """Return the value of one series, with its labels in any order."""
    for line in text.splitlines():
        series = re.fullmatch(rf"{name}\{{(.*)\}} (\S+)", line)
        if series is not None and set(series[1].split(",")) == set(labels.split(",")):
            return float(series[2])
    raise AssertionError(f"{name}{{{labels}}} is missing")


@pytest.mark.parametrize("path", ["/ops/dead-letters", "/ops/drift", "/ops/reconciliations"])
def test_a_misspelt_connection_is_refused(caller: Caller, path: str) -> None:
    """An empty list would look like good news."""
    answer = expect(caller.get(path, params={"connection": "other-zendsk"}), 422, "invalid-field").json()
    assert "Did you mean other-zendesk?" in answer["detail"]


def test_a_redrive_of_a_misspelt_connection_is_refused(caller: Caller) -> None:
    for dry_run in (True, False):
        answer = caller.post("/ops/redrives", json={"filter": {"connection": "other-zendsk"}, "dry_run": dry_run})
        assert code_of(answer, 422) == "invalid-field"
        assert "Did you mean other-zendesk?" in answer.json()["detail"]


@pytest.mark.parametrize("lane", ["-", "sub_0198f0a2b7c47d3c9a51f2e80b6c4d17", "callbacks-0"])
def test_work_without_a_connection_is_a_filter(facade: Facade, caller: Caller, lane: str) -> None:
    which = {"connection": lane, "kind": "nobodys"}
    assert caller.get("/ops/dead-letters", params=which).json()["data"] == []
    assert caller.post("/ops/redrives", json={"filter": which, "dry_run": True}).json()["total"] == 0
    listed = facade.lockstitch("dead-letters", "list", f"--connection={lane}", "--kind=nobodys")
    assert listed.returncode == 0, listed.stderr
