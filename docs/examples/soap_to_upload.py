"""Read customers from a SOAP service, and upload them to Lockstitch as an export.

    pip install httpx zeep
    export LOCKSTITCH_API_KEY=lsk_…          # scope customers:write
    python soap_to_upload.py --wsdl https://erp.example/customers?wsdl --api https://lockstitch.example \\
        --connection erp --run nightly-2026-05-01

Change `read_customers` and `COLUMNS` for your service; the rest stays. Run it again after any failure, with the same
`--run`: a part that was recorded is not recorded again. A row that equals the last one of its customer number is a
duplicate in any run, so what the service repeats has no second effect.

Exits with 0 if every row was taken, 1 if Lockstitch or the service failed, 3 if rows were refused: they are dead
letters, and the next run does not repeat them.
"""

import argparse
import csv
import io
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import zeep
from zeep.exceptions import Error as SoapError
from zeep.transports import Transport

# The columns of the layout in lockstitch.toml, and the member of the service's record for each.
COLUMNS = {"Customer No": "Number", "Name": "Name", "E-mail": "Email", "State": "State", "Since": "Since"}
ROWS_PER_PART = 20_000
SECONDS = 60
"""How long one request may take, at the service and at Lockstitch."""
REFUSED = 3


def read_customers(wsdl: str) -> Iterator[dict[str, Any]]:
    """Yield the customers of the service, page by page, in the order of their numbers."""
    transport = Transport(timeout=SECONDS, operation_timeout=SECONDS)
    settings = zeep.Settings(forbid_dtd=True)
    service = zeep.Client(wsdl, transport=transport, settings=settings).service
    after = ""
    while True:
        page = service.ListCustomers(after=after)
        customers = zeep.helpers.serialize_object(page["Customer"], dict) or []
        yield from customers
        if not customers or not page["More"]:
            return
        after = customers[-1]["Number"]


def as_csv(customers: list[dict[str, Any]]) -> bytes:
    """Return a CSV file (RFC 4180) of these customers. A missing value is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for customer in customers:
        values = (customer[member] for member in COLUMNS.values())
        writer.writerow("" if value is None else value for value in values)
    return text.getvalue().encode()


def upload(api: httpx.Client, connection: str, run: str, part: int, content: bytes) -> dict[str, Any]:
    """Upload a part, wait until its rows are processed, and return the result."""
    headers = {"Idempotency-Key": f"{run}-{connection}-{part}", "X-Correlation-ID": run, "Content-Type": "text/csv"}
    answer = _checked(api.post(f"/v1/uploads/{connection}", content=content, headers=headers))
    place, pause = answer.headers["location"], 0.2
    while (result := _checked(api.get(place)).json())["state"] != "done":
        time.sleep(pause)
        pause = min(10.0, pause * 1.5)
    return result


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    problem = answer.json()
    sys.exit(f"{problem['code']}: {problem['detail']} {problem['next_step']}")


def main() -> None:
    """Read, upload, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wsdl", required=True, help="The address of the service's description.")
    parser.add_argument("--api", required=True, help="The address of Lockstitch.")
    parser.add_argument("--connection", required=True, help="The connection of the vendor csv.")
    parser.add_argument("--run", required=True, help="A name for this run; the same one when it is repeated.")
    options = parser.parse_args()
    authorization = {"Authorization": f"Bearer {os.environ['LOCKSTITCH_API_KEY']}"}
    refused = 0
    with httpx.Client(base_url=options.api, headers=authorization, timeout=SECONDS) as api:
        customers, part = read_customers(options.wsdl), 0
        while rows := list(islice(customers, ROWS_PER_PART)):
            part += 1
            result = upload(api, options.connection, options.run, part, as_csv(rows))
            refused += result["refused"]
            counts = ", ".join(f"{result[name]} {name}" for name in ("rows", "accepted", "duplicates", "refused"))
            sys.stdout.write(f"part {part}: {counts}\n")
    sys.exit(REFUSED if refused else 0)


if __name__ == "__main__":
    try:
        main()
    except (SoapError, httpx.TransportError, OSError) as error:
        sys.exit(f"{type(error).__name__}: run it again with the same --run.")
