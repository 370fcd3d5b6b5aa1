"""Completion, tried in real shells."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.commands import exits, lockstitch

BASH: Final = """
source "$1/lockstitch.bash"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p lockstitch | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" lockstitch "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH: Final = """
cd $argv[1]; source lockstitch.fish
complete -C "$argv[2..-1]" | string split --fields 1 \\t
"""
# A line editor completes only on a terminal: one with a zsh that writes what it offers to a file, and ends.
ZSH: Final = """
zmodload zsh/zpty; cd $1
zpty shell zsh -f -i
zpty -w shell "fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; source $1/capture.zsh"
zpty -w shell 'print READY$((40 + 2))'
zpty -r -m shell ignored '*READY42*'
zpty -w -n shell "${@[2,-1]}"$'\\t'
while zpty -r shell ignored; do :; done
cat offered
"""
CAPTURE: Final = """
compadd () {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
    local -a offers; builtin compadd -A offers "$@"
    (( $#offers )) && print -rl -- $offers >> offered
}
finish () { exit }
comppostfuncs=(finish)
"""
TRIES: Final = {"bash": (BASH, ("--norc", "-c")), "zsh": (ZSH, ("-f", "-c")), "fish": (FISH, ("--no-config", "-c"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the completion scripts, and no other file whose name a shell could offer."""
    folder = tmp_path_factory.mktemp("completion")
    for shell, file in (("bash", "lockstitch.bash"), ("zsh", "_lockstitch"), ("fish", "lockstitch.fish")):
        done = exits(lockstitch("completion", shell))
        (folder / file).write_text(done.stdout)
    (folder / "capture.zsh").write_text(CAPTURE)
    return folder


@pytest.mark.parametrize(
    "shell",
    [pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"no {name}")) for name in TRIES],
)
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("stat",), {"status"}),
        (("dead-letters", ""), {"list", "show", "redrive", "discard"}),
        (("runs", "list", "--st"), {"--state"}),
        (("operations", "list", "--state", "un"), {"unknown"}),
        (("map", "hubspot.customer", "lock"), {"lockstitch.bash", "lockstitch.fish"}),
    ],
)
def test_a_shell_completes_commands_options_values_and_files(
    folder: Path, shell: str, words: tuple[str, ...], offered: set[str]
) -> None:
    script, options = TRIES[shell]
    name = () if shell == "fish" else (shell,)
    typed = ("lockstitch", *words) if shell == "bash" else (" ".join(("lockstitch", *words)),)
    (folder / "offered").unlink(missing_ok=True)
    command = [shell, *options, script, *name, str(folder), *typed]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert (set(done.stdout.split()), done.stderr) == (offered, "")
