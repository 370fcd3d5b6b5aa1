"""Fixtures that only open something, and close it after the tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal

import pytest


def opened(
    opening: Callable[[], AbstractContextManager[Any]], scope: Literal["function", "module", "session"] = "function"
) -> Any:
    """Return a fixture to assign to its name."""

    @pytest.fixture(scope=scope)
    def fixture() -> Iterator[Any]:
        with opening() as value:
            yield value

    return fixture
