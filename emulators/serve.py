"""Serve the emulators: a small ASGI app that applies faults, runs the vendor in a transaction, and answers."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from emulators.calls import Calls
from emulators.control import PREFIX, Control
from emulators.faults import Fault, Faults, bend_only, refusal
from emulators.http import Answer, BadJson, Call, json_answer, read_headers, read_query
from emulators.outbox import Outbox
from emulators.sender import Sender
from emulators.state import State
from emulators.store import Store
from emulators.targets import Targets
from emulators.vendor import Emulator, IssuesTokens, KeepsFailures, WorksLater
from emulators.webhook_control import WebhookControl

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Given = TypeVar("Given", Answer, Answer | None)
Send = Callable[[Message], Awaitable[None]]

LOG = logging.getLogger("emulators")
LATER_WORK_EVERY = 0.25  # seconds
OPEN_FILES = Path("/dev/fd")


class App:
    """All vendors under `/<vendor>`, and the control interface under `/_emulator`. Webhooks and vendors' delayed work
    run only while `run` runs."""

    def __init__(self, emulators: Mapping[str, Emulator], store: Store, *, record_calls: bool = True) -> None:
        """Serve these emulators with the state in `store`."""
        self._emulators = emulators
        self._store = store
        self._states = {name: State(store, name) for name in emulators}
        self._faults = Faults(store)
        self._calls = Calls(store, recording=record_calls)
        self.targets = Targets(emulators, store)
        outbox = Outbox(emulators, self._states, store, self._faults)
        self._sender = Sender(emulators, self.targets, outbox, store)
        webhooks = WebhookControl(emulators, self.targets, outbox, self._sender)
        self._control = Control(emulators, self._states, store, self._faults, self._calls, self.targets, webhooks)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Close every held connection, so the server can end."""
        self._leaving.set()

    async def run(self) -> None:
        """Run the background work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sender.run())
            group.create_task(self._work_later())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection. Only HTTP is supported."""
        if scope["type"] != "http":
            return

        vendor, path = _split(scope["path"])
        call = Call(
            method=scope["method"],
            path=path,
            query=read_query(scope["query_string"]),
            headers=read_headers(scope["headers"]),
            body=await _body(receive),
        )
        if f"/{vendor}" == PREFIX:
            await _reply(send, self._guarded(PREFIX, call, lambda: self._control.answer(call)))
            return
        if vendor not in self._emulators:
            await _reply(send, json_answer(404, {"error": f"There is no vendor at /{vendor}."}))
            return

        fault = self._faults.strike(vendor, call)
        if fault is not None and fault.kind == "slow":
            await _first_of(fault.delay, self._faults.ended(vendor))
        answer = self._guarded(vendor, call, lambda: self._answer(vendor, call, fault))
        if answer is None:
            await self._lose(vendor, scope, receive, fault)
            return
        await _reply(send, answer)

    async def _work_later(self) -> None:
        """Run a vendor's due work between calls, so its webhooks report the results."""
        later = {name: one for name, one in self._emulators.items() if isinstance(one, WorksLater)}
        while later:
            for name, emulator in later.items():
                try:
                    with self._store.transaction():
                        emulator.work_due(self._states[name], self._store.clock())
                except Exception:
                    LOG.exception("%s broke at its own work", name)
            await asyncio.sleep(LATER_WORK_EVERY)

    def _answer(self, vendor: str, call: Call, fault: Fault | None) -> Answer | None:
        """Return the answer for the client, None if a fault drops it. Effects are committed by then."""
        emulator = self._emulators[vendor]
        now = self._store.clock()
        with self._store.transaction():
            answer: Answer | None = None
            if fault is None or fault.has_effect:
                answer = self._struck_effect(emulator, call, self._states[vendor], now, fault)
            elif fault.kind in ("status", "html_body"):
                answer = refusal(fault, emulator)
                if isinstance(emulator, KeepsFailures):
                    emulator.keep(call, answer, self._states[vendor])
            self._calls.record(
                vendor,
                call,
                at=now,
                status=answer.status if answer else None,
                fault=fault.kind if fault else None,
            )
        if answer is None or fault is None:
            return answer
        if fault.kind in ("timeout_after_commit", "refresh_reply_lost"):
            return None
        if fault.kind != "drift":
            return answer
        bent = emulator.drift(fault.change, answer)
        if fault.record is None:
            return bent
        return answer.with_json(bend_only(fault.record, answer.json(), bent.json()))

    def _guarded(self, part: str, call: Call, answering: Callable[[], Given]) -> Given | Answer:
        """Return the answer of `answering`. An exception in an emulator becomes a 500 and a log entry, and nothing is
        written."""
        try:
            return answering()
        except Exception:
            LOG.exception("%s broke at %s %s", part, call.method, call.path)
            return json_answer(500, {"error": f"The emulator broke at {part}; its log says how."})

    def _struck_effect(self, emulator: Emulator, call: Call, state: State, now: float, fault: Fault | None) -> Answer:
        if fault is not None and fault.kind == "loose_match":
            with state.taking_ends(fault.asked or "") if fault.finds is None else nullcontext():
                return self._effect(emulator, fault.misread(call), state, now)
        if fault is None or not isinstance(emulator, IssuesTokens):
            return self._effect(emulator, call, state, now)
        if fault.kind == "token_revoked":
            emulator.tokens.revoke(call, state)
        if fault.kind != "clock_skew":
            return self._effect(emulator, call, state, now)
        state.set("clock_skew", fault.delay)
        answer = self._effect(emulator, call, state, now)
        state.set("clock_skew", 0.0)
        return answer

    def _effect(self, emulator: Emulator, call: Call, state: State, now: float) -> Answer:
        try:
            return emulator.answer(call, state, now)
        except BadJson:
            return json_answer(400, {"error": "The body is not JSON."})

    async def _lose(self, vendor: str, scope: Message, receive: Receive, fault: Fault | None) -> None:
        """Hold the connection for the time of the fault while the client waits, then drop it without a reply."""
        if fault is not None and fault.kind != "reset" and fault.delay > 0:
            ends = (self._leaving.wait(), _client_left(receive), self._faults.ended(vendor))
            await _first_of(fault.delay, *ends)
        drop_connection(scope["client"])


async def _first_of(seconds: float, *ends: Coroutine[Any, Any, Any]) -> None:
    """Wait so many seconds, or until the first of these has ended."""
    waits = [asyncio.ensure_future(one) for one in ends]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def drop_connection(client: tuple[str, Any]) -> bool:
    """Shut the socket whose other end is `client` (address, port). Return whether it was found.

    ASGI cannot close a connection without a reply (an app that raises gets a 500 sent), so the socket is found among
    this process's open files. This works where `/dev/fd` exists: Linux and macOS.
    """
    peer = (client[0], int(client[1]))
    for entry in OPEN_FILES.iterdir():
        with suppress(OSError):
            copy = os.dup(int(entry.name))
            try:
                connection = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with connection:
                if connection.getpeername()[:2] == peer:
                    connection.shutdown(socket.SHUT_RDWR)
                    return True
    return False


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


async def _reply(send: Send, answer: Answer) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _split(path: str) -> tuple[str, str]:
    """Split `/zendesk/api/v2/users` into `zendesk` and `/api/v2/users`."""
    vendor, _, rest = path.removeprefix("/").partition("/")
    return vendor, f"/{rest}"
