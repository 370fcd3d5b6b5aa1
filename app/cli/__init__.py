"""The command line. Commands are named here and imported when they run, so that help and mistakes answer at once."""

import sys

from cyclopts import App, CycloptsError

from app.cli.exits import FAILURE, INTERRUPTED, USAGE_ERROR
from app.cli.unimportable import unimportable
from app.errors import Complaint

app = App(
    name="lockstitch",
    help="A hardened seam between automation platforms and business systems.",
    version_flags=[],
)
app.command(
    "app.cli.dev:dev",
    name="dev",
    help="Run everything on this machine: PostgreSQL, the vendors' emulators, the API and the worker.",
)
app.command("app.cli.serve:serve", name="serve", help="Run the API; scale it by running more of them.")
app.command("app.cli.worker:worker", name="worker", help="Run a worker; any number may run.")
app.command("app.cli.migrate:migrate", name="migrate", help="Bring the database to the schema of this version.")
app.command("app.cli.map:map_payload", name="map", help="Show what a vendor's payload becomes.")
app.command(
    "app.cli.mapping:mapping",
    name="mapping",
    help="Which revision of a mapping is at work where: try a new one, activate it, go back.",
)
app.command("app.cli.key:key", name="key", help="Make, list, rotate and revoke the API keys of callers.")
app.command(
    "app.cli.dead_letters:dead_letters",
    name="dead-letters",
    help="Look into work that was given up; run it again or let it go.",
)
app.command("app.cli.redrive:redrive", name="redrive", help="Run many dead letters again; a worker carries it on.")
app.command(
    "app.cli.uploads:uploads",
    name="uploads",
    help="Send exports of legacy systems, and see what became of their rows.",
)
app.command("app.cli.drift:drift", name="drift", help="Look at what vendors changed without telling.")
app.command("app.cli.queue:queue", name="queue", help="Show what waits and runs.")
app.command("app.cli.audit:audit", name="audit", help="Look into the audit trail, and prove that it was not changed.")
app.command(
    "app.cli.secrets:secrets",
    name="secrets",
    help="The encryption keys: what each one seals, and the change to a new one.",
)
app.command("app.cli.runs:runs", name="runs", help="Tell what happened in a run.")
app.command(
    "app.cli.contract:contract",
    name="contract",
    help="What the data contracts promise, and whether a change breaks one.",
)
app.command(
    "app.cli.coverage:show_coverage",
    name="coverage",
    help="Show which fields each vendor's mapping reads and writes.",
)
app.command(
    "app.cli.check_vendor:check_vendor",
    name="check-vendor",
    help="Check a vendor's mapping against what it claims.",
)
app.command("app.cli.new_vendor:new_vendor", name="new-vendor", help="Begin the mapping of another vendor.")


def main() -> None:
    """Run the command that was asked for. Ends with 0, 2 for a mistake in the command line, 1 for anything else."""
    try:
        app(exit_on_error=False)
    except CycloptsError:
        sys.exit(USAGE_ERROR)  # it has printed what was wrong
    except Complaint as complaint:
        sys.stderr.write(f"{complaint}\n")
        sys.exit(FAILURE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        told = unimportable(error)
        if told is None:
            raise
        sys.stderr.write(f"{told}\n")
        sys.exit(FAILURE)
