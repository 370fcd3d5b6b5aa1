"""Contacts of HubSpot: what a write makes of them, and what they mean."""

import msgspec

from canonical.customer import Customer, CustomerPatch
from mappings.hubspot.customer_r1 import to_canonical, to_vendor
from mappings.hubspot.wire_v3 import Account, ContactRecord, RecordWrite

FRESH = Account()


def contact(**properties: str | None) -> ContactRecord:
    """A contact with these properties."""
    moment = msgspec.convert("2026-02-03T08:15:30Z", ContactRecord.__annotations__["created_at"])
    return ContactRecord(id="51", properties=dict(properties), created_at=moment, updated_at=moment)


def written(record: ContactRecord, body: RecordWrite) -> ContactRecord:
    """The contact after HubSpot has carried out the write: "" clears."""
    cleared = {name: value or None for name, value in body.properties.items()}
    return msgspec.structs.replace(record, properties=record.properties | cleared)


def read(record: ContactRecord, account: Account = FRESH) -> Customer:
    """What the contact means."""
    return to_canonical(record, account).data


def refused(patch: CustomerPatch, current: ContactRecord | None = None, account: Account = FRESH) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.detail for one in to_vendor(patch, current, account).refused}
