"""The difference between a vendor's clock and ours, from the `Date` of a reply."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.records.fetch import clock_ahead
from mappings.http import VendorReply


def reply(**headers: str) -> VendorReply:
    return VendorReply(status=200, headers=headers, body=b"")


@pytest.mark.parametrize("seconds", [-90, 0, 90])
def test_the_least_difference_that_explains_the_date_counts(seconds: int) -> None:
    sent_at = datetime.now(UTC)
    date = format_datetime(sent_at + timedelta(seconds=seconds), usegmt=True)
    ahead = clock_ahead(reply(date=date), sent_at)
    took = datetime.now(UTC) - sent_at
    assert abs(ahead - timedelta(seconds=seconds)) <= timedelta(seconds=1) + took
    assert ahead == timedelta() or seconds


def test_a_slow_reply_does_not_count_as_a_difference() -> None:
    sent_at = datetime.now(UTC) - timedelta(seconds=30)
    date = format_datetime(sent_at + timedelta(seconds=10), usegmt=True)
    assert clock_ahead(reply(date=date), sent_at) == timedelta()


@pytest.mark.parametrize("headers", [{}, {"date": "soon"}, {"date": "Tue, 01 Dec 2026 01:00:00 -0000"}])
def test_without_a_date_the_clocks_agree(headers: dict[str, str]) -> None:
    assert clock_ahead(reply(**headers), datetime.now(UTC)) == timedelta()
