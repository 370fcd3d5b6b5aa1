"""Operations with an unknown outcome: every replay reports it, a check looks again, and a person decides.

Zendesk keeps an Idempotency-Key for two hours, and a ticket with the caller's external id carries no marker. If the
reply to its create is lost and the two hours are over, only a person can find out.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httpx
import msgspec
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer, ticket, word

TICKETS: Final = "/api/v2/tickets"
OPERATION: Final = {
    *("id", "state", "object", "action", "connection", "attempts", "correlation_id", "created_at", "updated_at"),
    "redriven",
}


class Unknown(NamedTuple):
    """A create whose outcome is unknown: its operation, and how to send it again."""

    mark: str
    id: str
    again: Callable[[Caller], httpx.Response]

    @property
    def path(self) -> str:
        """Where the operation is."""
        return f"/v1/operations/{self.id}"


@pytest.fixture(scope="module")
def unknowns(running_facade: Facade, full_key: str) -> list[Unknown]:
    """Creates of tickets: the first six were carried out, the last three never arrived."""
    running_facade.worker.stop()
    try:
        with running_facade.calling(secret=full_key) as caller:
            lost = [lose(running_facade, caller, "timeout_after_commit") for _ in range(5)]
            lost += [lose(running_facade, caller, loss) for loss in ("timeout_after_commit", "reset")]
            lost += [lose(running_facade, caller, "reset") for _ in range(2)]
        shift_age(running_facade, lost, "3 hours")
    finally:
        running_facade.vendors.mend()
        running_facade.worker.start()
    with running_facade.calling(secret=full_key) as caller:
        for one in lost:
            assert caller.await_operation(one.path)["state"] == "unknown"
    return lost


def lose(facade: Facade, caller: Caller, loss: str) -> Unknown:
    mark, key = word(), new_key()
    body = ticket("zendesk", mark, external_id=f"form-{mark}")
    caller.create("/v1/tickets", ticket("zendesk"))  # so that the losses do not look like a vendor that is down
    facade.vendors.break_("zendesk", loss, method="POST", path=TICKETS, times=3, delay_ms=0)
    answer = expect(caller.write("POST", "/v1/tickets", body, key=key), 202).json()
    return Unknown(mark, answer["id"], lambda other: other.write("POST", "/v1/tickets", body, key=key))


def shift_age(facade: Facade, lost: list[Unknown], age: str) -> None:
    """Make these operations this old."""
    ids = [one.id for one in lost]
    facade.sql(
        """
        UPDATE operation
           SET created_at = now() - $2::text::interval, sent_at = now() - $2::text::interval
         WHERE id = ANY($1)
        """,
        ids,
        age,
    )


def remote_id(vendors: Emulators, one: Unknown) -> str:
    (record,) = vendors.records("zendesk", "tickets", holding=one.mark)
    return str(record["id"])


def resolve(caller: Caller, one: Unknown, body: Any) -> httpx.Response:
    return caller.post(f"{one.path}/resolve", json=body)


def test_every_replay_reports_the_unknown_outcome(caller: Caller, unknowns: list[Unknown]) -> None:
    for _ in range(2):
        answer = expect(unknowns[0].again(caller), 409, "outcome-unknown")
        assert answer.json()["operation_id"] == unknowns[0].id
        assert answer.json()["retryable"] is False
        assert unknowns[0].id in answer.json()["next_step"]
        assert "retry-after" not in answer.headers


def test_the_operation_shows_its_problem(caller: Caller, unknowns: list[Unknown]) -> None:
    operation = caller.get(unknowns[0].path).json()
    assert operation.keys() == OPERATION | {"problem"}
    assert operation["problem"]["code"] == "outcome-unknown"
    assert operation["problem"]["instance"] == "/v1/tickets"
    assert (operation["object"], operation["action"], operation["connection"]) == ("ticket", "create", "zendesk")


def test_unknown_operations_are_listed_and_counted(caller: Caller, unknowns: list[Unknown]) -> None:
    listed = caller.get("/v1/operations?state=unknown&limit=250").json()["data"]
    assert unknowns[0].id in [operation["id"] for operation in listed]
    assert {operation["state"] for operation in listed} == {"unknown"}
    metrics = caller.get("/metrics").text
    assert f'lockstitch_operations_open{{phase="unknown"}} {len(listed)}.0' in metrics


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/outcome"),
        ({"outcome": "maybe"}, "/outcome"),
        ({"outcome": None}, "/outcome"),
        ({"outcome": "succeeded"}, "/remote_id"),
        ({"outcome": "failed", "remote_id": "1"}, "/remote_id"),
        ({"outcome": "succeeded", "remote_id": 1}, "/remote_id"),
        ({"outcome": "succeeded", "remote_id": ""}, "/remote_id"),
        ({"outcome": "succeeded", "remote_id": "../users/1"}, "/remote_id"),
        ({"outcome": "succeeded", "remote_id": "1\0"}, "/remote_id"),
        ({"outcome": "failed", "why": "x"}, "/why"),
        ([], ""),
    ],
)
def test_what_is_no_resolution(caller: Caller, unknowns: list[Unknown], body: Any, pointer: str) -> None:
    answer = expect(resolve(caller, unknowns[0], body), 422, "invalid-field")
    assert pointers(answer) == [pointer]


def test_a_resolution_is_a_body_like_any_other(caller: Caller, unknowns: list[Unknown]) -> None:
    path, headers = f"{unknowns[0].path}/resolve", {"content-type": "application/json"}
    assert code_of(caller.post(path, content=b"{", headers=headers), 400) == "malformed-body"
    assert code_of(caller.post(path, content=b"x" * 1024 * 1025, headers=headers), 413) == "body-too-large"
    assert (
        code_of(caller.post(path, content=b"{}", headers={"content-type": "text/plain"}), 415)
        == "unsupported-media-type"
    )
    assert code_of(caller.post(f"{path}?sure=1", json={"outcome": "failed"}), 422) == "invalid-field"
    assert code_of(caller.post(f"{path}?sure=1", content=b"{", headers=headers), 400) == "malformed-body"


def test_a_record_that_the_vendor_does_not_have_resolves_nothing(caller: Caller, unknowns: list[Unknown]) -> None:
    expect(resolve(caller, unknowns[0], {"outcome": "succeeded", "remote_id": "999999"}), 404, "not-found")
    assert caller.get(unknowns[0].path).json()["state"] == "unknown"


def test_checking_leaves_unknown_what_still_cannot_be_known(caller: Caller, unknowns: list[Unknown]) -> None:
    answer = expect(caller.post(f"{unknowns[0].path}/check")).json()
    assert answer["state"] == "unknown"
    assert answer["attempts"] > 1


def test_a_person_who_found_the_record_gives_the_caller_his_answer(
    caller: Caller, facade: Facade, vendors: Emulators, unknowns: list[Unknown]
) -> None:
    one = unknowns[1]
    made = remote_id(vendors, one)
    answer = expect(resolve(caller, one, {"outcome": "succeeded", "remote_id": made})).json()
    assert answer["state"] == "succeeded"
    assert answer["result"]["meta"]["remote_id"] == made
    replayed = expect(one.again(caller), 201)
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.json() == answer["result"]
    assert caller.get(replayed.headers["location"]).headers["etag"] == replayed.headers["etag"]
    assert len(vendors.records("zendesk", "tickets", holding=one.mark)) == 1
    (audited,) = facade.sql("SELECT * FROM audit_event WHERE type = 'operation.resolved' AND subject = $1", one.id)
    assert "key_" in audited["actor"]


def test_a_person_who_found_nothing_frees_the_key(caller: Caller, vendors: Emulators, unknowns: list[Unknown]) -> None:
    one = unknowns[-1]
    assert vendors.records("zendesk", "tickets", holding=one.mark) == []
    answer = expect(resolve(caller, one, {"outcome": "failed"})).json()
    assert answer["state"] == "failed"
    assert answer["problem"]["operation_id"] == one.id
    done = expect(one.again(caller), 201)
    assert "idempotent-replayed" not in done.headers
    assert len(vendors.records("zendesk", "tickets", holding=one.mark)) == 1


def test_what_is_decided_is_not_decided_again(caller: Caller, unknowns: list[Unknown]) -> None:
    one = unknowns[-2]
    assert resolve(caller, one, {"outcome": "failed"}).status_code == 200
    answer = expect(resolve(caller, one, {"outcome": "failed"}), 422, "invalid-field")
    assert pointers(answer) == ["/outcome"]
    detail = answer.json()["detail"]
    assert re.fullmatch(rf"{one.id} is decided already: \S+ recorded at [-0-9]+ [:0-9]+ UTC that it failed\.", detail)
    assert "key_" not in detail
    assert answer.json()["next_step"].startswith("Read its outcome: ")


@pytest.mark.parametrize("place", [2, 3])
def test_checking_finds_out_what_can_be_known(
    caller: Caller, facade: Facade, vendors: Emulators, unknowns: list[Unknown], place: int
) -> None:
    """While Zendesk still keeps the key, sending again under it tells."""
    one = unknowns[place]
    shift_age(facade, [one], "1 minute")
    answer = expect(caller.post(f"{one.path}/check"))
    assert answer.json()["state"] == "succeeded", answer.text
    assert len(vendors.records("zendesk", "tickets", holding=one.mark)) == 1
    assert one.again(caller).json() == answer.json()["result"]


def test_checking_while_the_vendor_is_down_is_no_failure_of_ours(
    caller: Caller, facade: Facade, vendors: Emulators, unknowns: list[Unknown]
) -> None:
    one = unknowns[4]
    shift_age(facade, [one], "1 minute")
    vendors.break_("zendesk", "html_body", path=f"{TICKETS}*", times=3)
    answer = expect(caller.post(f"{one.path}/check")).json()
    assert answer["state"] == "executing"
    assert caller.await_operation(one.path)["state"] == "succeeded"


def test_a_check_of_a_decided_write_asks_no_vendor_and_says_who_decided(
    caller: Caller, facade: Facade, unknowns: list[Unknown]
) -> None:
    one = unknowns[-1]
    resolve(caller, one, {"outcome": "failed"})
    answer = expect(caller.post(f"{one.path}/check"), 409, "state-conflict").json()
    decided = rf"The vendor was not asked\. {one.id} is decided already: \S+ recorded at .* UTC that it failed\."
    assert re.fullmatch(decided, answer["detail"])
    assert "key_" not in answer["detail"]
    shell = facade.lockstitch("operations", "check", one.id)
    assert (shell.returncode, answer["detail"] in shell.stderr) == (3, True)
    reopened = "SELECT id FROM audit_event WHERE subject = $1 AND type = 'operation.reopened'"
    assert facade.sql(reopened, one.id) == []


def test_a_settled_operation_shows_its_result(caller: Caller) -> None:
    made = caller.create("/v1/customers", customer("hubspot"), headers={"x-correlation-id": "run-1"})
    path = f"/v1/operations/{made['meta']['operation_id']}"
    operation = caller.get(path).json()
    assert operation.keys() == OPERATION | {"result"}
    assert operation["result"] == made
    assert operation["correlation_id"] == "run-1"
    answer = expect(caller.post(f"{path}/check"), 409, "state-conflict").json()
    assert "The vendor was not asked." in answer["detail"]
    assert "Lockstitch recorded at" in answer["detail"]
    assert "that it succeeded." in answer["detail"]


def test_an_operator_decides_on_the_command_line(
    facade: Facade, vendors: Emulators, caller: Caller, unknowns: list[Unknown]
) -> None:
    made, lost = unknowns[5:7]
    listed = facade.lockstitch("operations", "list", "--state", "unknown", "--json").stdout
    assert {made.id, lost.id} <= {one["id"] for one in msgspec.json.decode(listed)["data"]}
    printed = facade.lockstitch("operations", "show", made.id).stdout
    assert f"lockstitch operations check {made.id}" in printed
    assert facade.lockstitch("operations", "check", made.id).stdout == f"{made.id} is unknown.\n"

    resolution = ("--outcome", "succeeded", "--remote-id", remote_id(vendors, made))
    assert facade.lockstitch("operations", "resolve", made.id, *resolution).stdout == f"{made.id} is succeeded.\n"
    assert facade.lockstitch("operations", "resolve", lost.id, "--outcome", "failed").returncode == 0
    assert facade.lockstitch("operations", "resolve", lost.id, "--outcome", "failed").returncode == 3

    assert made.again(caller).status_code == 201
    (resolved,) = facade.sql(
        "SELECT actor FROM audit_event WHERE subject = $1 AND type = 'operation.resolved'", made.id
    )
    assert resolved["actor"].startswith("cli:")
