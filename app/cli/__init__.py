"""The command line. Each command is imported when it runs, and `--help` imports nothing, so that it prints at once."""

import errno
import gc
import os
import re
import sys
from typing import TYPE_CHECKING, Final

from app import VERSION
from app.cli.exits import FAILURE, INTERRUPTED, PIPE_CLOSED, REFUSED, USAGE_ERROR

if TYPE_CHECKING:
    from cyclopts import App

OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
UNWRITTEN: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT})
"""Errors of the output: its reader left, or its disk is full."""
POINTER: Final = re.compile(r"(^|; )/(\w+)(?:/\w+)*(?=: )")
"""The JSON Pointer of a refusal, of which a command shows the name."""
HELP: Final = "Hardened middleware between automation platforms and business systems."
COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Operate": {
        "status": ("status:status", "Show what is broken, and since when."),
        "runs": ("runs:runs", "List runs, or what failed, and show what happened in one."),
        "connections": ("connections:connections", "Show, pause and resume connections."),
        "operations": ("operations:operations", "Show writes, and decide those of unknown outcome."),
        "dead-letters": ("dead_letters:dead_letters", "Inspect, redrive and discard dead letters."),
        "approvals": ("approvals:approvals", "List, approve and reject writes that wait for a person."),
        "redrive": ("redrive:redrive", "Redrive many dead letters. A worker does it in batches."),
        "subscriptions": ("subscriptions:subscriptions", "Show subscribers and what fails, and replay Events."),
        "events": ("events:events", "Follow the Events."),
        "receipts": ("receipts:receipts", "List received webhooks."),
        "queue": ("queue:queue", "Show queued and running jobs."),
        "drift": ("drift:drift", "List and acknowledge unannounced changes at vendors."),
        "reconcile": ("reconcile:reconcile", "Compare all records with what was last seen, and list what was missed."),
        "links": ("links:links", "Show, join and split linked records, and review proposals."),
        "person": ("person:person", "Export what is stored about a person, or erase it."),
        "consumers": ("consumers:consumers", "List the consumers of changes, or resume one."),
        "backfill": ("backfill:backfill", "Read what existed before, page by page. A worker does it."),
        "uploads": ("uploads:uploads", "Send exports of legacy systems and follow their rows."),
        "extract": ("extract:extract_records", "Write records to a file, as JSON lines or Parquet, for a warehouse."),
        "audit": ("audit:audit", "Search the audit trail and verify that it is unchanged."),
        "doctor": ("doctor:doctor", "Check the installation, and show how to fix what is wrong."),
        "verify": ("vendor.verify:verify", "Check a connection against its own live account."),
    },
    "Configure": {
        "serve": ("serve:serve", "Run the API. Run several to scale."),
        "worker": ("worker:worker", "Run a worker. Run several to scale."),
        "migrate": ("migrate:migrate", "Migrate the database to the schema of this version."),
        "key": ("key:key", "Create, list, rotate and revoke API keys, and show their use."),
        "secrets": ("secrets:secrets", "Keep secrets in the vault, and rotate them and the encryption keys."),
        "connect": ("connect:connect", "Authorise a connection at its vendor."),
        "mapping": ("mapping:mapping", "List, try, activate and roll back mapping revisions."),
        "ownership": ("ownership:ownership", "Explain who owns a field, and what happens to a writer's change."),
        "integration": ("integration:integration", "Write, check and show the briefs of integrations."),
        "environment": ("environment:environment", "Adopt a copied database; rename an installation."),
        "completion": ("completion:completion", "Print the completion script of a shell."),
    },
    "Develop": {
        "dev": ("dev:dev", "Run everything on this machine, with emulators of the vendors."),
        "workflow": ("workflow.commands:workflow", "Lint n8n workflows, and compare two versions by meaning."),
        "map": ("map:map_payload", "Map a vendor payload and show the result."),
        "contract": ("contract:contract", "Show the data contracts, and check whether a change breaks one."),
        "coverage": ("coverage:show_coverage", "Show which fields each vendor's mapping reads and writes."),
        "check-vendor": ("vendor.check_vendor:check_vendor", "Check a mapping against the claims in its quality.toml."),
        "new-vendor": ("vendor.new_vendor:new_vendor", "Scaffold the mapping of a new vendor."),
    },
}
"""The place in this package and the help of each command, by group, in the order of the help."""
EXAMPLES: Final = """\
Examples:
  lockstitch status                              what is broken now
  lockstitch runs show RUN                       what happened in a run, and why
  lockstitch runs list --failed --since 1h       what failed in the last hour
  lockstitch operations list --state unknown     writes that someone must decide
  lockstitch redrive start --connection crm --dry-run
  lockstitch COMMAND --help                      the options of a command
"""


def build_app() -> "App":
    """Return the cyclopts application of all commands."""
    from cyclopts import App, Group  # noqa: PLC0415 - a tenth of a second, which the help does not need

    app = App(name="lockstitch", help=HELP, version=VERSION)
    for group, commands in COMMANDS.items():
        panel = Group.create_ordered(group)
        for name, (place, text) in commands.items():
            app.command(f"app.cli.{place}", name=name, help=text, group=panel)
    return app


def main() -> None:
    """Run a command. Exits with 0, 2 for a usage error, 3 for a refusal with a reason, or 1 for any other error."""
    try:
        _dispatch()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in UNWRITTEN:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at the exit
        if error.errno == errno.EPIPE:
            sys.exit(PIPE_CLOSED)
        sys.stderr.write(f"The output is incomplete: {error.strerror}.\n")
        sys.exit(FAILURE)
    except Exception as error:
        code = _report(error)
        if code is None:
            raise
        sys.exit(code)


def _dispatch() -> None:
    match sys.argv[1:]:
        case [] | ["--help" | "-h"]:
            sys.stdout.write(_help())
        case ["--version"]:
            sys.stdout.write(f"{VERSION}\n")
        case _:
            # A command imports hundreds of modules. Looking for garbage among them would take a fifth of the time.
            gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
            build_app()(exit_on_error=False)


def _help() -> str:
    groups = (
        f"{group}:\n" + "".join(f"  {name:<15}{text}\n" for name, (_, text) in commands.items())
        for group, commands in COMMANDS.items()
    )
    return "\n".join((f"Usage: lockstitch COMMAND\n\n{HELP}\n", *groups, EXAMPLES))


def _report(error: Exception) -> int | None:
    """Print what is wrong, and return the exit code. None for a bug."""
    from cyclopts import CycloptsError  # noqa: PLC0415

    from app.cli.unimportable import unimportable  # noqa: PLC0415
    from app.errors import Complaint, InvalidField, StateConflict  # noqa: PLC0415
    from app.problem_document import Problem  # noqa: PLC0415

    if isinstance(error, CycloptsError):
        return USAGE_ERROR  # cyclopts has printed the error
    if isinstance(error, Problem):
        from app.monitoring.advice import in_commands  # noqa: PLC0415

        detail = POINTER.sub(r"\1\2", error.detail)
        sys.stderr.write(f"{in_commands(detail)}\n")
        return REFUSED if isinstance(error, InvalidField | StateConflict) else FAILURE
    message = str(error) if isinstance(error, Complaint) else unimportable(error)
    if message is None:
        return None
    sys.stderr.write(f"{message}\n")
    return FAILURE
