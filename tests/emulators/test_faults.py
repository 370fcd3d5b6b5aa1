"""What goes wrong on order: each kind of fault as an HTTP client meets it."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .conftest import PATIENCE, RunningEmulators
from .receiver import wait_until

AUTH = ("dev@example.com/token", "zendesk-dev-token")
TICKETS = "/zendesk/api/v2/tickets"
TICKET = {"ticket": {"subject": "Kettle", "comment": {"body": "It whistles in the wrong key"}}}
GROUPS = "/zendesk/api/v2/groups"


def fault(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, **more}


def get(emulators: RunningEmulators, path: str = GROUPS, timeout: float = 20) -> httpx.Response:
    return emulators.http.get(path, auth=AUTH, timeout=timeout)


def create(emulators: RunningEmulators, timeout: float = 20) -> httpx.Response:
    return emulators.http.post(TICKETS, json=TICKET, auth=AUTH, timeout=timeout)


def test_status_speaks_in_the_vendors_words_and_ends_after_its_times(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("status", status=429, retry_after=7), times=2)
    first, second, third = (create(emulators) for _ in range(3))
    assert (first.status_code, second.status_code, third.status_code) == (429, 429, 201)
    assert first.headers["retry-after"] == "7"
    assert first.json()["error"] == "APIRateLimitExceeded"
    assert len(emulators.records("zendesk", "tickets")) == 1
    assert emulators.http.get("/_emulator/faults").json() == []


def test_a_fault_precedes_authorisation(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("status", status=503), times=1)
    assert emulators.http.get(GROUPS).status_code == 503
    assert emulators.http.get(GROUPS).status_code == 401


@pytest.mark.parametrize("path", ["/api/v2/tick*", "/api/v2/", "/api/v2/tickets"])
def test_a_match_takes_a_path_a_glob_or_a_folder_and_a_method(emulators: RunningEmulators, path: str) -> None:
    emulators.order(vendor="zendesk", match={"method": "post", "path": path}, fault=fault("status", status=500))
    assert get(emulators).status_code == 200
    assert get(emulators, TICKETS).status_code == 200
    assert create(emulators).status_code == 500


def test_a_fault_of_a_path_spares_what_is_below_it(emulators: RunningEmulators) -> None:
    """A create and a batch read are both a POST; a failing create must not break the reads."""
    contacts, headers = "/crm/v3/objects/contacts", {"authorization": "Bearer hubspot-dev-token"}
    emulators.order(vendor="hubspot", match={"method": "POST", "path": contacts}, fault=fault("status", status=500))
    read = {"inputs": [{"id": "1"}], "properties": []}
    answer = emulators.http.post(f"/hubspot{contacts}/batch/read", json=read, headers=headers)
    assert answer.status_code == 207, answer.text  # there is no contact 1
    assert emulators.http.post(f"/hubspot{contacts}", json={}, headers=headers).status_code == 500


def test_slow_answers_late_but_right(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("slow", delay_ms=300), times=1)
    began = time.monotonic()
    assert create(emulators).status_code == 201
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("vendor", ["zendesk", None])
def test_a_slow_call_is_let_go_with_its_fault(emulators: RunningEmulators, vendor: str | None) -> None:
    emulators.order(vendor="zendesk", fault=fault("slow", delay_ms=600_000), times=1)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(create, emulators, timeout=PATIENCE)
        wait_until(lambda: emulators.http.get("/_emulator/faults").json() == [])
        assert emulators.http.delete("/_emulator/faults", params={"vendor": "hubspot"}).status_code == 200
        assert emulators.records("zendesk", "tickets") == []
        assert emulators.http.delete("/_emulator/faults", params={"vendor": vendor} if vendor else {}).is_success
        assert slow.result().status_code == 201


@pytest.mark.parametrize("kind", ["timeout", "timeout_after_commit"])
def test_a_held_connection_is_dropped_with_its_fault(emulators: RunningEmulators, kind: str) -> None:
    emulators.order(vendor="zendesk", fault=fault(kind, delay_ms=600_000), times=1)
    with ThreadPoolExecutor(1) as threads:
        held_call = threads.submit(create, emulators, timeout=PATIENCE)
        wait_until(lambda: emulators.calls("zendesk") != [])
        assert emulators.http.delete("/_emulator/faults").is_success
        with pytest.raises(httpx.RemoteProtocolError):
            held_call.result()


def test_timeout_never_answers_and_has_no_effect(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("timeout"), times=1)
    with pytest.raises(httpx.ReadTimeout):
        create(emulators, timeout=0.3)
    wait_until(lambda: emulators.calls("zendesk") != [])
    assert emulators.records("zendesk", "tickets") == []
    assert create(emulators).status_code == 201


def test_timeout_drops_the_connection_when_its_delay_is_over(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("timeout", delay_ms=200), times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        create(emulators)
    assert emulators.records("zendesk", "tickets") == []


def test_reset_drops_the_connection_without_effect(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("reset"), times=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create(emulators)
    assert emulators.records("zendesk", "tickets") == []
    assert create(emulators).status_code == 201


@pytest.mark.parametrize(
    ("delay", "error"),
    [
        ({"delay_ms": 0}, httpx.RemoteProtocolError),
        ({"delay_ms": 200}, httpx.RemoteProtocolError),
        ({"delay_ms": 600_000}, httpx.ReadTimeout),
    ],
)
def test_timeout_after_commit_loses_the_answer_and_keeps_the_effect(
    emulators: RunningEmulators, delay: dict[str, int], error: type[Exception]
) -> None:
    emulators.order(vendor="zendesk", fault=fault("timeout_after_commit", **delay), times=1)
    with pytest.raises(error):
        create(emulators, timeout=0.5 if error is httpx.ReadTimeout else PATIENCE)
    wait_until(lambda: len(emulators.records("zendesk", "tickets")) == 1)
    lost = emulators.calls("zendesk")[-1]
    assert (lost["status"], lost["fault"]) == (201, "timeout_after_commit")


@pytest.mark.parametrize(("ordered", "status"), [({}, 502), ({"status": 200}, 200)])
def test_html_body_is_a_page_where_json_was_expected(
    emulators: RunningEmulators, ordered: dict[str, int], status: int
) -> None:
    emulators.order(vendor="zendesk", fault=fault("html_body", **ordered), times=1)
    answer = create(emulators)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert emulators.records("zendesk", "tickets") == []


def test_a_rate_with_a_seed_hits_the_same_calls_again(emulators: RunningEmulators) -> None:
    def struck() -> list[int]:
        emulators.reset()
        emulators.order(vendor="zendesk", fault=fault("status", status=500), rate=0.4, seed=11)
        return [get(emulators).status_code for _ in range(60)]

    first = struck()
    assert struck() == first
    assert 10 <= first.count(500) <= 40


def test_a_rate_without_a_seed_reports_the_random_one(emulators: RunningEmulators) -> None:
    ordered = emulators.order(vendor="zendesk", fault=fault("status", status=500), rate=1)
    assert isinstance(ordered["seed"], int)


def test_the_oldest_fault_that_fits_wins_and_dropping_ends_them(emulators: RunningEmulators) -> None:
    emulators.order(vendor="zendesk", fault=fault("status", status=500), times=1)
    emulators.order(vendor="zendesk", fault=fault("status", status=503))
    assert [get(emulators).status_code for _ in range(3)] == [500, 503, 503]
    assert emulators.http.request("DELETE", "/_emulator/faults", params={"vendor": "zendesk"}).json() == {"dropped": 1}
    assert get(emulators).status_code == 200
