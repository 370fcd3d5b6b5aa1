"""The frame around a vendor: its transaction, its view of the call, and a vendor that breaks."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators.http import Answer, Call, json_answer
from emulators.serve import App
from emulators.state import State
from emulators.store import Store
from tests.emulators.conftest import PATIENCE, ROOT, RunningEmulators


class Notebook:
    """A vendor of one object. It stores what it is sent, and fails on request."""

    name = "notebook"
    objects = ("notes",)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        if call.method == "POST":
            note = call.json()
            id = state.next_id("notes", 1)
            state.put("notes", str(id), {"id": id, **note}, {"colour": note.get("colour", "white")})
            if note.get("break"):
                raise RuntimeError("on request")
            return json_answer(201, {"id": id})
        return json_answer(
            200, {"path": call.path, "tags": call.params("tag"), "header": call.headers.get("x-mood"), "now": now}
        )

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        record = {"id": state.next_id(object, 1), **payload}
        state.put(object, str(record["id"]), record)
        return record

    def drift(self, kind: str, answer: Answer) -> Answer:
        return answer.with_json({"kind": kind})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    ticks = itertools.count(1_000)
    return Store(tmp_path, clock=lambda: float(next(ticks)))


def ask(store: Store, *requests: tuple[str, str, Any]) -> list[httpx.Response]:
    """Send requests (method, path, JSON or bytes) to a new app over the store, one after another."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(App({"notebook": Notebook()}, store))
        async with httpx.AsyncClient(transport=transport, base_url="http://notebook.test") as client:
            return [
                await client.request(method, path, headers={"X-Mood": "calm"}, **_content(body))
                for method, path, body in requests
            ]

    return asyncio.run(run())


def _content(body: Any) -> dict[str, Any]:
    return {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}


def test_a_vendor_sees_the_call_below_its_name(store: Store) -> None:
    (answer,) = ask(store, ("GET", "/notebook/a%20b/c?tag=x&tag=%2B&other=", None))
    assert answer.json() == {"path": "/a b/c", "tags": ["x", "+"], "header": "calm", "now": answer.json()["now"]}
    assert answer.headers["content-length"] == str(len(answer.content))


def test_a_vendor_that_breaks_writes_nothing_and_says_so(store: Store) -> None:
    broken, fine = ask(store, ("POST", "/notebook/n", {"break": True}), ("POST", "/notebook/n", {"text": "ok"}))
    assert (broken.status_code, fine.status_code) == (500, 201)
    assert State(store, "notebook").all("notes") == [{"id": 1, "text": "ok"}]


def test_a_body_that_is_no_json_gets_400_when_the_vendor_does_not_mind(store: Store) -> None:
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        (answer,) = ask(store, ("POST", "/notebook/n", body))
        assert answer.status_code == 400


def test_a_failure_is_worded_by_the_frame_when_the_vendor_knows_none(store: Store) -> None:
    order = {"vendor": "notebook", "fault": {"kind": "status", "status": 503, "retry_after": 1.5}}
    _, answer = ask(store, ("POST", "/_emulator/faults", order), ("GET", "/notebook/n", None))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1.5")
    assert answer.json() == {"error": "status 503"}


def test_records_keep_their_place_and_are_found_by_key_and_by_time(store: Store) -> None:
    state = State(store, "notebook")
    for id, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        state.put("notes", id, {"id": id}, {"colour": colour})
    written = state.seen_at("notes", "b")
    state.put("notes", "a", {"id": "a", "v": 2}, {"colour": "blue"})
    assert [note["id"] for note in state.all("notes")] == ["a", "b", "c"]
    assert [note["id"] for note in state.lookup("notes", "colour", "blue")] == ["a", "b"]
    assert [note["id"] for note in state.lookup("notes", "colour", "red")] == ["c"]
    assert [note["id"] for _, note in state.changed("notes", since=written)] == ["b", "c", "a"]
    (first, _), (second, _) = state.page("notes", after=0, limit=2)
    assert [note["id"] for _, note in state.page("notes", after=second, limit=5)] == ["c"]
    assert first < second
    assert state.delete("notes", "a")
    assert not state.delete("notes", "a")
    assert state.get("notes", "a") is None
    assert state.seen_at("notes", "a") == 0.0
    assert (state.lookup("notes", "colour", "blue"), state.count("notes")) == ([{"id": "b"}], 2)
    assert State(store, "diary").all("notes") == []


def test_keys_are_remembered_for_their_time(tmp_path: Path) -> None:
    now = [1_000.0]
    state = State(Store(tmp_path, clock=lambda: now[0]), "notebook")
    state.remember("k", {"answer": 1}, ttl=60)
    now[0] += 59
    assert state.recall("k") == {"answer": 1}
    now[0] += 1
    assert state.recall("k") is None


@pytest.mark.parametrize("block", ["transaction", "savepoint"])
def test_a_block_that_raises_leaves_nothing(store: Store, block: str) -> None:
    state = State(store, "notebook")

    def write_and_break() -> None:
        opened: Callable[[], AbstractContextManager[None]] = getattr(state, block)
        with opened():
            state.put("notes", "gone", {})
            raise KeyError

    with pytest.raises(KeyError):
        write_and_break()
    assert state.get("notes", "gone") is None


def test_a_savepoint_leaves_the_transaction_around_it(store: Store) -> None:
    state = State(store, "notebook")

    def write_and_break() -> None:
        with state.savepoint():
            state.put("notes", "gone", {})
            raise KeyError

    with state.transaction():
        state.put("notes", "kept", {})
        with pytest.raises(KeyError):
            write_and_break()
    assert [state.get("notes", id) for id in ("kept", "gone")] == [{}, None]


def test_the_limit_is_counted_by_the_clock_minute(store: Store) -> None:
    state = State(store, "notebook")
    state.set("per_minute", 2)
    spent = [state.spend(60.0 * 7 + second) for second in (0, 30, 59)]
    assert [(one.allowed, one.remaining, one.resets_in) for one in spent] == [
        (True, 1, 60),
        (True, 0, 30),
        (False, 0, 1),
    ]
    assert state.spend(60.0 * 8).allowed


def test_the_log_keeps_the_newest_calls(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulators.calls.KEPT", 1_500)
    asks = [("GET", f"/notebook/{number}", None) for number in range(2_100)]
    *_, listed = ask(store, *asks, ("GET", "/_emulator/calls?vendor=notebook", None))
    paths = [call["path"] for call in listed.json()]
    assert paths[-1] == "/2099"
    assert paths == [f"/{number}" for number in range(2_100 - len(paths), 2_100)]
    kept = store.sql.execute("SELECT count(*) FROM call").fetchone()[0]
    assert 1_500 <= kept < 2_100


def test_a_port_of_other_emulators_is_refused(emulators: RunningEmulators) -> None:
    command = [sys.executable, "-m", "emulators", "--port", str(emulators.port), "--die-with-parent"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.returncode, ended.stderr) == (1, f"Port {emulators.port} cannot be used: Address already in use.\n")
