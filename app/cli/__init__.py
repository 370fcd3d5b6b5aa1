"""The command line. Commands are imported when they run, so that help and usage errors print at once."""

import sys

from cyclopts import App, CycloptsError

from app.cli.exits import FAILURE, INTERRUPTED, USAGE_ERROR
from app.cli.unimportable import unimportable
from app.errors import Complaint

app = App(
    name="lockstitch",
    help="Hardened middleware between automation platforms and business systems.",
    version_flags=[],
)
app.command(
    "app.cli.dev:dev",
    name="dev",
    help="Run everything on this machine: PostgreSQL, the vendor emulators, the API and the worker.",
)
app.command("app.cli.serve:serve", name="serve", help="Run the API. Run several to scale.")
app.command("app.cli.worker:worker", name="worker", help="Run a worker. Run several to scale.")
app.command("app.cli.migrate:migrate", name="migrate", help="Migrate the database to the schema of this version.")
app.command("app.cli.map:map_payload", name="map", help="Map a vendor payload and show the result.")
app.command(
    "app.cli.mapping:mapping",
    name="mapping",
    help="List, try, activate and roll back mapping revisions.",
)
app.command("app.cli.key:key", name="key", help="Create, list, rotate and revoke API keys, and show their use.")
app.command(
    "app.cli.dead_letters:dead_letters",
    name="dead-letters",
    help="Inspect, redrive and discard dead letters.",
)
app.command("app.cli.redrive:redrive", name="redrive", help="Redrive many dead letters. A worker does it in batches.")
app.command(
    "app.cli.uploads:uploads",
    name="uploads",
    help="Send exports of legacy systems and follow their rows.",
)
app.command("app.cli.drift:drift", name="drift", help="List and acknowledge unannounced changes at vendors.")
app.command(
    "app.cli.links:links",
    name="links",
    help="Show, join and split linked records, and review proposals.",
)
app.command("app.cli.consumers:consumers", name="consumers", help="List the consumers of changes, or resume one.")
app.command(
    "app.cli.ownership:ownership",
    name="ownership",
    help="Explain who owns a field, and what happens to a writer's change.",
)
app.command("app.cli.connect:connect", name="connect", help="Authorise a connection at its vendor.")
app.command("app.cli.connect:connections", name="connections", help="List connections, or resume one.")
app.command("app.cli.queue:queue", name="queue", help="Show queued and running jobs.")
app.command("app.cli.audit:audit", name="audit", help="Search the audit trail and verify that it is unchanged.")
app.command(
    "app.cli.secrets:secrets",
    name="secrets",
    help="Keep secrets in the vault, and rotate them and the encryption keys.",
)
app.command(
    "app.cli.environment:environment",
    name="environment",
    help="Adopt a copied database; rename an installation; rebind a connection.",
)
app.command("app.cli.runs:runs", name="runs", help="Show what happened in a run.")
app.command("app.cli.doctor:doctor", name="doctor", help="Check the installation, and show how to mend what is wrong.")
app.command("app.cli.vendor.verify:verify", name="verify", help="Check a connection against its own live account.")
app.command(
    "app.cli.contract:contract",
    name="contract",
    help="Show the data contracts, and check whether a change breaks one.",
)
app.command(
    "app.cli.coverage:show_coverage",
    name="coverage",
    help="Show which fields each vendor's mapping reads and writes.",
)
app.command(
    "app.cli.vendor.check_vendor:check_vendor",
    name="check-vendor",
    help="Check a vendor's mapping against the claims in its quality.toml.",
)
app.command("app.cli.vendor.new_vendor:new_vendor", name="new-vendor", help="Scaffold the mapping of a new vendor.")


def main() -> None:
    """Run a command. Exits with 0, with 2 for a usage error, or with 1 for any other error."""
    try:
        app(exit_on_error=False)
    except CycloptsError:
        sys.exit(USAGE_ERROR)  # cyclopts has printed the error
    except Complaint as complaint:
        sys.stderr.write(f"{complaint}\n")
        sys.exit(FAILURE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        message = unimportable(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        sys.exit(FAILURE)
