"""Which operations of a module are served."""

from types import ModuleType

import pytest

from app.http.operation import Call, handlers_of, operation


@operation("GET", "/v1/one", tag="Tests")
async def read_one(_call: Call) -> None:
    """Read one."""


@pytest.mark.parametrize("reads", [(read_one, "no operation"), [read_one, "no operation"]], ids=["tuple", "list"])
def test_operations_that_stand_together_are_served(reads: object) -> None:
    module = ModuleType("routes")
    module.READS = reads  # type: ignore[attr-defined]
    assert handlers_of(module) == [read_one]
