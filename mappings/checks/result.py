"""The result of a check."""

from collections.abc import Callable, Iterable
from pathlib import Path
from traceback import extract_tb

from msgspec import Struct

from mappings.spec import Unmappable


class Result(Struct, frozen=True, kw_only=True):
    """The number of cases, and a sentence for each failure. A check without cases does not hold; `nothing` says why
    there were none."""

    cases: int
    failures: tuple[str, ...] = ()
    nothing: str = "there was nothing to try"

    @property
    def holds(self) -> bool:
        """Return whether there were cases and none failed."""
        return self.cases > 0 and not self.failures

    @property
    def summary(self) -> str:
        """Return a short summary."""
        if self.failures:
            return f"{len(self.failures)} of {max(self.cases, len(self.failures))} failed"
        return f"{self.cases} tried" if self.cases else self.nothing


def joined(results: Iterable[Result]) -> Result:
    """Combine several results."""
    every = list(results)
    return Result(
        cases=sum(one.cases for one in every),
        failures=tuple(failure for one in every for failure in one.failures),
        nothing=next((one.nothing for one in every if not one.cases), "there was nothing to try"),
    )


def attempted(check: Callable[[], Result]) -> Result:
    """Run a check. Report an exception of the vendor's code as a failure, so the other checks still run."""
    try:
        return check()
    except Unmappable as refusal:
        return Result(cases=1, failures=(f"{refusal.path}: {refusal.reason}",))
    except Exception as error:  # noqa: BLE001 - unfinished vendor code may raise anything
        return Result(cases=1, failures=(raised(error),))


def raised(error: Exception) -> str:
    """Describe an exception, with its line in the vendor's folder. Golden records hold invented people, so the message
    may be shown."""
    sentence = f"it raises {type(error).__name__}" + (f": {error}" if str(error) else "")
    frames = [(Path(frame.filename).parts, frame.lineno) for frame in extract_tb(error.__traceback__)]
    places = [(parts[-3:], line) for parts, line in frames if parts[-3:-2] == ("mappings",) and parts[-2] != "checks"]
    return sentence + (f" ({'/'.join(places[-1][0])}, line {places[-1][1]})" if places else "")
