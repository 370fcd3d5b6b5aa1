"""Hooks of MkDocs: pages outside docs/ join the site, and links to files that are no pages become their paths."""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).resolve().parents[1]
JOINED: Final = {
    "README.md": "start.md",
    "n8n-workflows/README.md": "n8n-workflows.md",
    "n8n-node/README.md": "n8n-node.md",
}
"""Pages of the repository, and their places in the site."""
LINK: Final = re.compile(r"\[([^\[\]]+)\]\((?!https?:|mailto:|#)([^()\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the joined pages."""
    for source, place in JOINED.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Point each link at its page of the site."""
    here = page.file.src_uri
    source = next((one for one, place in JOINED.items() if place == here), f"docs/{here}")

    def point(match: re.Match[str]) -> str:
        text, target = match.groups()
        path, mark, anchor = target.partition("#")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        place = JOINED.get(wanted, wanted.removeprefix("docs/") if wanted.startswith("docs/") else "")
        if files.get_file_from_path(place) is None:
            return text if text.strip("`") in wanted else f"{text} (`{wanted}`)"
        return f"[{text}]({posixpath.relpath(place, posixpath.dirname(here) or '.')}{mark}{anchor})"

    return LINK.sub(point, markdown)
