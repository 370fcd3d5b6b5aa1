"""Whatever the OpenAPI document allows, and much that it does not: no 5xx, and no answer that it does not describe.

`LOCKSTITCH_SCHEMATHESIS_EXAMPLES` makes it try more of each. It has a Lockstitch of its own: operators' calls change
how the installation works, and nobody else's tests are to notice.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade

EXAMPLES = os.environ.get("LOCKSTITCH_SCHEMATHESIS_EXAMPLES", "2")
# Not all that a schema allows can be done: a cursor has to be one, a field needs a place at the vendor.
NOT_CHECKED = "positive_data_acceptance"


DOCUMENT = "/schema/openapi.json?optional_headers=true"
# They would stop the connections, and erase the people, that all the other calls are about.
SWITCHES = ("pause_connection", "erase_person")
SWITCH = tuple(part for one in SWITCHES for part in ("--include-operation-id", one))
# Bodies have most of the values at a limit: half of all cases are left to `make test-long`.
READS = ("--include-method", "GET")
WRITES = ("--exclude-method", "GET", *(part for one in SWITCHES for part in ("--exclude-operation-id", one)))
CHOSEN = (
    pytest.param(READS, id="reads"),
    pytest.param((*WRITES, "--phases", "examples,fuzzing"), id="writes"),
    pytest.param((*WRITES, "--phases", "coverage"), marks=pytest.mark.long, id="writes in full"),
    pytest.param(SWITCH, id="the switches"),
)


running_facade, full_key = own_facade()


@pytest.fixture
def _resumed(facade: Facade, caller: Caller) -> Iterator[None]:
    """Whatever was paused goes on afterwards."""
    before = paused(facade)
    yield
    for name in paused(facade) - before:
        assert caller.post(f"/ops/connections/{name}/resume").status_code == 200


def paused(facade: Facade) -> set[str]:
    return {row["connection"] for row in facade.sql("SELECT connection FROM lane WHERE blocked_reason = 'operator'")}


@pytest.mark.usefixtures("_resumed")
@pytest.mark.parametrize("chosen", CHOSEN)
def test_no_call_gets_an_answer_that_is_not_described(
    facade: Facade, full_key: str, tmp_path: Path, chosen: Sequence[str]
) -> None:
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{facade.api.url}{DOCUMENT}"),
        *("--url", facade.api.url, "--header", f"Authorization: Bearer {full_key}", *chosen),
        *("--checks", "all", "--exclude-checks", NOT_CHECKED, "--max-examples", EXAMPLES, "--seed", "1", "--no-color"),
    ]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert tried.returncode == 0, tried.stdout[-6000:]
    assert "passed" in tried.stdout
