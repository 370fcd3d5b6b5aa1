"""The end of a write: operation.finished, the callback, the audit trail."""

import json

from tests.contract.async_writes.finished_operations import (
    CONTACTS,
    LATER,
    announcements,
    audit_of,
    called_at,
    finished,
)
from tests.contract.callers import Caller, code_of, expect
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer, ticket, word
from tests.emulators.receiver import Receiver


def test_the_end_is_an_event_and_a_callback(caller: Caller, receiver: Receiver, port: int) -> None:
    mark = word()
    headers = LATER | {"lockstitch-callback": f"http://127.0.0.1:{port}/wait/{mark}", "x-correlation-id": f"run-{mark}"}
    answer = expect(caller.write("POST", "/v1/customers", customer("hubspot", mark), headers=headers), 202)
    assert mark not in answer.json().get("callback", "")
    called = called_at(receiver, f"/wait/{mark}")
    operation = caller.get(answer.headers["location"]).json()
    (event,) = finished(caller, answer.json()["id"])
    assert called.json == event
    assert event["type"] == "operation.finished"
    assert event["data"] == operation
    assert event["data"]["state"] == "succeeded"
    assert event["connection"] == "hubspot"
    assert event["correlation_id"] == called.headers["x-correlation-id"] == f"run-{mark}"
    assert called.headers["webhook-id"] == event["id"]


def test_an_end_takes_the_read_scope_of_its_object(caller: Caller, facade: Facade) -> None:
    for object_name, plural, body in (
        ("customer", "customers", customer("hubspot")),
        ("ticket", "tickets", ticket("zendesk")),
    ):
        done = caller.settled(caller.write("POST", f"/v1/{plural}", body, headers=LATER))
        (event,) = finished(caller, done["id"])
        (row,) = facade.sql("SELECT scopes FROM event WHERE id = $1", event["id"])
        assert (done["object"], row["scopes"]) == (object_name, [f"{plural}:read"])
    comment = caller.write(
        "POST", f"/v1/tickets/{done['result']['id']}/comments", {"body_text": "On its way."}, headers=LATER
    )
    (event,) = finished(caller, caller.settled(comment)["id"])
    assert facade.sql("SELECT scopes FROM event WHERE id = $1", event["id"]) == [{"scopes": ["tickets:read"]}]


def test_a_callback_of_a_write_that_is_answered_at_once(caller: Caller, receiver: Receiver, port: int) -> None:
    made = caller.create(
        "/v1/customers", customer("hubspot"), headers={"lockstitch-callback": f"http://127.0.0.1:{port}/at-once"}
    )
    assert called_at(receiver, "/at-once").json["data"]["result"] == made


def test_a_refusal_is_called_back_too(caller: Caller, receiver: Receiver, port: int) -> None:
    body = customer("hubspot")
    caller.create("/v1/customers", body)
    headers = LATER | {"lockstitch-callback": f"http://127.0.0.1:{port}/refused"}
    answer = caller.write("POST", "/v1/customers", body, headers=headers)
    called = called_at(receiver, "/refused")
    assert called.json["data"]["state"] == "failed"
    assert called.json["data"]["problem"]["code"] == "duplicate-record"
    assert len(finished(caller, answer.json()["id"])) == 1


def test_a_write_answered_at_once_is_not_announced(caller: Caller, facade: Facade) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    later = caller.settled(caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER))
    finished(caller, later["id"])
    assert [event for event in announcements(caller) if event["data"]["id"] == made["meta"]["operation_id"]] == []


def test_a_late_write_is_announced(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    vendors.hold("hubspot", method="POST", path=CONTACTS)
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "wait=0"})
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    (event,) = finished(caller, answer.json()["id"])
    assert event["data"]["state"] == "succeeded"


