"""The control interface for webhooks, `/_emulator/webhooks`: targets and delivery states."""

from collections.abc import Mapping

from emulators.control_calls import Refused, limit_of, order_of, vendor_of
from emulators.http import Answer, Call, json_answer
from emulators.outbox import Outbox
from emulators.sender import Sender
from emulators.targets import Target, Targets
from emulators.vendor import Emulator
from emulators.webhooks import SendsWebhooks

STATES = ("waiting", "held", "delivered", "failed", "dropped", "abandoned")


class WebhookControl:
    """Answers `/_emulator/webhooks…`. No answer contains a secret."""

    def __init__(self, emulators: Mapping[str, Emulator], targets: Targets, outbox: Outbox, sender: Sender) -> None:
        """Control these vendors' webhooks."""
        self._emulators = emulators
        self._targets = targets
        self._outbox = outbox
        self._sender = sender

    def put(self, call: Call) -> Answer:
        """`PUT /webhooks`: send a vendor's webhooks to a target from now on."""
        target = order_of(call, Target)
        vendor = vendor_of(self._emulators, target.vendor)
        if not isinstance(self._emulators[vendor], SendsWebhooks):
            raise Refused(f"{vendor} sends no webhooks.")
        flaw = target.flaw()
        if flaw is not None:
            raise Refused(flaw)
        self._targets.put(target)
        self._sender.wake()
        return json_answer(200, target.without_secrets())

    def show(self, call: Call) -> Answer:
        """`GET /webhooks`: list the targets."""
        return json_answer(200, [target.without_secrets() for target in self._targets.all(self._vendor_of(call))])

    def drop(self, call: Call) -> Answer:
        """`DELETE /webhooks`: end the subscription; waiting webhooks are abandoned."""
        return json_answer(200, {"dropped": self._targets.drop(self._vendor_of(call))})

    def sent(self, call: Call) -> Answer:
        """`GET /webhooks/sent`: list each webhook with its topic, state, tries, last status and fault, newest last."""
        state = call.param("state")
        if state not in (None, *STATES):
            raise Refused(f"There is no state {state}; there are {', '.join(STATES)}.")
        return json_answer(200, self._outbox.entries(self._vendor_of(call), limit_of(call), state))

    def _vendor_of(self, call: Call) -> str | None:
        vendor = call.param("vendor")
        return None if vendor is None else vendor_of(self._emulators, vendor)
