"""Find what answers a call by its method and path, and answer it without leaving anything behind of a refused one."""

import re
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from emulators.http import Answer, BadJson, Call
from emulators.state import State


class Refusal(Exception):
    """A handler stops here, and this is what the caller gets."""

    def __init__(self, answer: Answer) -> None:
        """Refuse with `answer`."""
        super().__init__(answer.status)
        self.answer = answer


class HasState(Protocol):
    """One call's view of an account."""

    @property
    def state(self) -> State:
        """The account's memory."""
        ...


D = TypeVar("D", bound=HasState)


class Routes(Generic[D]):
    """Methods, paths with `#` for a number, and handlers. The first that fits is taken."""

    def __init__(
        self, routes: Iterable[tuple[tuple[str, ...] | str, str, Callable[[D, Call, tuple[str, ...]], Answer]]]
    ) -> None:
        """`routes` as they are written: one method or several, the path below the API's own."""
        self._routes = [
            ((methods,) if isinstance(methods, str) else methods, re.compile(path.replace("#", r"(\d+)")), handler)
            for methods, path, handler in routes
        ]

    def answer(self, desk: D, call: Call, path: str, unreadable: Callable[[], Answer]) -> Answer | None:
        """The answer of the handler, or its refusal; None where no route fits. `unreadable` refuses a body that is not
        JSON."""
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
