"""Lockstitch-Callback: what may stand there, and what it is part of."""

import httpx
import pytest

from tests.contract.async_writes.finished_operations import LATER, called_at
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.samples import customer, order
from tests.emulators.receiver import Receiver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com/" + "x" * 2000,
        "ftp://example.com/",
        "/relative",
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://0x7f.1/",
        "https://user:word@example.com/",
        "https://no-such-host.invalid/",
    ],
)
def test_what_is_no_callback(caller: Caller, facade: Facade, url: str) -> None:
    key = new_key()
    answer = caller.write(
        "POST", "/v1/customers", customer("hubspot"), key=key, headers=LATER | {"lockstitch-callback": url}
    )
    assert code_of(answer, 422) == "invalid-field"
    assert [error["header"] for error in answer.json()["errors"]] == ["Lockstitch-Callback"]
    assert answer.json()["next_step"]
    assert facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key) == []


def test_a_target_inside_is_refused_with_the_way_to_allow_it(caller: Caller) -> None:
    headers = {"lockstitch-callback": "http://127.0.0.1:1/"}
    answer = expect(caller.write("POST", "/v1/customers", customer("hubspot"), headers=headers), 422, "invalid-field")
    assert "egress.allow" in answer.json()["next_step"]


def test_two_callbacks_are_one_too_many(caller: Caller, port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    answer = caller.post(
        "/v1/customers",
        json=customer("hubspot"),
        headers=[("idempotency-key", new_key()), ("lockstitch-callback", url), ("lockstitch-callback", url)],
    )
    assert code_of(answer, 422) == "invalid-field"


def test_a_read_knows_no_callback(caller: Caller) -> None:
    assert caller.get("/v1/customers?limit=1", headers={"lockstitch-callback": "nonsense"}).status_code == 200


def test_a_callback_is_part_of_what_the_first_request_fixes(
    caller: Caller, facade: Facade, receiver: Receiver, port: int
) -> None:
    body, key, url = order(), new_key(), f"http://127.0.0.1:{port}"
    facade.worker.stop()
    try:

        def send(**headers: str) -> httpx.Response:
            return caller.write("POST", "/v1/orders", body, key=key, headers=LATER | headers)

        first = expect(send(**{"lockstitch-callback": f"{url}/first"}), 202)
        other = expect(send(**{"lockstitch-callback": f"{url}/other"}), 422, "idempotency-key-reused").json()
        assert other["operation_id"] == first.json()["id"]
        for same in (send(), send(**{"lockstitch-callback": f"{url}/first"})):
            assert same.headers["location"] == first.headers["location"]
        (row,) = facade.sql("SELECT callback FROM operation WHERE id = $1", first.json()["id"])
        assert b"127.0.0.1" not in row["callback"]
    finally:
        facade.worker.start()
    assert caller.settled(first)["state"] == "succeeded"
    # Decided: there is nothing left to be called back for, and the recorded answer is what is wanted.
    assert send(**{"lockstitch-callback": f"{url}/other"}).status_code == 201
    assert called_at(receiver, "/first").json["data"]["state"] == "succeeded"
    assert [one for one in receiver.got if one.path == "/other"] == []
