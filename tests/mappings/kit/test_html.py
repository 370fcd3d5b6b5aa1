"""HTML and text of one description."""

import pytest

from mappings.kit.html import has_words


@pytest.mark.parametrize(
    ("html", "text", "same"),
    [
        ("<p>Two mugs.</p><p>One is broken.</p>", "Two mugs.\n\nOne is broken.", True),
        ("<p>Broken:</p><ul><li>mug</li><li>plate</li></ul>", "Broken:\n\n  * mug\n  * plate", True),
        ("<p>Two&nbsp;mugs</p>", "Two mugs", True),
        ("<p>Refund is 50 EUR</p>", "Refund is -50 EUR", False),
        ("<p>10-20</p>", "1020", False),
        ("<p>10.5</p>", "105", False),
    ],
)
def test_only_space_and_bullets_differ(html: str, text: str, same: bool) -> None:
    assert has_words(html, text) is same
