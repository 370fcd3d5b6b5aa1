"""Every command that a page names exists, with its options. A name alone stands for the command."""

import re
import shlex

import pytest
from cyclopts.exceptions import CoercionError, CycloptsError, MissingArgumentError

from app.cli import build_app
from tests.commands import ROOT
from tests.repository.test_links import PAGES

CODE = re.compile(r"```\w*\n(.*?)```|`(lockstitch [^`]+)`", re.DOTALL)
COMMAND = re.compile(r"^ *(?:\$ |\S*/|.* -- )?lockstitch ([^\n#>|&)]+)", re.MULTILINE)


def test_commands_of_every_page_exist() -> None:
    app, checked = build_app(), 0
    for page in PAGES:
        code = "\n".join("".join(one) for one in CODE.findall((ROOT / page).read_text("utf-8"))).replace("\\\n", " ")
        for command in COMMAND.findall(code):
            words = shlex.split(command)
            if words[0] == "COMMAND":
                continue
            checked += 1
            try:
                _, _, unused, _ = app.parse_known_args(words)
            except (MissingArgumentError, CoercionError):
                continue  # the name of a command, or a placeholder such as N
            except CycloptsError as error:
                pytest.fail(f"{page}: lockstitch {command}: {error}")
            assert not unused, f"{page}: lockstitch {command}"
    assert checked > 200
