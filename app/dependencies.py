"""Dependencies of the capabilities, found by type."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")


class Dependencies:
    """One value of each type, such as `WriteDeps`. `wiring` builds it; routes and job handlers use it.

    Those of `on_demand` are built when they are first used.
    """

    def __init__(self, *values: Any, on_demand: Mapping[type, Callable[[], Any]] | None = None) -> None:
        self.by_type = {type(value): value for value in values}
        self._on_demand = on_demand or {}

    def of(self, kind: type[T]) -> T:
        """Return the value of exactly this type. Raises KeyError if `wiring` built none."""
        if kind in self._on_demand and kind not in self.by_type:
            self.by_type[kind] = self._on_demand[kind]()
        value: T = self.by_type[kind]
        return value


class OnDemand(Mapping[str, Any]):
    """A mapping that is built when it is first read."""

    def __init__(self, build: Callable[[], Mapping[str, Any]]) -> None:
        self._build = build

    @cached_property
    def _built(self) -> Mapping[str, Any]:
        return self._build()

    def __getitem__(self, key: str) -> Any:
        return self._built[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._built)

    def __len__(self) -> int:
        return len(self._built)
