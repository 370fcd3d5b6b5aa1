"""An account with statuses, types and custom fields of its own, and an emulator of the vendor to write to."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec

from emulators.freshdesk.emulator import TOKEN, Freshdesk
from mappings.freshdesk import VENDOR
from mappings.freshdesk.wire_v2 import Account
from mappings.http import VendorRequest
from mappings.spec import VendorMapping
from tests.fixtures import opened
from tests.mappings.emulated import EmulatedAccount

FIXTURES = Path(__file__).parent / "fixtures"
AUTHORIZATION = "Basic " + b64encode(VENDOR.auth.template.format(token=TOKEN).encode()).decode()

AnyMapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, AnyMapping] = {mapping.object: mapping for mapping in VENDOR.mappings}
ACCOUNT: Account = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)

# What the administrator of the emulator has made, for the custom fields that the account's configuration names.
KINDS = {
    "seam_length": "custom_decimal",
    "favourite_stitches": "custom_multi_select_dropdown",
    "renewal_day": "custom_date",
    "newsletter": "custom_checkbox",
    "tier": "custom_dropdown",
    "nickname": "custom_text",
    "machine_number": "custom_number",
    "parts": "custom_multi_select_dropdown",
    "warranty": "custom_checkbox",
}
CHOICES = {"favourite_stitches": ["zigzag", "chain"], "tier": ["gold", "silver"], "parts": ["foot", "needle plate"]}
OF_TICKETS = ("machine_number", "parts", "warranty")


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


class EmulatedFreshdesk(EmulatedAccount[Account]):
    """An account prepared as a connection's is, whose clock stands until it is moved."""

    def __init__(self) -> None:
        headers = {"authorization": AUTHORIZATION, "host": "nahtwerk.example"}
        super().__init__(VENDOR, Freshdesk(), headers, now=1_777_700_000.0)
        for name, kind in KINDS.items():
            object = "admin/ticket_fields" if name in OF_TICKETS else "contact_fields"
            body = {"label": name, "label_for_customers": name, "type": kind, "choices": CHOICES.get(name, [])}
            self.ask("POST", object, body)
        for request in VENDOR.setup:
            self.must(request)
        self.account = self.facts()

    def facts(self) -> Account:
        """The account from its own answers, with the configured custom fields under their vendor names."""
        fields = {
            name: tuple(
                msgspec.structs.replace(one, vendor_field=f"cf_{one.vendor_field.removeprefix('cf_')}")
                for one in settings
                if one.vendor_field.removeprefix("cf_") in KINDS
            )
            for name, settings in ACCOUNT.custom_fields.items()
        }
        return self.learnt(fields)

    def ask(self, method: Any, path: str, body: dict[str, Any] | None = None) -> Any:
        """Something that is done at Freshdesk itself."""
        sent = None if body is None else msgspec.json.encode(body)
        request = VendorRequest(method=method, path=f"/api/v2/{path}", route=path, body=sent)
        answer = self.must(request)
        return msgspec.json.decode(answer.body) if answer.body else None


freshdesk = opened(EmulatedFreshdesk)
"""A fresh Freshdesk account."""
