"""What came of one check."""

from collections.abc import Iterable

from msgspec import Struct


class Result(Struct, frozen=True, kw_only=True):
    """How many cases were tried, and a sentence for each that failed. Without a case nothing is shown to hold, and
    `nothing` says why there was none."""

    cases: int
    failures: tuple[str, ...] = ()
    nothing: str = "there was nothing to try"

    @property
    def holds(self) -> bool:
        """Whether the rule was shown to hold."""
        return self.cases > 0 and not self.failures

    @property
    def told(self) -> str:
        """In a few words."""
        if self.failures:
            return f"{len(self.failures)} of {max(self.cases, len(self.failures))} failed"
        return f"{self.cases} tried" if self.cases else self.nothing


def joined(results: Iterable[Result]) -> Result:
    """Several results as one."""
    every = list(results)
    return Result(
        cases=sum(one.cases for one in every),
        failures=tuple(failure for one in every for failure in one.failures),
        nothing=next((one.nothing for one in every if not one.cases), "there was nothing to try"),
    )
