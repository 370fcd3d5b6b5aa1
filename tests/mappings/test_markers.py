"""The mark of a write tells when it began, or nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identifiers import new_id
from mappings.kit.markers import began


def test_a_mark_of_ours_tells_its_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    told = began(new_id("op_"))

    assert told is not None
    assert before <= told <= datetime.now(UTC)


@pytest.mark.parametrize("marker", ["", "op_", "op_nothing", "op_ffffffffffffffff", "order 7"])
def test_what_is_none_tells_nothing(marker: str) -> None:
    assert began(marker) is None


@given(st.text())
def test_no_text_breaks_it(marker: str) -> None:
    told = began(marker)

    assert told is None or told.tzinfo is UTC
