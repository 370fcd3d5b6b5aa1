"""Queued writes that are refused for good become dead letters, block no other job, and can be redriven."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from tests.commands import exits, lockstitch
from tests.contract.async_writes.finished_operations import CONTACTS, LATER, audit_of, called_at, finished
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer, order, word
from tests.contract.waiting import until
from tests.emulators.receiver import Receiver


@contextmanager
def locked(database_url: str, table: str) -> Iterator[None]:
    """Lock a table: other writers wait."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database_url))
        runner.run(connection.execute(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE"))
        yield
        runner.run(connection.close())


def letters_of(caller: Caller, operation_id: str, state: str = "open") -> list[dict[str, Any]]:
    """The dead letters of an operation so far."""
    open_letters = caller.get(f"/ops/dead-letters?kind=execute&state={state}&limit=250").json()["data"]
    return [letter for letter in open_letters if letter["origin"] == operation_id]


def letter_of(caller: Caller, operation_id: str) -> dict[str, Any]:
    """The open dead letter of an operation."""
    (letter,) = until(lambda: letters_of(caller, operation_id))
    return letter


def refused_for(caller: Caller, mark: str, key: str, **headers: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer whose address another one has: that one, and the operation that was refused."""
    customer_record = caller.create("/v1/customers", customer("hubspot", mark))
    answer = caller.write("POST", "/v1/customers", customer("hubspot", mark), key=key, headers=LATER | headers)
    done = caller.settled(answer)
    assert (done["state"], done["problem"]["code"]) == ("failed", "duplicate-record")
    return customer_record, done


def test_a_refusal_is_a_dead_letter_and_a_redrive_brings_the_new_answer(
    caller: Caller, facade: Facade, vendors: Emulators, receiver: Receiver, port: int
) -> None:
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    callback = f"http://127.0.0.1:{port}/refused-and-redriven"
    made, done = refused_for(caller, mark, key, **{"lockstitch-callback": callback})
    assert done["redriven"] is False
    letter = letter_of(caller, done["id"])
    assert letter["failure"]["category"] == "conflict"
    assert letter["failure"]["reason"] == "duplicate-record"
    understood = made["meta"]["mapping"]
    assert (letter["failure"]["mapping"], letter["failure"]["revision"]) == (understood["name"], understood["revision"])
    assert (letter["holds_up"], letter["connection"]) == (False, "hubspot")
    announced = until(
        lambda: [
            event
            for event in caller.get("/v1/events?type=dead_letter.created&limit=250").json()["data"]
            if event["data"]["id"] == letter["id"]
        ]
    )
    assert announced[0]["data"]["kind"] == "execute"
    replay = expect(caller.write("POST", "/v1/customers", body, key=key), 409, "duplicate-record")
    assert replay.headers["idempotent-replayed"] == "true"

    assert caller.write("DELETE", f"/v1/customers/{made['id']}").status_code == 200
    facade.worker.stop()
    try:
        assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
        for _ in range(2):
            waiting = expect(caller.write("POST", "/v1/customers", body, key=key, headers={"prefer": "wait=0"}), 202)
            operation = waiting.json()
            assert (operation["id"], operation["state"], operation["redriven"]) == (done["id"], "queued", True)
            assert "problem" not in operation
    finally:
        facade.worker.start()
    again = caller.settled(waiting)
    assert (again["state"], again["redriven"]) == ("succeeded", True)
    answer = caller.write("POST", "/v1/customers", body, key=key)
    assert (answer.status_code, answer.json()) == (201, again["result"])
    assert answer.headers["idempotent-replayed"] == "true"
    present = [record for record in vendors.records("hubspot", "contacts", holding=mark) if not record["archived"]]
    assert [record["id"] for record in present] == [again["result"]["meta"]["remote_id"]]

    first, second = finished(caller, done["id"], 2)
    assert (first["data"], second["data"]) == (done, again)
    # The callback came with the first outcome.
    assert called_at(receiver, "/refused-and-redriven").json["data"] == done
    assert letters_of(caller, done["id"]) == []
    audited = audit_of(facade, done["id"])
    assert audited == [f"operation.{what}" for what in ("received", "sent", "failed", "redriven", "sent", "succeeded")]


def test_it_holds_up_no_later_write_of_its_record(caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    vendors.break_("hubspot", "status", method="PATCH", path=f"{CONTACTS}/*", status=400)
    answers = [
        caller.write("PATCH", path, {"job_title": title}, headers=LATER) for title in ("Refused", "Second", "Third")
    ]
    states = [caller.settled(answer)["state"] for answer in answers]
    assert states == ["failed", "succeeded", "succeeded"]
    letter = letter_of(caller, answers[0].json()["id"])
    assert letter["record"] is not None
    assert (letter["holds_up"], letter["failure"]["category"]) == (False, "permanent")
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    assert caller.settled(answers[0])["state"] == "succeeded"
    assert caller.get(path).json()["job_title"] == "Refused"


def test_what_is_refused_again_is_another_dead_letter(caller: Caller) -> None:
    mark, key = word(), new_key()
    _, done = refused_for(caller, mark, key)
    letter = letter_of(caller, done["id"])
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    _, second = finished(caller, done["id"], 2)
    assert (second["data"]["state"], second["data"]["redriven"]) == ("failed", True)
    other = letter_of(caller, done["id"])
    assert other["id"] != letter["id"]
    assert len(letters_of(caller, done["id"], "all")) == 2


def test_an_answer_that_its_caller_waited_for_is_final(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    """Direct, queued by its object, and queued by preference with a wait: the refusal is the answer."""
    body, key = customer("hubspot"), new_key()
    caller.create("/v1/customers", body)
    direct = expect(caller.write("POST", "/v1/customers", body, key=key), 409, "duplicate-record")
    preferred = caller.write("POST", "/v1/customers", body, headers={"prefer": "respond-async, wait=20"})
    assert code_of(preferred, 409) == "duplicate-record"
    caller.create("/v1/orders", order())
    vendors.break_("shopify", "status", method="POST", status=422)
    ordered = expect(caller.write("POST", "/v1/orders", order(), headers={"prefer": "wait=20"}), 422, "vendor-rejected")
    # A refusal that is a dead letter comes after them in the same lanes.
    later = caller.settled(caller.write("POST", "/v1/customers", body, headers=LATER))
    letter_of(caller, later["id"])
    for answer in (direct, preferred, ordered):
        rows = facade.sql(
            "SELECT id FROM operation WHERE correlation_id = $1 AND outcome = 'failed'",
            answer.headers["x-correlation-id"],
        )
        assert len(rows) == 1
        assert letters_of(caller, rows[0]["id"], "all") == []
    assert caller.write("POST", "/v1/customers", body, key=key).content == direct.content


def test_a_caller_who_stops_waiting_makes_it_a_promise(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    """A direct write and a queued one, both answered 202 before the vendor refuses: no job, and a job."""
    body = customer("hubspot")
    caller.create("/v1/customers", body)
    vendors.hold("hubspot", method="POST", path=CONTACTS)
    direct = caller.write("POST", "/v1/customers", body, headers={"prefer": "wait=0"})
    vendors.mend()
    assert caller.settled(direct)["problem"]["code"] == "duplicate-record"
    vendors.hold("hubspot", method="POST", path=CONTACTS)
    queued = caller.write("POST", "/v1/customers", body, headers={"prefer": "respond-async, wait=1"})
    vendors.mend()
    assert caller.settled(queued)["problem"]["code"] == "duplicate-record"
    for answer in (direct, queued):
        letter = letter_of(caller, answer.json()["id"])
        assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
        assert len(finished(caller, answer.json()["id"], 2)) == 2


def test_what_cannot_even_be_sent_is_one_too_and_keeps_its_key(caller: Caller, vendors: Emulators) -> None:
    """A record that is not there when its turn comes: the key stands for the redrive that may still come."""
    key, mark = new_key(), word()

    def send() -> Any:
        return caller.write("PATCH", "/v1/customers/hubspot:990001", {"job_title": "Potter"}, key=key, headers=LATER)

    done = caller.settled(send())
    assert (done["state"], done["problem"]["code"]) == ("failed", "not-found")
    letter = letter_of(caller, done["id"])
    assert code_of(send(), 404) == "not-found"
    person = {"id": "990001", "properties": {"email": f"{mark}@example.com", "lastname": mark}}
    vendors.place("hubspot", "contacts", person)
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    assert caller.await_operation(f"/v1/operations/{done['id']}")["state"] == "succeeded"
    assert send().json()["job_title"] == "Potter"


def test_discarding_it_leaves_the_refusal_as_the_answer(caller: Caller, facade: Facade) -> None:
    mark, key = word(), new_key()
    made, done = refused_for(caller, mark, key)
    letter = letter_of(caller, done["id"])
    expect(caller.post(f"/ops/dead-letters/{letter['id']}/discard", json={"because": "she has an account"}))
    until(lambda: not facade.sql("SELECT id FROM job WHERE origin = $1", done["id"]))
    assert caller.write("DELETE", f"/v1/customers/{made['id']}").status_code == 200
    expect(caller.write("POST", "/v1/customers", customer("hubspot", mark), key=key), 409, "duplicate-record")
    assert len(finished(caller, done["id"])) == 1


def test_a_bulk_redrive_reopens_them(caller: Caller) -> None:
    operations = []
    for _ in range(3):
        made, done = refused_for(caller, word(), new_key(), **{"x-correlation-id": "run-bulk-refused"})
        letter_of(caller, done["id"])
        assert caller.write("DELETE", f"/v1/customers/{made['id']}").status_code == 200
        operations.append(done["id"])
    wanted = {"filter": {"kind": "execute", "category": "conflict", "correlation_id": "run-bulk-refused"}}
    assert caller.post("/ops/redrives", json=wanted).json()["total"] == 3
    for operation in operations:
        _, second = finished(caller, operation, 2)
        assert (second["data"]["state"], second["data"]["redriven"]) == ("succeeded", True)


def test_the_command_line_shows_what_was_sent_and_redrives_it(caller: Caller, facade: Facade) -> None:
    mark, key = word(), new_key()
    made, done = refused_for(caller, mark, key)
    letter = letter_of(caller, done["id"])
    detail = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    assert detail["payload"] == {
        "operation": done["id"],
        "object": "customer",
        "action": "create",
        "connection": "hubspot",
        "remote_id": None,
        "request": "/v1/customers",
        "body": customer("hubspot", mark),
        "problem": done["problem"],
    }
    assert detail["editable"] is False
    assert [step["action"] for step in detail["next_steps"]] == ["redrive", "discard"]
    environment = facade.api.environment
    command = lockstitch("dead-letters", "show", letter["id"], "--json", environment=environment)
    assert json.loads(command.stdout)["payload"] == detail["payload"]
    assert mark in lockstitch("dead-letters", "show", letter["id"], environment=environment).stdout
    assert caller.write("DELETE", f"/v1/customers/{made['id']}").status_code == 200
    exits(lockstitch("dead-letters", "redrive", letter["id"], environment=environment))
    _, second = finished(caller, done["id"], 2)
    assert second["data"]["state"] == "succeeded"
    (noted,) = facade.sql(
        "SELECT actor FROM audit_event WHERE subject = $1 AND type = 'operation.redriven'", done["id"]
    )
    assert noted["actor"].startswith("cli:")


def test_a_worker_killed_before_the_dead_letter_leaves_it_to_the_next(caller: Caller, facade: Facade) -> None:
    """Killed with -9 between the operation's end, which is committed, and its dead letter, which is not."""
    mark, key = word(), new_key()
    caller.create("/v1/customers", customer("hubspot", mark))
    with locked(facade.database_url, "dead_letter"):
        answer = caller.write("POST", "/v1/customers", customer("hubspot", mark), key=key, headers=LATER)
        done = caller.settled(answer)
        assert done["problem"]["code"] == "duplicate-record"
        facade.worker.kill()
    assert letters_of(caller, done["id"]) == []
    # Its lease would be waited for.
    facade.sql("UPDATE job SET lease_until = now() WHERE origin = $1", done["id"])
    facade.worker.start()
    letter_of(caller, done["id"])
    assert len(finished(caller, done["id"])) == 1
    assert letters_of(caller, done["id"], "all") == letters_of(caller, done["id"])
    assert facade.sql("SELECT id FROM job WHERE origin = $1", done["id"]) == []
