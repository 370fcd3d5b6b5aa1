"""The diff of two revisions: it shows every difference at its path, without personal data."""

import json
import re
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.revisions.diff import compare_drafts, compare_readings
from canonical.customer import Consent, Customer, Email
from canonical.parts import Loss
from mappings.endpoints import FieldRefusal
from mappings.spec import Draft, Mapped, Remote, Unmappable

REMOTE = Remote(id="51")
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=4, max_size=30).filter(
    lambda text: any(map(str.isalpha, text))
)


def reading(*, loss: tuple[Loss, ...] = (), **fields: Any) -> Mapped[Customer]:
    return Mapped(data=Customer(**fields), remote=REMOTE, loss=loss)


def differences_between(before: Any, after: Any) -> dict[str, Any]:
    compare = compare_drafts if isinstance(before, Draft) else compare_readings
    return {path: json.loads(sample) for path, sample in compare(before, after)}


@given(st.builds(Customer, first_name=st.none() | NAMES, emails=st.tuples(st.builds(Email, address=NAMES))))
def test_the_same_is_no_difference(customer: Customer) -> None:
    assert (
        differences_between(reading(**msgspec.structs.asdict(customer)), reading(**msgspec.structs.asdict(customer)))
        == {}
    )


@given(NAMES, NAMES)
def test_no_letter_of_a_person_is_kept(one: str, other: str) -> None:
    before = reading(first_name=one, emails=(Email(address=one),))
    after = reading(first_name=other + "!", emails=(Email(address=other + "!"), Email(address=one)))

    kept = json.dumps([*differences_between(before, after).values()], ensure_ascii=False)

    # Of what is kept, the words are names of members and of ours; all that was said is marks, x and 0.
    remains = re.sub(r"active|shadow|address|type|is_primary|status|unknown|null|true|false", "", kept)
    assert not {letter for letter in remains if letter.isalpha() and letter != "x"}
    assert not {digit for digit in remains if digit.isdigit() and digit != "0"}


def test_words_of_the_model_are_shown_and_what_is_missing_is_absent() -> None:
    before = reading(status="active", emails=(Email(address="ann@example.com"),))
    after = reading(
        status="archived",
        emails=(Email(address="ann@example.com"), Email(address="lee@example.org")),
        consents=(Consent(channel="email", state="opted_out"),),
    )

    differences = differences_between(before, after)

    assert differences["/status"] == {"active": "active", "shadow": "archived"}
    assert differences["/emails/*"] == {
        "shadow": '{address: "xxx@xxxxxxx.xxx", type: unknown, is_primary: false, status: unknown}'
    }
    assert differences["/consents/*"] == {"shadow": "{channel: email, state: opted_out}"}
    assert differences.keys() == {"/status", "/emails/*", "/consents/*"}


def test_losses_that_only_one_has() -> None:
    dropped = Loss(path="/emails/2", kind="dropped", detail="an additional address of Ann")
    coerced = Loss(path="/emails/0/address", kind="coerced", detail="lower-cased")

    assert differences_between(reading(loss=(dropped, coerced)), reading(loss=(coerced,))) == {
        "/meta/loss/emails/*": {"active": "dropped"}
    }


def test_a_refusal_of_the_whole() -> None:
    refusal = Unmappable("$.properties.email", "Expected `str | null`, got `int`")

    assert differences_between(refusal, refusal) == {}
    assert differences_between(reading(), refusal) == {
        "": {"active": "read", "shadow": "refused: Expected `str | null`, got `int` - at $.properties.email"}
    }


def test_drafts_are_compared_by_body_and_by_what_they_refuse() -> None:
    refused = (FieldRefusal(kind="unsupported", pointer="/emails/1", detail="one address only"),)
    before = Draft(body={"properties": {"email": "ann@example.com"}}, refused=refused)
    after = Draft(body={"properties": {"email": "ann@example.com", "more": "lee@example.org"}})

    assert differences_between(before, after) == {
        "/properties/more": {"shadow": '"xxx@xxxxxxx.xxx"'},
        "/refused/emails/*": {"active": "unsupported"},
    }
