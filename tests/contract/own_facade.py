"""A Lockstitch for one module, in place of the one that the contract tests share."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.facade import Facade


def own_facade(*, more: str = "", **environment: Any) -> tuple[Any, Any]:
    """Return two fixtures to assign to `running_facade` and `full_key`. Then `facade`, `vendors`, `caller` and
    `anonymous` belong to the module alone. `more` is added to the configuration, `environment` to
    that of every process."""

    @pytest.fixture(scope="module")
    def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
        """The processes, started once for the module."""
        with Facade(tmp_path_factory.mktemp("own"), module_database_url, more=more, **environment).running() as facade:
            yield facade

    @pytest.fixture(scope="module")
    def full_key(running_facade: Facade) -> str:
        """A key with every scope."""
        return running_facade.make_key(name="everything").secret

    return running_facade, full_key
