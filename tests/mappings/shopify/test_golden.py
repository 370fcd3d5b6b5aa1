"""What Shopify's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json

import msgspec
import pytest

from mappings.shopify import VENDOR

from .conftest import FIXTURES, MAPPINGS, SHOP, understood

CASES = sorted(path.name.removesuffix(".in.json") for path in FIXTURES.glob("*.in.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str) -> None:
    mapping = MAPPINGS["customer" if case.startswith("customer") else "order"]

    (record,) = VENDOR.unwrap((FIXTURES / f"{case}.in.json").read_bytes(), mapping.object)

    mapped = understood(record, mapping, SHOP)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    assert json.loads(msgspec.json.encode(mapped)) == expected


def test_the_facts_beside_the_golden_records_are_these() -> None:
    """`check-vendor` reads the records with `account.json`: the same facts, written down."""
    written = json.loads((FIXTURES / "account.json").read_text())

    assert written == json.loads(msgspec.json.encode(SHOP))
