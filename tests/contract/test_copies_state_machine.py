"""Copies stay true, whatever happens at either side and in whatever order."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.callers import Caller
from tests.contract.copy_machines import CONSUMERS, OneWay, sending
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.two_way_machine import TwoWays
from tests.contract.vendor_samples import all_vendors

STEPS = settings(
    max_examples=6, stateful_step_count=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module with two connections to each vendor: one of its staff makes changes of their own."""
    folder = tmp_path_factory.mktemp("machine")
    with all_vendors(folder, module_database_url, "staff", more=CONSUMERS) as facade, sending(facade):
        yield facade


full_key = own_key()


def test_copies_to_two_targets_stay_true(facade: Facade, caller: Caller) -> None:
    OneWay.facade, OneWay.caller = facade, caller
    run_state_machine_as_test(OneWay, settings=STEPS)


def test_copies_in_both_directions_stay_true(facade: Facade, caller: Caller) -> None:
    TwoWays.facade, TwoWays.caller = facade, caller
    run_state_machine_as_test(TwoWays, settings=STEPS)
