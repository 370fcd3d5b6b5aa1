"""Send webhooks in the background: one at a time for each vendor, in the order of the changes.

Real vendors send many at once and promise no order. Here only faults and later tries change the order.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, cached_property

import httpx

from emulators.outbox import Outbox, Result, Waiting
from emulators.store import Store
from emulators.targets import Target, Targets
from emulators.vendor import Emulator
from emulators.webhooks import Message, SendsWebhooks, Try

LOG = logging.getLogger("emulators.webhooks")

UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=20)  # copies leave at the same time
LONGEST_PAUSE = 60.0  # the longest pause between two tries, in seconds


@cache
def authorities() -> ssl.SSLContext:
    """Return the context that verifies receivers. To read the public authorities takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


class Sender:
    """Sends the webhooks of the outbox."""

    def __init__(self, emulators: Mapping[str, Emulator], targets: Targets, outbox: Outbox, store: Store) -> None:
        """Send when the store records a change."""
        self._vendors = {name: one for name, one in emulators.items() if isinstance(one, SendsWebhooks)}
        self._targets = targets
        self._outbox = outbox
        self._clock = store.clock
        self._woken = {name: asyncio.Event() for name in self._vendors}
        store.when_noted = self.wake

    def wake(self) -> None:
        """Look for something to send: a change, or a new target."""
        for event in self._woken.values():
            event.set()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for vendor in self._vendors:
                    group.create_task(self._send_all_of(vendor), name=f"webhooks of {vendor}")
        finally:
            if "_http" in self.__dict__:
                await self._http.aclose()

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        """The client, made for the first webhook. It ignores proxies of the environment, as receivers are on this
        machine."""
        return httpx.AsyncClient(verify=authorities(), follow_redirects=False, trust_env=False, limits=UNLIMITED)

    async def _send_all_of(self, vendor: str) -> None:
        while True:
            self._woken[vendor].clear()
            self._outbox.compose()
            target = self._targets.get(vendor)
            waiting = self._outbox.next_due(vendor) if target is not None else None
            if target is None or waiting is None:
                seconds = self._outbox.seconds_to_next(vendor) if target is not None else None
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken[vendor].wait(), seconds)
                continue
            await self._attempt(waiting, target)

    async def _attempt(self, waiting: Waiting, target: Target) -> None:
        emulator = self._vendors[waiting.vendor]
        rules = emulator.webhook_rules
        attempt = Try(url=target.url, secret=_secret(waiting, target), at=self._clock(), earlier=waiting.tries)
        signed = emulator.signed(waiting.message, attempt)
        copies = waiting.fault.copies if waiting.fault is not None else 1
        results = await asyncio.gather(*(_posted(self._http, target.url, signed, rules.timeout) for _ in range(copies)))
        result = next((one for one in results if not one.is_delivered), results[0])
        is_last = waiting.tries + 1 >= rules.tries
        pause = None if is_last else min(target.first_pause_ms / 1000 * 2**waiting.tries, LONGEST_PAUSE)
        self._outbox.settle(waiting, result, pause=pause)


def _secret(waiting: Waiting, target: Target) -> str:
    kind = waiting.fault.kind if waiting.fault is not None else None
    if kind == "bad_signature":
        return f"not {target.secret}"
    if kind == "old_secret" and target.old_secret is not None:
        return target.old_secret
    return target.secret


async def _posted(http: httpx.AsyncClient, url: str, message: Message, seconds: float) -> Result:
    """Send one request. Return the error's name if there is no answer within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            answer = await http.post(url, content=message.body, headers=message.headers, timeout=seconds)
    # A reset during connect makes httpcore raise an AttributeError.
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, AttributeError) as error:
        LOG.debug("A webhook was not answered: %s", type(error).__name__)
        return Result(error=type(error).__name__)
    return Result(status=answer.status_code)
