"""Bulk redrives: tried out, paced, cancelled, carried on by whichever worker is alive; nothing twice, nothing left."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.queue.models import JobFailure
from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.encryption import ENCRYPTION_KEYS

PATH = "/ops/redrives"


@pytest.fixture
def dead(facade: Facade) -> DeadJobs:
    return DeadJobs(facade)


@pytest.fixture
def second_worker(facade: Facade) -> Iterator[Any]:
    process = facade.process("worker")
    process.start()
    yield process
    process.stop()


def start(caller: Caller, dead: DeadJobs, **wanted: Any) -> dict[str, Any]:
    body = {**wanted, "filter": {"connection": dead.connection, **wanted.get("filter", {})}}
    answer = expect(caller.post(PATH, json=body), 201)
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    return answer.json()


def read(caller: Caller, redrive: dict[str, Any]) -> dict[str, Any]:
    progress: dict[str, Any] = expect(caller.get(f"{PATH}/{redrive['id']}")).json()
    assert progress["redriven"] + progress["skipped"] + progress["left"] == progress["total"]
    return progress


def watch(caller: Caller, redrive: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    return until(lambda: read(caller, redrive), wanted)


def ended(caller: Caller, redrive: dict[str, Any]) -> dict[str, Any]:
    return watch(caller, redrive, lambda progress: progress["state"] != "running")


def audited(facade: Facade, redrive: dict[str, Any]) -> list[str]:
    rows = facade.sql("SELECT type FROM audit_event WHERE subject = $1 ORDER BY id", redrive["id"])
    return [row["type"] for row in rows]


def test_a_dry_run_counts_and_shows_and_changes_nothing(caller: Caller, dead: DeadJobs) -> None:
    ids = dead.bury(*(dead.new() for _ in range(3)))
    (refused,) = dead.bury(dead.new(), failure=UNMAPPABLE)
    answer = caller.post(PATH, json={"filter": {"connection": dead.connection}, "dry_run": True, "rate_per_second": 2})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "dry_run": True,
        "total": 4,
        "skipped": 0,
        "seconds": 2.0,
        "groups": [
            {
                "connection": dead.connection,
                "kind": "nobodys",
                "category": category,
                "reason": reason,
                "path": path,
                "count": count,
                "example": example,
                "oldest_at": caller.get(f"/ops/dead-letters/{example}").json()["created_at"],
            }
            for category, reason, path, count, example in (
                ("transient", "vendor-unavailable", None, 3, ids[0]),
                ("permanent", "unmappable", "$.email", 1, refused),
            )
        ],
    }
    assert dead.states() == ["open"] * 4


def test_a_dry_run_counts_what_a_redrive_then_does(caller: Caller, dead: DeadJobs) -> None:
    """One of four is queued already, and two are the same work."""
    first, *_ = dead.bury(dead.new("k1"), dead.new("k2"), dead.new("k3"))
    dead.bury(dead.new("k1"), failure=UNMAPPABLE)
    dead.enqueue(dead.new("k3"))
    body = {"filter": {"connection": dead.connection}, "dry_run": True, "rate_per_second": 4}
    preview = caller.post(PATH, json=body).json()
    assert (preview["total"], preview["skipped"], preview["seconds"]) == (2, 2, 0.5)
    assert [(one["count"], one["example"]) for one in preview["groups"]] == [(2, first)]
    done = ended(caller, start(caller, dead))
    assert (done["redriven"], done["skipped"]) == (preview["total"], preview["skipped"])


def test_a_pair_of_one_work_runs_once_even_if_the_first_job_ends_before_the_second_turn(
    caller: Caller, dead: DeadJobs
) -> None:
    """Without a receipt a job dies at its first attempt, two seconds before the next turn."""
    job = dead.new("k1", kind="ingest", payload=b'{"receipt": "in_0"}')
    ids = [dead.bury(job)[0] for _ in range(2)]
    redrive = start(caller, dead, rate_per_second=0.5)
    assert (redrive["total"], redrive["skipped"]) == (2, 1)
    done = ended(caller, redrive)
    assert (done["redriven"], done["skipped"]) == (1, 1)
    assert caller.get(f"/ops/dead-letters/{ids[1]}").json()["state"] == "open"


def test_what_is_queued_already_is_skipped_at_the_start(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(dead.new("k1"))
    dead.enqueue(dead.new("k1"))
    redrive = start(caller, dead)
    assert (redrive["state"], redrive["total"], redrive["skipped"]) == ("done", 1, 1)


def test_rows_with_one_cause_are_one_group_and_are_redriven_together(caller: Caller, dead: DeadJobs) -> None:
    for row in (2, 3, 17):
        failure = JobFailure(category="permanent", reason="unmappable", path=f'$.rows[{row}]["E-mail"]')
        dead.bury(dead.new(), failure=failure)
    dead.bury(dead.new(), failure=UNMAPPABLE)
    body = {"filter": {"connection": dead.connection}, "dry_run": True}
    groups = caller.post(PATH, json=body).json()["groups"]
    assert [(one["path"], one["count"]) for one in groups] == [('$.rows[*]["E-mail"]', 3), ("$.email", 1)]
    assert ended(caller, start(caller, dead, filter={"path": groups[0]["path"]}))["redriven"] == 3
    one = caller.get("/ops/dead-letters", params={"connection": dead.connection, "path": '$.rows[3]["E-mail"]'})
    assert one.json()["data"] == []


def test_it_takes_what_matches_and_nothing_else(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(*(dead.new() for _ in range(3)))
    dead.bury(dead.new(), failure=UNMAPPABLE)
    redrive = start(caller, dead, filter={"category": "transient"})
    progress = ended(caller, redrive)
    assert (progress["state"], progress["total"], progress["redriven"], progress["skipped"]) == ("done", 3, 3, 0)
    assert progress["ended_at"] is not None
    assert dead.states() == ["redriven"] * 3 + ["open"]
    assert len(dead.jobs()) == 3
    assert audited(dead.facade, redrive) == ["redrive.started", "redrive.finished"]
    rows = dead.facade.sql(
        "SELECT DISTINCT actor FROM audit_event WHERE type = 'job.redriven' AND facts LIKE $1", f"%{redrive['id']}%"
    )
    assert [row["actor"] for row in rows] == [redrive["actor"]]


def test_one_with_nothing_to_do_is_done_at_once(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(dead.new())
    ended(caller, start(caller, dead))
    redrive = start(caller, dead)
    assert (redrive["state"], redrive["total"], redrive["left"]) == ("done", 0, 0)
    assert audited(dead.facade, redrive) == ["redrive.started", "redrive.finished"]


def test_the_jobs_of_a_record_are_in_their_old_order(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(*(dead.new(f"k{number}", order_key="customer:1") for number in range(6)))
    ended(caller, start(caller, dead))
    jobs = dead.jobs()
    assert [job["dedupe_key"] for job in jobs] == [f"k{number}" for number in range(6)]
    assert [job["state"] for job in jobs[1:]] == ["behind"] * 5
    assert jobs[0]["state"] != "behind"


def test_its_rate_is_kept(caller: Caller, dead: DeadJobs, second_worker: Any) -> None:
    """Two workers share it. Counted by the database's clock from its beginning to its end."""
    dead.bury(*(dead.new() for _ in range(120)))
    progress = ended(caller, start(caller, dead, rate_per_second=20))
    assert progress["redriven"] == 120
    (row,) = dead.facade.sql(
        "SELECT extract(epoch FROM ended_at - created_at)::float8 AS took FROM redrive WHERE id = $1", progress["id"]
    )
    assert row["took"] >= 0.95 * 120 / 20  # a machine that is busy otherwise may be slower


