"""The command line. Commands are imported when they run, so that help and usage errors print at once."""

import gc
import sys
from typing import Final

from cyclopts import App, CycloptsError

from app.cli.exits import FAILURE, INTERRUPTED, REFUSED, USAGE_ERROR
from app.cli.unimportable import unimportable
from app.errors import Complaint, InvalidField, StateConflict
from app.problem_document import Problem

OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000

app = App(
    name="lockstitch",
    help="Hardened middleware between automation platforms and business systems.",
    version_flags=[],
)
COMMANDS: Final = {
    "dev": ("dev:dev", "Run everything on this machine: PostgreSQL, the vendor emulators, the API and the worker."),
    "serve": ("serve:serve", "Run the API. Run several to scale."),
    "worker": ("worker:worker", "Run a worker. Run several to scale."),
    "migrate": ("migrate:migrate", "Migrate the database to the schema of this version."),
    "map": ("map:map_payload", "Map a vendor payload and show the result."),
    "mapping": ("mapping:mapping", "List, try, activate and roll back mapping revisions."),
    "key": ("key:key", "Create, list, rotate and revoke API keys, and show their use."),
    "dead-letters": ("dead_letters:dead_letters", "Inspect, redrive and discard dead letters."),
    "approvals": ("approvals:approvals", "List, approve and reject writes that wait for a person."),
    "redrive": ("redrive:redrive", "Redrive many dead letters. A worker does it in batches."),
    "backfill": ("backfill:backfill", "Read what existed before, page by page. A worker does it."),
    "uploads": ("uploads:uploads", "Send exports of legacy systems and follow their rows."),
    "extract": ("extract:extract_records", "Write records to a file, as JSON lines or Parquet, for a warehouse."),
    "drift": ("drift:drift", "List and acknowledge unannounced changes at vendors."),
    "reconcile": ("reconcile:reconcile", "Compare all records with what was last seen, and list what was missed."),
    "links": ("links:links", "Show, join and split linked records, and review proposals."),
    "person": ("person:person", "Export what is stored about a person."),
    "consumers": ("consumers:consumers", "List the consumers of changes, or resume one."),
    "ownership": ("ownership:ownership", "Explain who owns a field, and what happens to a writer's change."),
    "connect": ("connect:connect", "Authorise a connection at its vendor."),
    "connections": ("connect:connections", "List connections, or resume one."),
    "queue": ("queue:queue", "Show queued and running jobs."),
    "audit": ("audit:audit", "Search the audit trail and verify that it is unchanged."),
    "secrets": ("secrets:secrets", "Keep secrets in the vault, and rotate them and the encryption keys."),
    "environment": ("environment:environment", "Adopt a copied database; rename an installation; rebind a connection."),
    "runs": ("runs:runs", "Show what happened in a run."),
    "doctor": ("doctor:doctor", "Check the installation, and show how to fix what is wrong."),
    "verify": ("vendor.verify:verify", "Check a connection against its own live account."),
    "contract": ("contract:contract", "Show the data contracts, and check whether a change breaks one."),
    "workflow": ("workflow.commands:workflow", "Lint n8n workflows, and compare two versions by meaning."),
    "coverage": ("coverage:show_coverage", "Show which fields each vendor's mapping reads and writes."),
    "check-vendor": (
        "vendor.check_vendor:check_vendor",
        "Check a vendor's mapping against the claims in its quality.toml.",
    ),
    "new-vendor": ("vendor.new_vendor:new_vendor", "Scaffold the mapping of a new vendor."),
}
"""The place in this package and the help of each command, in the order of the help."""

for _name, (_place, _help) in COMMANDS.items():
    app.command(f"app.cli.{_place}", name=_name, help=_help)


def main() -> None:
    """Run a command. Exits with 0, 2 for a usage error, 3 for a refusal with a reason, or 1 for any other error."""
    # A command imports a thousand modules. Looking for garbage among them would take a fifth of the time.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        app(exit_on_error=False)
    except CycloptsError:
        sys.exit(USAGE_ERROR)  # cyclopts has printed the error
    except Complaint as complaint:
        sys.stderr.write(f"{complaint}\n")
        sys.exit(FAILURE)
    except Problem as problem:
        sys.stderr.write(f"{problem.detail}\n")
        sys.exit(REFUSED if isinstance(problem, InvalidField | StateConflict) else FAILURE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        message = unimportable(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        sys.exit(FAILURE)
