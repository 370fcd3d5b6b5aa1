"""Runs the tests with a real n8n and says how many passed. Called by tests/n8n/run with the folder that tests/n8n/setup
printed."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = tuple(
    f"real_{name}.py"
    for name in (
        "calls",
        "undecided",
        "requests",
        "setup",
        "events",
        "schedules",
        "templates",
        "adopted",
        "versions",
        "node",
        "node_resources",
        "node_restart",
    )
)


class Tally:
    """Counts outcomes for the one line at the end."""

    def __init__(self) -> None:
        """Nothing has run yet."""
        self.passed = self.failed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test passes by its call and fails by any of its phases."""
        self.passed += report.passed and report.when == "call"
        self.failed += report.failed


if __name__ == "__main__":
    tally = Tally()
    chosen = sys.argv[2:] or FILES
    outcome = pytest.main(
        [*(str(HERE / file) for file in chosen), "-vv", "--noconftest", "-p", "no:cacheprovider"], plugins=[tally]
    )
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(outcome)
