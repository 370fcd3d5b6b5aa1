"""`lockstitch receipts`: list received webhooks."""

from cyclopts import App

from app.cli.commands import declare_list, operators
from app.cli.tables import Cells, moment
from app.webhooks.models import ListedReceipt
from app.webhooks.received import ReceiptDeps, list_receipts

receipts = App(name="receipts")


@declare_list(
    receipts,
    operators(ReceiptDeps),
    list_receipts,
    ("receipt, run", "received", "webhook", "state"),
    none="No matching webhooks.",
    alone=True,
)
def list_row(receipt: ListedReceipt) -> Cells:
    """List received webhooks, newest first. The payload is not shown."""
    about = (receipt.connection, receipt.topic, f"{receipt.remote_object or ''} {receipt.remote_id or ''}".strip())
    return (
        f"{receipt.id}\n{receipt.correlation_id}",
        moment(receipt.received_at).replace(" ", "\n"),
        "\n".join(filter(None, about)),
        f"dead letter\n{receipt.dead_letter}" if receipt.dead_letter else "done" if receipt.settled_at else "waits",
    )
