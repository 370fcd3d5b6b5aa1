"""What HAProxy answers by itself is a problem document, as Lockstitch's own answers are."""

import re

import msgspec
import pytest

from app.errors import CATALOGUE
from app.problem_document import ProblemDocument
from tests.deploy.files import ROOT

CONFIGURATION = (ROOT / "deploy" / "haproxy.cfg").read_text()
ANSWERS = re.findall(r"^ *http-error status (\d+) content-type (\S+) lf-string '(.*)' (hdr .*)$", CONFIGURATION, re.M)


def test_each_status_that_haproxy_makes_for_a_call_has_an_answer() -> None:
    assert [int(status) for status, *_ in ANSWERS] == [503, 502, 504]


@pytest.mark.parametrize(("status", "media_type", "text", "headers"), ANSWERS, ids=[each[0] for each in ANSWERS])
def test_an_answer_of_haproxy_is_a_problem(status: str, media_type: str, text: str, headers: str) -> None:
    body = re.sub(r"%\[.*?\]", "x", text.replace("""'"'"'""", "'"))
    problem = msgspec.json.decode(body, type=ProblemDocument)
    assert media_type == "application/problem+json"
    assert set(msgspec.json.decode(body)) == {
        field.name for field in msgspec.structs.fields(ProblemDocument) if field.required
    }
    assert problem.status == int(status)
    assert problem.title == CATALOGUE[problem.code].title
    assert problem.type.endswith(f"/problems/{problem.code}")
    assert headers == f'hdr Retry-After {problem.retry_after} hdr X-Correlation-ID "%[var(txn.correlation)]"'
