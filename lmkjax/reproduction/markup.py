"""A report as a list of blocks, to Markdown and to one HTML page that needs no net."""

import base64
import dataclasses
import html
import pathlib
import re
from collections.abc import Iterable, Sequence

STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: 0.2em 0.7em; border-bottom: 1px solid #ccc; text-align: right; }
.text { text-align: left; }
caption { text-align: left; font-weight: bold; padding: 0.3em 0; }
img { max-width: 100%; }
pre { background: #f3f3f3; padding: 0.7em; overflow-x: auto; font-size: 13px; }
figcaption { color: #555; }
"""


@dataclasses.dataclass(frozen=True)
class Heading:
    """A title; level 1 is the report's own."""

    text: str
    level: int = 2


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph; what stands between `backticks` is set as code."""

    text: str


@dataclasses.dataclass(frozen=True)
class Points:
    """A list of short texts."""

    lines: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table with a title; its first columns, `texts` of them, are text."""

    title: str
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    texts: int = 1


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG in or below the report's folder."""

    file: pathlib.Path
    caption: str


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines as they are typed."""

    lines: Sequence[str]


Block = Heading | Text | Points | Table | Picture | Code


def markdown(blocks: Iterable[Block], folder: pathlib.Path) -> str:
    """The report as Markdown; pictures stay files, named from its folder."""
    return "\n\n".join(_markdown(block, folder) for block in blocks) + "\n"


def page(title: str, blocks: Iterable[Block]) -> str:
    """The report as one HTML page, its pictures inside."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"{body}\n</html>\n"
    )


def _markdown(block: Block, folder: pathlib.Path) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Points(lines):
            return "\n".join(f"- {line}" for line in lines)
        case Code(lines):
            return "\n".join(["```sh", *lines, "```"])
        case Picture(file, caption):
            return f"![{caption}]({file.relative_to(folder).as_posix()})"
        case Table(title, columns, cells, texts):
            marks = [":--"] * texts + ["--:"] * (len(columns) - texts)
            rows = [columns, marks, *cells]
            lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
            return "\n".join([f"**{title}**", "", *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{_inline(text)}</p>"
        case Points(lines):
            return "<ul>" + "".join(f"<li>{_inline(x)}</li>" for x in lines) + "</ul>"
        case Code(lines):
            return f"<pre>{html.escape(chr(10).join(lines))}</pre>"
        case Picture(file, caption):
            data = base64.b64encode(file.read_bytes()).decode()
            told = html.escape(caption, quote=True)
            return (
                f'<figure><img alt="{told}" src="data:image/png;base64,{data}">'
                f"<figcaption>{told}</figcaption></figure>"
            )
        case Table(title, columns, cells, texts):
            kinds = [' class="text"'] * texts + [""] * (len(columns) - texts)
            rows = [("th", columns), *(("td", row) for row in cells)]
            body = "".join(
                "<tr>"
                + "".join(
                    f"<{tag}{kind}>{_inline(cell)}</{tag}>"
                    for kind, cell in zip(kinds, row, strict=True)
                )
                + "</tr>\n"
                for tag, row in rows
            )
            return f"<table><caption>{_inline(title)}</caption>\n{body}</table>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
