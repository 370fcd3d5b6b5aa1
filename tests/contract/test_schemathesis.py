"""Whatever the OpenAPI document allows, and much that it does not: no 5xx, and no answer that it does not describe.

`LOCKSTITCH_SCHEMATHESIS_EXAMPLES` makes it try more of each.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.contract.facade import Facade

EXAMPLES = os.environ.get("LOCKSTITCH_SCHEMATHESIS_EXAMPLES", "5")
# Not all that a schema allows can be done: a cursor has to be one, a field needs a place at the vendor.
NOT_CHECKED = "positive_data_acceptance"


def test_no_call_gets_an_answer_that_is_not_described(facade: Facade, full_key: str, tmp_path: Path) -> None:
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{facade.api.url}/schema/openapi.json"),
        *("--url", facade.api.url, "--header", f"Authorization: Bearer {full_key}"),
        *("--checks", "all", "--exclude-checks", NOT_CHECKED, "--max-examples", EXAMPLES, "--seed", "1", "--no-color"),
    ]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert tried.returncode == 0, tried.stdout[-6000:]
    assert "passed" in tried.stdout
