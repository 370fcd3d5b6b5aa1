"""HTML and text of one description."""

import pytest

from mappings.kit.html import has_words, text_of


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


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>Two mugs.<br><br>One is broken.</div>", "Two mugs.\n\nOne is broken."),
        ("<div>Two mugs.</div><div><br></div>\n<div>One is broken.<br></div>", "Two mugs.\n\nOne is broken."),
        ("<p>Two mugs.</p> <p>&nbsp;</p> <p>One is broken.</p>", "Two mugs.\n\nOne is broken."),
        ("<br><ul> <li>mug</li> <li>plate</li></ul><br>", "mug\nplate"),
    ],
)
def test_blank_lines_are_kept(html: str, text: str) -> None:
    assert text_of(html) == text
