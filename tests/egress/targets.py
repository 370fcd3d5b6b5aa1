"""A poster for tests: rules as an operator spells them, names as the test says, and short patience."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain, repeat

from app.egress.poster import TargetPoster, open_poster
from app.egress.rules import EgressRules
from app.settings.egress import parse_egress_rules

PUBLIC = "93.184.215.14"


class Names:
    """Name servers with set answers. A list of answers is given in turn, then the last one for ever."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: chain(replies, repeat(replies[-1])) for name, replies in answers.items()}
        self.lookups: list[str] = []

    async def __call__(self, name: str) -> Sequence[str]:
        """Raise OSError for an unknown name."""
        self.lookups.append(name)
        if name not in self._answers:
            raise OSError(f"{name} is not known")
        return next(self._answers[name])


@asynccontextmanager
async def posting(
    *allow: str,
    names: Mapping[str, Sequence[Sequence[str]]] | None = None,
    seconds: float = 5.0,
) -> AsyncIterator[TargetPoster]:
    """A poster under the rules of an operator who allows these entries; without `names` the system is asked."""
    rules = EgressRules(parse_egress_rules(allow))
    look_up = None if names is None else Names(names)
    async with open_poster(rules, seconds=seconds, look_up=look_up) as poster:
        yield poster
