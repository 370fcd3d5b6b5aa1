"""How patient deliveries are: the ladder as an operator spells it, and the waits that follow from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.events.deliver import LONGEST_WAIT, seconds_until_next
from app.settings.environment import DELIVERY_LADDER, load_settings
from app.settings.reading import SettingsError

DAY = 86_400.0


def test_by_itself_it_takes_about_three_days_in_about_ten_attempts() -> None:
    assert 3 * DAY <= sum(DELIVERY_LADDER) <= 3.5 * DAY
    assert len(DELIVERY_LADDER) + 1 == 11
    assert list(DELIVERY_LADDER) == sorted(DELIVERY_LADDER)
    assert load_settings({}).delivery_ladder == DELIVERY_LADDER


def test_an_operator_may_have_another() -> None:
    settings = load_settings({"LOCKSTITCH_DELIVERY_LADDER": "1, 2.5,60", "LOCKSTITCH_DELIVERY_TIMEOUT": "20"})
    assert settings.delivery_ladder == (1.0, 2.5, 60.0)
    assert settings.delivery_timeout_seconds == 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("LOCKSTITCH_DELIVERY_LADDER", value) for value in ("1,,2", "a", "-1", "1e3", "1;2", ",".join("1" * 31))),
        *(("LOCKSTITCH_DELIVERY_TIMEOUT", value) for value in ("0", "31", "1.5")),
    ],
)
def test_a_mistake_is_reported(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value})


@given(st.integers(1, 40), st.none() | st.floats(0, 10 * DAY))
def test_a_wait_is_the_jittered_step_or_the_targets_retry_after(failures: int, retry_after: float | None) -> None:
    step = DELIVERY_LADDER[min(failures, len(DELIVERY_LADDER)) - 1]
    waited = seconds_until_next(DELIVERY_LADDER, failures, retry_after)
    assert waited >= step
    assert waited >= min(retry_after or 0.0, DAY)
    assert waited <= max(1.2 * step, min(retry_after or 0.0, LONGEST_WAIT))
