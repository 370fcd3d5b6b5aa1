"""What Medusa's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json

import msgspec
import pytest

from .conftest import ACCOUNT, FIXTURES, MAPPINGS, golden

CASES = sorted(path.name.removesuffix(".in.json") for path in FIXTURES.glob("*.in.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str) -> None:
    mapped = MAPPINGS[case.partition("-")[0]].read(golden(case), ACCOUNT)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    assert json.loads(msgspec.json.encode(mapped)) == expected
