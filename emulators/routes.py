"""Find the handler of a call by method and path, and undo everything that a refused call wrote."""

import re
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from emulators.http import Answer, BadJson, Call
from emulators.state import State


class Refusal(Exception):
    """Stop a handler and answer with this."""

    def __init__(self, answer: Answer) -> None:
        """Refuse with `answer`."""
        super().__init__(answer.status)
        self.answer = answer


class HasState(Protocol):
    """One call's view of an account."""

    @property
    def state(self) -> State:
        """The account's state."""
        ...


D = TypeVar("D", bound=HasState)


class Routes(Generic[D]):
    """Methods, paths with `#` for a number, and handlers. The first match counts."""

    def __init__(
        self, routes: Iterable[tuple[tuple[str, ...] | str, str, Callable[[D, Call, tuple[str, ...]], Answer]]]
    ) -> None:
        """Compile `routes`: one method or several, and the path below the API's own."""
        self._routes = [
            ((methods,) if isinstance(methods, str) else methods, re.compile(path.replace("#", r"(\d+)")), handler)
            for methods, path, handler in routes
        ]

    def answer(self, desk: D, call: Call, path: str, unreadable: Callable[[], Answer]) -> Answer | None:
        """Return the handler's answer or its refusal; None without a matching route. `unreadable` refuses a body that
        is not JSON."""
        for methods, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match is None or call.method not in methods:
                continue
            try:
                with desk.state.savepoint():
                    return handler(desk, call, match.groups())
            except Refusal as refusal:
                return refusal.answer
            except BadJson:
                return unreadable()
        return None
