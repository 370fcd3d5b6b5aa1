"""Completion, tried in a real bash."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.commands import lockstitch

TRY: Final = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p lockstitch | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" lockstitch "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The completion script of bash."""
    file = tmp_path_factory.mktemp("completion") / "lockstitch"
    done = lockstitch("completion", "bash")
    assert done.returncode == 0, done.stderr
    file.write_text(done.stdout)
    return file


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("st",), {"status"}),
        (("dead-letters", ""), {"list", "show", "redrive", "discard"}),
        (("runs", "list", "--st"), {"--state"}),
        (("operations", "list", "--state", "un"), {"unknown"}),
    ],
)
def test_bash_completes_commands_options_and_values(script: Path, words: tuple[str, ...], offered: set[str]) -> None:
    command = ["bash", "--norc", "-c", TRY, "bash", str(script), "lockstitch", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (set(done.stdout.split()), done.stderr) == (offered, "")
