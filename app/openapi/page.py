"""Render the API reference as one HTML page, without scripts and external resources."""

from html import escape
from typing import Any, Final

import msgspec

Schema = dict[str, Any]

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6472;--line:#dfe3e8;--paper:#fff;--tint:#f4f6f8}
@media(prefers-color-scheme:dark){main a{color:#7fb2ea!important}
:root{--ink:#e7eaee;--soft:#9aa4b2;--line:#333b46;--paper:#14181d;--tint:#1d232a}}
*{box-sizing:border-box}body{margin:0;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
.page{display:grid;grid-template-columns:15rem minmax(0,1fr);max-width:78rem;margin:auto}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:2rem 1rem;font-size:.86rem}
nav b{display:block;margin:1rem 0 .2rem}nav a{display:block;color:var(--soft);text-decoration:none;padding:.1rem 0}
main{padding:2rem 1.5rem 6rem}h1{margin:0;font-size:2rem}h2{margin:3rem 0 .5rem;border-bottom:1px solid var(--line)}
article{margin:1.6rem 0 2.4rem}h3{margin:0;font-size:1.1rem}.call{font:600 .95rem ui-monospace,monospace}
.method{display:inline-block;min-width:4rem;padding:.1rem .5rem;margin-right:.5rem;border-radius:4px;color:#fff;
text-align:center;font-size:.78rem}.get{background:#2563a8}.post{background:#2f7d4f}.patch{background:#9a6a12}
.delete{background:#a83232}table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.5rem 0}
td{border-top:1px solid var(--line);padding:.35rem .6rem .35rem 0;vertical-align:top}td:first-child{width:13rem}
code,pre{font-family:ui-monospace,monospace;font-size:.85em}code{background:var(--tint);padding:.08em .3em;
border-radius:3px}pre{background:var(--tint);padding:.8rem;border-radius:6px;overflow:auto;max-height:26rem}
summary{cursor:pointer;color:var(--soft);margin:.4rem 0}.soft{color:var(--soft)}.lead{font-size:1.15rem}
.mark{font-size:.72rem;color:#b4552d}main a{color:#2563a8}td code{overflow-wrap:anywhere}
@media(max-width:50rem){.page{display:block}nav{position:static}}
"""


def render_page(document: Schema) -> str:
    """Render the document as HTML."""
    info = document["info"]
    menu, sections = [], []
    for tag in document["tags"]:
        calls = [
            (method, path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation["tags"]
        ]
        links = "".join(f'<a href="#{call[2]["operationId"]}">{escape(call[2]["summary"])}</a>' for call in calls)
        menu.append(f"<b>{escape(tag['name'])}</b>{links}")
        articles = "".join(_article(document, *call) for call in calls)
        sections.append(f"<h2>{escape(tag['name'])}</h2>{_paragraphs(tag['description'])}{articles}")
    shapes = "".join(_shape(name, schema) for name, schema in document["components"]["schemas"].items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Lockstitch API</title>'
        f"<style>{STYLE}</style></head><body><div class=page><nav><b>Lockstitch API</b>"
        f'<a href="/schema/openapi.json">openapi.json</a>{"".join(menu)}<b>Shapes</b><a href="#shapes">All</a></nav>'
        f"<main><h1>{escape(info['title'])} <span class=soft>{escape(info['version'])}</span></h1>"
        f"<p class=lead>{escape(info['summary'])}</p>{_paragraphs(info['description'])}{''.join(sections)}"
        f'<h2 id="shapes">Shapes</h2>{shapes}</main></div></body></html>'
    )


def _resolved(document: Schema, part: Schema) -> Schema:
    """Return what a reference to a shared parameter or answer stands for, or the part itself."""
    if "$ref" not in part:
        return part
    _, components, kind, name = part["$ref"].split("/")
    target: Schema = document[components][kind][name]
    return target


def _article(document: Schema, method: str, path: str, operation: Schema) -> str:
    parameters = [_resolved(document, one) for one in operation["parameters"]]
    parts = [
        f'<article id="{operation["operationId"]}"><h3>{escape(operation["summary"])}</h3>'
        f'<p class=call><span class="method {method}">{method.upper()}</span>{escape(path)}</p>'
        f"<p>{_prose(operation['description'])}</p>"
    ]
    if parameters:
        parts.append(_table([(_parameter(one), _meaning(one, one["schema"])) for one in parameters]))
    if "requestBody" in operation:
        (content, *_) = operation["requestBody"]["content"].values()
        parts.append(f"<p class=soft>Body: {_type(content['schema'])}</p>{_example('Example', content['example'])}")
    parts += [
        f"<details><summary>{sample['label']}</summary><pre>{escape(sample['source'])}</pre></details>"
        for sample in operation.get("x-codeSamples", ())
    ]
    done, refused = [], []
    for status, one in operation["responses"].items():
        response = _resolved(document, one)
        problem = response.get("content", {}).get("application/problem+json")
        if problem is not None:
            refused.append((f"<b>{status}</b>", _codes(problem["examples"], response["description"])))
            continue
        done.append((f"<b>{status}</b>", _answer(status, response)))
    parts.append(_table(done))
    parts.append(f"<details><summary>Problems</summary>{_table(refused)}</details>")
    return "".join(parts) + "</article>"


def _answer(status: str, response: Schema) -> str:
    parts = [_prose(response["description"])]
    for content in response.get("content", {}).values():
        if content["schema"].get("type") != "string":
            parts.append(f" {_type(content['schema'])}")
        if "example" in content and status != "202":
            parts.append(_example("Example", content["example"]))
    return "".join(parts)


def _codes(examples: Schema, description: str) -> str:
    """Render the description of a refusal; each code links to its explanation."""
    html = _prose(description)
    for code in examples:
        html = html.replace(f"<code>{code}</code>", f'<a href="/problems/{code}"><code>{code}</code></a>')
    return html.replace("; ", "<br>")


def _parameter(parameter: Schema) -> str:
    mark = " <b class=mark>required</b>" if parameter.get("required") and parameter["in"] != "path" else ""
    return f"<code>{escape(parameter['name'])}</code> <span class=soft>{parameter['in']}</span>{mark}"


def _meaning(described: Schema, schema: Schema) -> str:
    """Render the description, then the accepted values."""
    parts = [_prose(described.get("description", ""))]
    if "enum" in schema:
        return f"{parts[0]} {_type(schema)}"
    if "minimum" in schema:
        parts.append(
            f"{schema['minimum']} to {schema['maximum']}." if "maximum" in schema else f"From {schema['minimum']}."
        )
    if "default" in schema:
        parts.append(f"Default <code>{escape(str(schema['default']))}</code>.")
    elif examples := schema.get("examples"):
        example = examples[0] if isinstance(examples[0], str) else msgspec.json.encode(examples[0]).decode()
        parts.append(f"<span class=soft>e.g.</span> <code>{escape(example)}</code>")
    return " ".join(parts)


def _shape(name: str, schema: Schema) -> str:
    rows = [
        (f"<code>{escape(member)}</code><br><span class=soft>{_kind(inner)}</span>", _meaning(inner, inner))
        for member, inner in schema.get("properties", {}).items()
    ]
    meaning = _prose(schema.get("description", ""))
    return f'<details id="{name}"><summary><b>{escape(name)}</b> {meaning}</summary>{_table(rows)}</details>'


def _kind(schema: Schema) -> str:
    """Render the type without enum values, which follow the description."""
    return _type({key: value for key, value in schema.items() if key != "enum"})


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "One of " + ", ".join(f"<code>{_word(value)}</code>" for value in schema["enum"]) + "."
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return escape(" or ".join(kind) if isinstance(kind, list) else str(kind))


def _example(title: str, example: Any) -> str:
    text = msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"


def _table(rows: list[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><td>{left}</td><td>{right}</td></tr>" for left, right in rows) + "</table>"


def _word(value: Any) -> str:
    return escape("null" if value is None else str(value))


def _paragraphs(text: str) -> str:
    """Render paragraphs, and those that begin with `- ` as lists."""
    return "".join(
        f"<ul>{''.join(f'<li>{_prose(item)}</li>' for item in paragraph[2:].split(chr(10) + '- '))}</ul>"
        if paragraph.startswith("- ")
        else f"<p>{_prose(paragraph)}</p>"
        for paragraph in text.split("\n\n")
    )


def _prose(text: str) -> str:
    """Escape text, and render backticks as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
