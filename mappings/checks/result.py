"""What came of one check."""

from collections.abc import Callable, Iterable
from pathlib import Path
from traceback import extract_tb

from msgspec import Struct

from mappings.spec import Unmappable


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


def attempted(check: Callable[[], Result]) -> Result:
    """What came of a check; whatever a vendor's folder raises in it is a failure, and the other checks go on."""
    try:
        return check()
    except Unmappable as refusal:
        return Result(cases=1, failures=(f"{refusal.path}: {refusal.reason}",))
    except Exception as error:  # noqa: BLE001 - a folder that is being written may raise anything
        return Result(cases=1, failures=(raised(error),))


def raised(error: Exception) -> str:
    """What was raised, and at which line of the vendor's folder. Golden records are of invented people, so that the
    exception's own words may be shown."""
    told = f"it raises {type(error).__name__}" + (f": {error}" if str(error) else "")
    frames = [(Path(frame.filename).parts, frame.lineno) for frame in extract_tb(error.__traceback__)]
    places = [(parts[-3:], line) for parts, line in frames if parts[-3:-2] == ("mappings",) and parts[-2] != "checks"]
    return told + (f" ({'/'.join(places[-1][0])}, line {places[-1][1]})" if places else "")
