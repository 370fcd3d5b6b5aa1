"""The examples of the documentation, pasted into one terminal beside `lockstitch dev` in the order of the pages."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dev.test_dev import Dev
from tests.open_folder import open_folder
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0
BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# Pages and how many of their blocks. Those of `make run` are left out. An export makes the dead letter of its page.
PAGES = {
    "README.md": None,
    "docs/events.md": 3,
    "docs/operations.md": 1,
    "docs/http-api.md": None,
    "docs/copies.md": None,
    "docs/connections.md": None,
    "docs/revisions.md": None,
    "docs/webhooks.md": None,
    "docs/uploads.md": 1,
    "docs/dead-letters.md": 4,
    "docs/emulators.md": 1,
}
MEANT = {"idempotency-key-reused", "invalid-field"}
"""The problems that examples show on purpose."""


def blocks_of(page: str) -> list[str]:
    """The commands of a page, without the indentation of a list."""
    blocks = []
    for indent, block in BLOCK.findall((ROOT / page).read_text("utf-8")):
        lines = "".join(line.removeprefix(indent) for line in block.splitlines(keepends=True))
        if "make run" not in lines:
            blocks.append(lines)
    return blocks[: PAGES[page]]


@pytest.mark.long
def test_the_examples_work_when_they_are_pasted() -> None:
    folder = open_folder("lockstitch-examples-")
    dev, receiver = Dev(folder), free_port()
    (folder / ".lockstitch").symlink_to(folder / "data")
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    script = "set -eu\n" + "".join(f"echo '# {page}'\n{block}" for page in PAGES for block in blocks_of(page))
    for port, actual in ((8080, dev.api), (8090, dev.emulators), (9000, receiver)):
        script = script.replace(f"127.0.0.1:{port}", f"127.0.0.1:{actual}").replace(
            f'"127.0.0.1", {port}', f'"127.0.0.1", {actual}'
        )
    script = script.replace('receive.py "$SECRET" &', 'receive.py "$SECRET" >received 2>&1 &')
    try:
        dev.start(LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{receiver}")
        done = subprocess.run(
            ["bash", "-c", f"{script}\nsleep 2\nkill %1"],
            cwd=folder,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        received = (folder / "received").read_text()
    finally:
        dev.close()
        shutil.rmtree(folder)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert set(re.findall(r'/problems/([a-z-]+)"', done.stdout)) == MEANT, done.stdout
    assert "valid customer.created" in received
    assert "INVALID" not in received
