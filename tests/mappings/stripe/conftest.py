"""An account with custom fields, and an emulator of Stripe to write to."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from emulators.stripe.emulator import KEY, Stripe
from mappings.http import VendorRequest
from mappings.spec import Mapped, VendorMapping
from mappings.stripe import VENDOR, bodies
from mappings.stripe.wire_2026_10_28 import Account
from tests.fixtures import opened
from tests.mappings.emulated import EmulatedAccount

FIXTURES = Path(__file__).parent / "fixtures"

Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}

ACCOUNT = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)


def understood(payload: bytes, mapping: Mapping, account: Account = ACCOUNT) -> list[Mapped[Any]]:
    """Every record of a whole answer, an event or a bare record."""
    return [mapping.read(raw, account) for raw in VENDOR.unwrap(payload, mapping.object)]


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


def on_the_wire(body: msgspec.Struct) -> dict[str, str]:
    """A drafted body as the fields that Stripe would see."""
    return dict(parse_qsl(bodies.encoded(body).decode(), keep_blank_values=True))


class EmulatedStripe(EmulatedAccount[Account]):
    """An account whose clock goes on by a second with each call."""

    def __init__(self) -> None:
        super().__init__(VENDOR, Stripe(), {"authorization": f"Bearer {KEY}"}, now=1_790_000_000.0, step=1.0)
        self.account = ACCOUNT

    def post(self, path: str, **fields: str) -> dict[str, Any]:
        """Something that is done at Stripe itself."""
        body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
        answer = self.must(VendorRequest(method="POST", path=path, route=path, body=body))
        return msgspec.json.decode(answer.body)


stripe = opened(EmulatedStripe)
"""A fresh Stripe account."""