def test_a_late_write_that_cannot_be_done_is_still_there_to_ask_for(caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    vendors.hold("hubspot", method="GET", path=f"{CONTACTS}/*")
    headers = {"prefer": "wait=0", "if-match": '"another"'}
    answer = caller.write("PATCH", path, {"job_title": "Potter"}, headers=headers)
    vendors.mend()
    done = caller.settled(answer)
    assert (done["state"], done["problem"]["code"]) == ("failed", "version-conflict")
    (event,) = finished(caller, done["id"])
    assert event["data"] == done


def test_an_unknown_outcome_and_its_resolution_are_announced(
    caller: Caller, facade: Facade, vendors: Emulators, receiver: Receiver, port: int
) -> None:
    """A ticket under the caller's own external id carries no mark of ours, and Zendesk keeps a key for two hours."""
    mark = word()
    body = ticket("zendesk", mark, external_id=f"form-{mark}")
    caller.create("/v1/tickets", ticket("zendesk"))
    facade.worker.stop()
    try:
        vendors.break_("zendesk", "timeout_after_commit", method="POST", path="/api/v2/tickets", times=3, delay_ms=0)
        headers = {"lockstitch-callback": f"http://127.0.0.1:{port}/unknown"}
        identity = expect(caller.write("POST", "/v1/tickets", body, headers=headers), 202).json()["id"]
        facade.sql(
            "UPDATE operation SET created_at = now() - interval '3 hours', sent_at = now() - interval '3 hours'"
            " WHERE id = $1",
            identity,
        )
        vendors.mend()
    finally:
        facade.worker.start()
    assert called_at(receiver, "/unknown").json["data"]["state"] == "unknown"
    (event,) = finished(caller, identity)
    assert event["data"]["problem"]["code"] == "outcome-unknown"

    (ticket_record,) = vendors.records("zendesk", "tickets", holding=mark)
    resolved = caller.post(
        f"/v1/operations/{identity}/resolve", json={"outcome": "succeeded", "remote_id": str(ticket_record["id"])}
    )
    assert resolved.status_code == 200, resolved.text
    _, event = finished(caller, identity, 2)
    assert event["data"] == resolved.json()
    # The callback came at the first decision; subscribers get the second one too.
    assert called_at(receiver, "/unknown").json["data"]["state"] == "unknown"
    audited = facade.sql(
        "SELECT id FROM delivery WHERE event = $1 OR event = $2", *(one["id"] for one in finished(caller, identity))
    )
    assert len(audited) == 1
    assert audit_of(facade, identity)[-2:] == ["operation.unknown", "operation.resolved"]


def test_every_step_is_audited(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    direct = caller.create("/v1/customers", customer("hubspot"))["meta"]["operation_id"]
    assert audit_of(facade, direct) == ["operation.sent", "operation.succeeded"]
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    lost = caller.settled(caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER))["id"]
    assert audit_of(facade, lost) == [
        *("operation.received", "operation.sent", "operation.postponed"),
        "operation.succeeded",
    ]
    body = customer("hubspot")
    caller.create("/v1/customers", body)
    assert code_of(caller.write("POST", "/v1/customers", body), 409) == "duplicate-record"
    (row,) = facade.sql("SELECT id FROM operation WHERE outcome = 'failed' ORDER BY created_at DESC LIMIT 1")
    assert audit_of(facade, row["id"])[-1] == "operation.failed"

    rows = facade.sql("SELECT * FROM audit_event WHERE subject = ANY($1) ORDER BY id", [direct, lost])
    principal = facade.sql("SELECT principal FROM operation WHERE id = $1", direct)[0]["principal"]
    assert {row["actor"] for row in rows if row["subject"] == direct} == {principal}
    assert [row["actor"] for row in rows if row["subject"] == lost] == [principal, *["lockstitch"] * 3]
    assert all("example.com" not in row["facts"] for row in rows)


def test_one_entry_audits_what_is_received_and_sent_in_one_commit(caller: Caller, facade: Facade) -> None:
    created = caller.create("/v1/customers", customer("hubspot"))
    looked_up = caller.write("PATCH", f"/v1/customers/{created['id']}", {"last_name": "Lovelace"}).json()
    sent, received = (
        json.loads(facade.sql("SELECT facts FROM audit_event WHERE subject = $1 ORDER BY id", one)[0]["facts"])
        for one in (created["meta"]["operation_id"], looked_up["meta"]["operation_id"])
    )
    (event,) = facade.sql("SELECT id FROM event WHERE origin = $1", created["meta"]["operation_id"])
    assert (sent["queued"], sent["callback"], sent["effect"], sent["attempts"]) == (False, False, "create", 1)
    assert audit_of(facade, looked_up["meta"]["operation_id"])[:2] == ["operation.received", "operation.sent"]
    assert sent.keys() - received.keys() == {"effect", "attempts"}
    page = caller.get("/ops/audit", params={"record": event["id"]}).json()
    assert [entry["type"] for entry in page["data"]] == ["event.appended"]


def test_the_history_of_a_watched_field(caller: Caller, facade: Facade) -> None:
    made = caller.create("/v1/customers", customer("hubspot", lifecycle_stage="lead"))
    path = f"/v1/customers/{made['id']}"
    headers = {"x-correlation-id": f"run-{made['id']}"}
    for stage in ("customer", "customer"):
        expect(caller.write("PATCH", path, {"lifecycle_stage": stage, "job_title": "Potter"}, headers=headers))
    audited = caller.get(f"/ops/audit?type=field.changed&record={made['id']}").json()["data"]
    assert len(audited) == 1
    facts = audited[0]["facts"]
    assert (facts["field"], facts["before"], facts["after"]) == ("lifecycle_stage", "lead", "customer")
    assert facts["writer"] == audited[0]["actor"]
    assert facts["writer"].startswith("key_")
    assert facts["workflow"] == headers["x-correlation-id"]
