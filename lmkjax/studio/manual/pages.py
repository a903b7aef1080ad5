"""The tables of `lmkjax/face/README.md`, drawn from the code.

Meanings come from the docstrings, ranges from faces drawn by the priors.
"""

import dataclasses
import inspect
import json
import re

import jax
import numpy as np

from lmkjax.face.priors import limits, options, sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks, measures
from lmkjax.landmarks import schemes, vocabulary
from lmkjax.studio import gallery

README = heads.ASSETS.parent / "README.md"
FACES = 2048
"""Faces drawn for the ranges."""
WAYS = ("right", "left"), ("down", "up"), ("back", "forward")
"""Directions along the head's axes, as the subject has them."""


def meanings(cls: type) -> dict[str, str]:
    """What a class's docstring says of each of its attributes."""
    text = inspect.getdoc(cls).partition("Attributes:")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in entries}


def tables() -> dict[str, list[str]]:
    """The rows of each table, in Markdown, by the table's name."""
    faces = sample.many(gallery.keys(0, 0, FACES))
    return {
        "priors": options.table().splitlines(),
        "parameters": _parameters(jax.tree.map(np.asarray, faces)),
        "measures": _measures(),
        "expressions": _expressions(np.asarray(faces.expression)),
        "kinds": _kinds(),
        "limits": _limits(),
        "curves": _curves(),
    }


def _row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _head(*cells):
    return [_row(*cells), "|" + "---|" * len(cells)]


def _parameters(faces):
    rows = _head("field", "numbers", "meaning", "median [1 %, 99 %]")
    return rows + [
        _row(f"`{name}`", _numbers(value), meaning, _range(value))
        for name, meaning, value in _leaves(faces)
    ]


def _leaves(part, prefix=""):
    """Path, meaning and values of each number, or few numbers, of parameters."""
    said = meanings(type(part))
    for field in dataclasses.fields(part):
        value, name = getattr(part, field.name), prefix + field.name
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, said[field.name], value


def _numbers(values):
    return " x ".join(map(str, values.shape[1:])) or "1"


def _range(values):
    """Median and the bounds of 98 % of faces, of each number if they are few."""
    flat = values.reshape(len(values), -1)
    columns = flat.T if values.ndim == 2 and flat.shape[1] < 8 else [flat.ravel()]
    texts = []
    for column in columns:
        low, middle, high = np.percentile(column, (1, 50, 99))
        texts.append(f"{middle:.2g} [{low:.2g}, {high:.2g}]")
    return "; ".join(texts)


def _measures():
    rows = _head("measure", "length", "mean, cm", "+1 is, cm", "linear")
    found = measures.table(heads.load())
    numbers = zip(found.mean_cm, found.sd_cm, found.fit, strict=True)
    for (name, (meaning, _)), (mean, spread, fit) in zip(
        measures.MEASURES.items(), numbers, strict=True
    ):
        cells = f"{mean:.2f}", f"{spread:.2f}", f"{fit:.0%}"
        rows.append(_row(f"`{name}`", meaning, *cells))
    return rows


def _expressions(drawn):
    head = heads.load()
    rows = _head("expression", "moves most", "cm", "in faces, %", "median, 99 %")
    for i, name in enumerate(head.expression_names):
        there = drawn[:, i][drawn[:, i] > 0.05]
        amounts = np.percentile(there, (50, 99)) if len(there) else (0, 0)
        share = f"{100 * len(there) / len(drawn):.0f}"
        cells = *_reach(head, i), share, f"{amounts[0]:.2f}, {amounts[1]:.2f}"
        rows.append(_row(f"`{name}`", *cells))
    return rows


def _reach(head, number):
    """Which curve an expression moves most, which way, and how far."""
    scheme = schemes.get("dense460")
    moves = np.asarray(marks.anchors(scheme, head).of(head.expression[number]))
    most = np.linalg.norm(moves, axis=1).argmax()
    length = np.linalg.norm(moves[most])
    main = [
        i for i in np.argsort(-np.abs(moves[most])) if abs(moves[most, i]) > length / 2
    ]
    way = " and ".join(WAYS[i][int(moves[most, i] > 0)] for i in main)
    curve = scheme.names[most].replace("_", " ")
    return f"{curve} {way}", f"{length:.2f}"


def _kinds():
    table = json.loads((heads.ASSETS / "expressions.json").read_text())
    rows = _head("kind", "share, %", "at full")
    for name, kind in table.items():
        pulls = {}
        for pull, amount in kind["full"].items():
            pulls.setdefault((pull.removesuffix("_L").removesuffix("_R"), amount))
        text = ", ".join(f"{pull} {amount}" for pull, amount in pulls) or "-"
        rows.append(_row(name, round(100 * kind["share"]), text))
    return rows


def _limits():
    pairs = {}
    for pair in limits.AGAINST:
        one, other = (re.sub("_[LR]$", "", name) for name in pair)
        pairs.setdefault(one, []).append(other)
    rows = _head("pull", "gives way to, and the other way round")
    for one, others in pairs.items():
        rows.append(_row(one, ", ".join(dict.fromkeys(others))))
    return rows


def _curves():
    rows = _head("name", "kind", "region", "passes iBug's points")
    for name, curve in vocabulary.CURVES.items():
        side, _, rest = name.partition("_")
        if side == "left" and f"right_{rest}" in vocabulary.CURVES:
            continue
        partner = vocabulary.CURVES[vocabulary.opposite(name)]
        other = partner.ibug if side == "right" else ()
        title = f"right_{rest}`, `left_{rest}" if side == "right" else name
        kind = "area" if curve.area else "closed curve" if curve.closed else "curve"
        knots = ", ".join(f"{k[0]} to {k[-1]}" for k in (curve.ibug, other) if k)
        rows.append(_row(f"`{title}`", kind, curve.region, knots or "-"))
    return rows


def write(text: str, drawn: dict[str, list[str]]) -> str:
    """A text with the tables between their marks replaced.

    Raises:
        ValueError: a table has no marks.
    """
    for name, rows in drawn.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"Wanted '{begin}' and '{end}' once each in the text.")
        before, after = text.split(begin)[0], text.split(end)[1]
        text = before + "\n".join([begin, *rows, end]) + after
    return text
