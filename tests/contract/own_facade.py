"""A Lockstitch for one module, in place of the one that the contract tests share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.facade import Facade


def running(folder: Path, database_url: str, **options: Any) -> AbstractContextManager[Facade]:
    """Run what the shared one is, with these options of a `Facade`."""
    return Facade(folder, database_url, **options).running()


def own_facade(
    run: Callable[..., AbstractContextManager[Facade]] = running, *also: str, **options: Any
) -> tuple[Any, Any]:
    """Return two fixtures to assign to `running_facade` and `full_key`. Then `facade`, `vendors`, `caller` and
    `anonymous` belong to the module alone. `run` starts it: `running`, or `all_vendors` or `started` of
    `vendor_samples`. It gets `also` and the options, such as `more` for the configuration."""

    @pytest.fixture(scope="module")
    def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
        """The processes, started once for the module."""
        with run(tmp_path_factory.mktemp("own"), module_database_url, *also, **options) as facade:
            yield facade

    return running_facade, own_key()


def own_key() -> Any:
    """Return a fixture to assign to `full_key` where `running_facade` is the module's own."""

    @pytest.fixture(scope="module")
    def full_key(running_facade: Facade) -> str:
        """A key with every scope."""
        return running_facade.make_key(name="everything").secret

    return full_key
