"""`lockstitch completion`: the completion script of a shell."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from app.cli import build_app

SHELL = Parameter(name="SHELL", help="bash, zsh or fish.")


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], SHELL], /) -> None:
    """Print the completion script of a shell.

    For bash: `lockstitch completion bash > ~/.local/share/bash-completion/completions/lockstitch`. For zsh, write it to
    `_lockstitch` in a folder of `$fpath`; for fish, to `~/.config/fish/completions/lockstitch.fish`.
    """
    script = build_app().generate_completion(shell=shell)
    if shell == "zsh":  # it only defines a function, which a file of `$fpath` has to call
        script += '\n_cyclopts_lockstitch "$@"\n'
    elif shell == "fish":  # without -f, files are offered beside the commands
        script = script.replace("' -a '", "' -f -a '")
    sys.stdout.write(script)
