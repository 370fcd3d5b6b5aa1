"""What WooCommerce's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json

import msgspec
import pytest

from mappings.woocommerce import VENDOR

from .conftest import ACCOUNT, FIXTURES, MAPPINGS, golden

CASES = sorted(path.name.removesuffix(".in.json") for path in FIXTURES.glob("*.in.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str) -> None:
    mapping = MAPPINGS[case.partition("-")[0]]

    (raw,) = VENDOR.unwrap(golden(case), mapping.object)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    assert json.loads(msgspec.json.encode(mapping.read(raw, ACCOUNT))) == expected
