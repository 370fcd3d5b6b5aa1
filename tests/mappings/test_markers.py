"""The mark of a write tells when it began, or nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identifiers import new_id
from mappings.kit.markers import began
from tests.required import required


def test_a_marker_contains_its_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    time = required(began(new_id("op_")))

    assert before <= time <= datetime.now(UTC)


@pytest.mark.parametrize("marker", ["", "op_", "op_nothing", "op_ffffffffffffffff", "order 7"])
def test_other_text_contains_no_time(marker: str) -> None:
    assert began(marker) is None


@given(st.text())
def test_no_text_breaks_it(marker: str) -> None:
    time = began(marker)

    assert time is None or time.tzinfo is UTC
