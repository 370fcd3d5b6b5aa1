"""A client of the Salesforce emulator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..conftest import RunningEmulators

TOKEN = "salesforce-dev-token"


class Desk:
    """The API of one org, with what the tests ask of it most."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.http = emulators.client("/salesforce/services/data/v62.0/", headers={"Authorization": f"Bearer {TOKEN}"})

    def made(self, sobject: str, **fields: Any) -> str:
        """The id of a new record."""
        answer = self.http.post(f"sobjects/{sobject}", json=fields)
        assert answer.status_code == 201, answer.text
        assert (answer.json()["success"], answer.json()["errors"]) == (True, [])
        return answer.json()["id"]

    def query(self, soql: str, *, deleted_too: bool = False, batch: int | None = None) -> Any:
        """The answer to a query that succeeds."""
        headers = {} if batch is None else {"Sforce-Query-Options": f"batchSize={batch}"}
        answer = self.http.get("queryAll" if deleted_too else "query", params={"q": soql}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def values(self, soql: str, name: str) -> list[Any]:
        """One field of the records that a query finds."""
        return [record[name] for record in self.query(soql)["records"]]

    def refused(self, soql: str) -> str:
        """The code with which a query is refused."""
        answer = self.http.get("query", params={"q": soql})
        assert answer.status_code == 400, answer.text
        return code_of(answer)


def code_of(answer: httpx.Response) -> str:
    """The code of the first complaint."""
    return answer.json()[0]["errorCode"]


@pytest.fixture
def desk(emulators: RunningEmulators) -> Iterator[Desk]:
    """A new org."""
    desk = Desk(emulators)
    yield desk
    desk.http.close()
