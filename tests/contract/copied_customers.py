"""Customers that are copied between two vendors, changed at either side, and copied again."""

from typing import Any, Final

from tests.contract.callers import Caller, expect

OWNERS: Final = """
[ownership.customers]
owner = "other-zendesk"
[ownership.customers.fields]
job_title = { owner = "hubspot" }
lead_source = { owner = "salesforce" }
"""
HOME: Final = {"type": "billing", "line1": "Uferweg 3", "city": "Kiel", "postal_code": "24103", "country_code": "DE"}
MOVED: Final = HOME | {"line1": "Am Markt 9", "city": "Bonn", "postal_code": "53111"}


def other_than(target: str) -> str:
    """A connection to copy from, which keeps several addresses and numbers."""
    return "salesforce" if target == "hubspot" else "hubspot"


def copy(caller: Caller, made: dict[str, Any], to: str, **order: Any) -> dict[str, Any]:
    source = made["meta"]["connection"]
    answer = caller.write("POST", f"/v1/customers/{made['id']}/copies?connection={source}", {"connection": to, **order})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def change(caller: Caller, made: dict[str, Any], **fields: Any) -> None:
    """Change the source."""
    meta = made["meta"]
    expect(caller.write("PATCH", f"/v1/customers/{meta['connection']}:{meta['remote_id']}", fields))


def staff(caller: Caller, there: dict[str, Any], **fields: Any) -> None:
    """Change the copy as the vendor's own staff does."""
    meta = there["meta"]
    expect(caller.write("PATCH", f"/v1/customers/{meta['connection']}-staff:{meta['remote_id']}", fields))


def read(caller: Caller, there: dict[str, Any]) -> dict[str, Any]:
    meta = there["meta"]
    return caller.get(f"/v1/customers/{meta['connection']}:{meta['remote_id']}").json()


def numbers(customer: dict[str, Any]) -> list[str]:
    return [one["e164"] for one in customer["phones"]]


def dropped(copied: dict[str, Any]) -> set[str]:
    """What the answer to a copy says that the target lacks or keeps."""
    return {one["path"] for one in copied["meta"]["loss"] if one["kind"] == "dropped"}


def conflicts(caller: Caller, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The conflicts of the copies of a record."""
    data = caller.get("/v1/events", params={"type": "copy.conflict", "limit": 250}).json()["data"]
    return [one for one in data if one["data"]["id"] == made["id"]]
