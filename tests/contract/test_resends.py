"""A request that may have succeeded is sent again: the failure of the second does not hide the first."""

from typing import Final

import pytest

from tests.contract.callers import Caller, expect, new_key
from tests.contract.facade import Facade
from tests.contract.samples import ticket, word
from tests.contract.waiting import until

TICKETS: Final = "/api/v2/tickets"


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_resend_that_is_turned_away_leaves_the_write_open(facade: Facade, caller: Caller, status: int) -> None:
    mark, key = word(), new_key()
    caller.create("/v1/tickets", ticket("zendesk"))  # the account's facts are known, and the vendor works
    facade.worker.stop()
    try:
        # Zendesk recognises a repeat by its key, so the client itself sends up to three times.
        facade.vendors.break_("zendesk", "timeout_after_commit", method="POST", path=TICKETS, times=3, delay_ms=0)
        begun = expect(caller.write("POST", "/v1/tickets", ticket("zendesk", mark), key=key), 202)
        facade.vendors.mend()
        facade.vendors.break_("zendesk", "status", method="POST", path=TICKETS, times=None, status=status)
        before = _refusals(facade, status)
        facade.worker.start()
        _await_refusal(facade, status, before)
        facade.worker.stop()  # what it wanted to say is committed by now

        replay = expect(caller.write("POST", "/v1/tickets", ticket("zendesk", mark), key=key), 202).json()
        assert replay["state"] == "executing"
    finally:
        facade.vendors.mend()
        facade.worker.stop()
        facade.worker.start()
        if status == 401:
            # A refused credential pauses the connection until a person says that it is good again.
            caller.post("/ops/connections/zendesk/resume")
    assert caller.await_operation(begun.headers["location"])["state"] == "succeeded"
    again = caller.write("POST", "/v1/tickets", ticket("zendesk", mark), key=key)
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (201, "true")
    assert len(facade.vendors.records("zendesk", "tickets", holding=mark)) == 1


@pytest.mark.parametrize("with_marker", [True, False])
def test_a_resend_that_is_forbidden_says_nothing_of_the_first(
    facade: Facade, caller: Caller, with_marker: bool
) -> None:
    """A ticket with our marker is found by it; one under the caller's own external id is asked for again later."""
    mark, key = word(), new_key()
    body = ticket("zendesk", mark) | ({} if with_marker else {"external_id": mark})
    caller.create("/v1/tickets", ticket("zendesk"))
    facade.worker.stop()
    try:
        facade.vendors.break_("zendesk", "timeout_after_commit", method="POST", path=TICKETS, times=3, delay_ms=0)
        begun = expect(caller.write("POST", "/v1/tickets", body, key=key), 202)
        facade.vendors.mend()
        facade.vendors.break_("zendesk", "status", method="POST", path=TICKETS, status=403)
        facade.worker.start()
        assert caller.await_operation(begun.headers["location"])["state"] == "succeeded"
    finally:
        facade.vendors.mend()
        facade.worker.stop()
        facade.worker.start()
    assert caller.write("POST", "/v1/tickets", body, key=key).headers.get("idempotent-replayed") == "true"
    assert len(facade.vendors.records("zendesk", "tickets", holding=mark)) == 1


def _refusals(facade: Facade, status: int) -> int:
    return sum(call["method"] == "POST" and call["status"] == status for call in facade.vendors.calls("zendesk"))


def _await_refusal(facade: Facade, status: int, before: int) -> None:
    until(lambda: _refusals(facade, status) != before)
