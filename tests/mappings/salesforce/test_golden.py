"""What Salesforce's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json
from typing import Any

import msgspec
import pytest

from mappings.http import VendorReply
from mappings.salesforce import VENDOR
from mappings.salesforce.wire_v62 import Account
from mappings.spec import ListQuery, Mapped

from .conftest import FIXTURES, MAPPINGS, reply

CASES = sorted(path.name.removesuffix(".out.json") for path in FIXTURES.glob("*.out.json"))
ACCOUNT = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str) -> None:
    answer = reply((FIXTURES / f"{case}.in.json").read_bytes())

    mapped = understood(case.partition("-")[0], answer)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    found = json.loads(msgspec.json.encode(mapped))
    assert (found if len(found) > 1 else found[0]) == expected


def understood(name: str, answer: VendorReply) -> list[Mapped[Any]]:
    """The records of a whole answer, with what came along, or a bare one."""
    mapping = MAPPINGS[name]
    account = ACCOUNT
    if b'"records"' in answer.body[:100]:
        assert mapping.endpoints.page is not None
        account = mapping.endpoints.page(answer, ListQuery(limit=10), account).account
    return [mapping.read(raw, account) for raw in VENDOR.unwrap(answer.body, mapping.object)]
