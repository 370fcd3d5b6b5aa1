"""The conformance run of every vendor: its emulator takes what the mapping sends, the mapping reads what it answers.

These are the checks of `lockstitch check-vendor`, here against the one process of the tests.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.cli.vendor.conformance import answers, lost_create, round_trip
from app.cli.vendor.emulator import RunningEmulator
from emulators.registry import EMULATORS
from mappings.http import VendorReply, VendorRequest
from mappings.registry import VENDORS

from .conftest import ROOT, RunningEmulators


def creates(name: str) -> bool:
    """Return whether the vendor creates anything. One that only reads has no round trip, and loses no create."""
    return any(one.endpoints.create for one in VENDORS[name].mappings if one.object != "comment")


CHECKS = [
    pytest.param(name, check, id=f"{name}-{check.__name__}")
    for name in sorted(EMULATORS)
    for check in (answers, round_trip, lost_create)
    if check is answers or creates(name)
]


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_a_vendor_conforms(emulators: RunningEmulators, name: str, check: Any) -> None:
    emulator = RunningEmulator(VENDORS[name], emulators.http, tuple(EMULATORS))
    emulator.reset()

    result = check(VENDORS[name], emulator, Path(ROOT))

    assert result.failures == ()
    assert result.cases > 0


class UniqueNames(RunningEmulator):
    """A Freshdesk that refuses a contact whose name another one has."""

    def __init__(self, emulators: RunningEmulators) -> None:
        super().__init__(VENDORS["freshdesk"], emulators.http, tuple(EMULATORS))
        self.names = set[str]()

    def send(self, request: VendorRequest, *, authorised: bool = True) -> VendorReply:
        body = msgspec.json.decode(request.body) if request.effect and request.body else {}
        if "contacts" in request.path and "name" in body:
            if body["name"] in self.names:
                return VendorReply(status=409, headers={}, body=b'{"code": "duplicate_value"}')
            self.names.add(body["name"])
        return super().send(request, authorised=authorised)


@pytest.mark.parametrize("check", [round_trip, lost_create])
def test_a_vendor_may_refuse_a_second_person_of_a_name(emulators: RunningEmulators, check: Any) -> None:
    system = UniqueNames(emulators)
    system.reset()

    assert check(VENDORS["freshdesk"], system, Path(ROOT)).failures == ()
    assert len(system.names) > 1
