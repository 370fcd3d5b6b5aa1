"""A Lockstitch of a module's own, in place of the one that all tests of the contract share."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.facade import Facade


def own_facade(*, more: str = "") -> tuple[Any, Any]:
    """Two fixtures, to be assigned to `running_facade` and `full_key`: what `facade`, `vendors`, `caller` and `nobody`
    give then belongs to the module alone. `more` is added to the configuration."""

    @pytest.fixture(scope="module")
    def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
        """The processes, started once for the module."""
        with Facade(tmp_path_factory.mktemp("own"), module_database_url, more=more).running() as facade:
            yield facade

    @pytest.fixture(scope="module")
    def full_key(running_facade: Facade) -> str:
        """A key with every scope."""
        return running_facade.make_key(name="everything").secret

    return running_facade, full_key