def test_a_redrive_reports_when_it_will_end(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(*(dead.new() for _ in range(40)))
    redrive = start(caller, dead, rate_per_second=10)
    assert redrive["eta_seconds"] == 4.0
    progress = watch(caller, redrive, lambda view: view["redriven"] > 0)
    assert progress["eta_seconds"] == pytest.approx(progress["left"] / 10, abs=0.1)
    caller.post(f"{PATH}/{redrive['id']}/cancel")


def test_it_is_cancelled_within_a_batch_and_once(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(*(dead.new() for _ in range(30)))
    redrive = start(caller, dead, rate_per_second=3)
    watch(caller, redrive, lambda progress: progress["redriven"] > 0)
    cancelled = caller.post(f"{PATH}/{redrive['id']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    time.sleep(0.6)
    assert read(caller, redrive) == cancelled
    assert dead.states().count("redriven") == cancelled["redriven"] < 30
    assert audited(dead.facade, redrive) == ["redrive.started", "redrive.cancelled"]
    assert code_of(caller.post(f"{PATH}/{redrive['id']}/cancel"), 409) == "state-conflict"
    assert dead.facade.sql("SELECT 1 FROM redrive_letter WHERE redrive = $1", redrive["id"]) == []


def test_what_is_decided_meanwhile_is_skipped_and_counted(caller: Caller, dead: DeadJobs) -> None:
    ids = dead.bury(*(dead.new(f"k{number}") for number in range(10)))
    dead.facade.worker.stop()
    try:
        redrive = start(caller, dead)
        caller.post(f"/ops/dead-letters/{ids[3]}/discard", json={"because": "not wanted"})
        caller.post(f"/ops/dead-letters/{ids[5]}/redrive")
        dead.enqueue(dead.new("k7"))  # the same work as the eighth
    finally:
        dead.facade.worker.start()
    progress = ended(caller, redrive)
    assert (progress["redriven"], progress["skipped"]) == (7, 3)
    assert dead.states().count("open") == 1
    assert len(dead.jobs()) == 9


def test_one_that_dies_again_is_not_taken_a_second_time(caller: Caller, dead: DeadJobs) -> None:
    """Without a receipt these die at their first attempt, while the redrive still goes on."""
    dead.bury(*(dead.new(kind="ingest", payload=b'{"receipt": "in_0"}') for _ in range(12)))
    redrive = start(caller, dead, rate_per_second=10)
    progress = ended(caller, redrive)
    assert (progress["total"], progress["redriven"]) == (12, 12)
    until(lambda: dead.states().count("open") >= 12)
    assert dead.states().count("redriven") == 12


@pytest.mark.parametrize("rate", [40.0, None])
def test_killed_workers_lose_nothing_and_do_nothing_twice(
    caller: Caller, dead: DeadJobs, second_worker: Any, rate: float | None
) -> None:
    dead.bury(*(dead.new(f"k{number}", order_key=f"customer:{number % 7}") for number in range(160)))
    redrive = start(caller, dead, rate_per_second=rate)
    workers = [dead.facade.worker, second_worker]
    for turn in range(4):
        workers[turn % 2].kill()
        before = read(caller, redrive)
        workers[turn % 2].start()
        if before["state"] != "running":
            break
    progress = ended(caller, redrive)
    assert (progress["state"], progress["redriven"], progress["skipped"]) == ("done", 160, 0)
    assert dead.states() == ["redriven"] * 160
    jobs = dead.jobs()
    assert [job["dedupe_key"] for job in jobs] == [f"k{number}" for number in range(160)]
    rows = dead.facade.sql(
        "SELECT count(*) AS count FROM audit_event WHERE type = 'job.redriven' AND facts LIKE $1", f"%{redrive['id']}%"
    )
    assert rows[0]["count"] == 160


def test_they_are_listed_and_counted(caller: Caller, dead: DeadJobs) -> None:
    dead.bury(*(dead.new() for _ in range(20)))
    older, newer = start(caller, dead, rate_per_second=1), start(caller, dead, rate_per_second=1)
    listed = caller.get(PATH, params={"limit": 1}).json()
    assert [each["id"] for each in listed["data"]] == [newer["id"]]
    following = caller.get(PATH, params={"limit": 1, "cursor": listed["next_cursor"]}).json()
    assert [each["id"] for each in following["data"]] == [older["id"]]
    assert "lockstitch_redrives_running 2.0" in caller.get("/metrics").text
    for each in (older, newer):
        assert caller.post(f"{PATH}/{each['id']}/cancel").status_code == 200


def test_the_command_line_starts_one_and_follows_it_to_its_end(dead: DeadJobs) -> None:
    dead.bury(*(dead.new() for _ in range(12)))
    environment = {
        "LOCKSTITCH_DATABASE_URL": dead.facade.database_url,
        "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
    }
    arguments = ("redrive", "start", "--connection", dead.connection, "--rate", "10", "--follow")
    output = exits(lockstitch(*arguments, environment=environment))
    assert "12/12" in output.stdout
    assert "redriving" in output.stderr
    assert dead.states() == ["redriven"] * 12

    dead.bury(dead.new())
    started = lockstitch(*arguments, "--json", environment=environment)
    ended = json.loads(started.stdout)
    assert (ended["state"], ended["redriven"]) == ("done", 1)
    assert ended["actor"].startswith("cli:")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/filter"),
        ({"filter": []}, "/filter"),
        ({"filter": {"state": "open"}}, "/filter/state"),
        ({"filter": {"category": "bad"}}, "/filter/category"),
        ({"filter": {"since": "2026-05-01T00:00:00"}}, "/filter/since"),
        ({"filter": {"until": "9999-12-31T23:59:59-23:59"}}, "/filter/until"),
        ({"filter": {"connection": ""}}, "/filter/connection"),
        ({"filter": {}, "rate_per_second": 0}, "/rate_per_second"),
        ({"filter": {}, "rate_per_second": "5"}, "/rate_per_second"),
        ({"filter": {}, "rate_per_second": 10_001}, "/rate_per_second"),
        ({"filter": {}, "dry_run": 1}, "/dry_run"),
        ({"filter": {}, "dryrun": True}, "/dryrun"),
    ],
)
def test_what_is_no_redrive(caller: Caller, body: Any, pointer: str) -> None:
    answer = expect(caller.post(PATH, json=body), 422, "invalid-field")
    assert pointers(answer) == [pointer]


def test_one_that_is_not_there_and_one_who_may_not(caller: Caller, facade: Facade) -> None:
    assert code_of(caller.get(f"{PATH}/rdv_0"), 404) == "not-found"
    assert code_of(caller.post(f"{PATH}/rdv_0/cancel"), 404) == "not-found"
    assert code_of(caller.get(f"{PATH}?cursor=dl_1"), 422) == "invalid-field"
    with facade.calling("ops:read") as reader:
        assert reader.get(PATH).status_code == 200
        assert code_of(reader.post(PATH, json={"filter": {}}), 403) == "forbidden"
        assert code_of(reader.post(f"{PATH}/rdv_0/cancel"), 403) == "forbidden"
