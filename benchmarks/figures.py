"""Print raw rounds, their median, the ratio to a floor, and the target. The exit code never depends on them."""

from collections.abc import Sequence
from statistics import median
from typing import Literal


def raw(title: str, rounds: Sequence[float], unit: str) -> float:
    """Print every round of one contender. Return the median."""
    middle = median(rounds)
    print(f"  {title:52} {middle:9.1f} {unit}   rounds: {' '.join(f'{one:.1f}' for one in rounds)}")
    return middle


def ratio(
    title: str,
    measured: Sequence[float],
    floor: Sequence[float],
    direction: Literal["at most", "at least"],
    target: float,
) -> float:
    """Print the median of the ratios of each round, because other load in a round affects both sides."""
    ratios = [one / other for one, other in zip(measured, floor, strict=True)]
    middle = median(ratios)
    kept = middle <= target if direction == "at most" else middle >= target
    print(
        f"  {title:52} {middle:9.2f} x    target: {direction} {target:g}, {'kept' if kept else 'MISSED'};"
        f" rounds: {' '.join(f'{one:.2f}' for one in ratios)}"
    )
    return middle
