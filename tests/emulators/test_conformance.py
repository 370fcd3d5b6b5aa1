"""The conformance run of every vendor: its emulator takes what the mapping sends, the mapping reads what it answers.

These are the checks of `lockstitch check-vendor`, here against the one process of the tests.
"""

from pathlib import Path
from typing import Any

import pytest

from app.cli.vendor.conformance import answers, lost_create, round_trip
from app.cli.vendor.emulator import RunningEmulator
from emulators.registry import EMULATORS
from mappings.registry import VENDORS

from .conftest import ROOT, RunningEmulators


@pytest.mark.parametrize("check", [answers, round_trip, lost_create])
@pytest.mark.parametrize("name", sorted(EMULATORS))
def test_a_vendor_conforms(emulators: RunningEmulators, name: str, check: Any) -> None:
    emulator = RunningEmulator(VENDORS[name], emulators.http, tuple(EMULATORS))
    emulator.reset()

    result = check(VENDORS[name], emulator, Path(ROOT))

    assert result.failures == ()
    assert result.cases > 0
