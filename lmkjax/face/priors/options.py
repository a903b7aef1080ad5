"""Priors by name: what a person asks for in words, such as `glasses=1 hats=0`."""

import dataclasses
import math
import re
from collections.abc import Iterable

from lmkjax.errors import UserError
from lmkjax.face.priors import draw, sample

LOOKS = {"photo": sample.PRIORS, "stand_in": sample.STAND_IN}
"""Priors to begin with, by name."""
KNOWN = {field.name: field for field in dataclasses.fields(draw.Priors)}


def choose(looks: str, words: str | Iterable[str]) -> draw.Priors:
    """The priors of a look, some of them replaced.

    Args:
        looks: one of `LOOKS`.
        words: `name=value` each, or one text of them with blanks between; a value of
            several numbers has commas between: `melanin=0.05,2.3,1.7`.

    Raises:
        UserError: an unknown look or prior, a value that is not of its kind.
    """
    if looks not in LOOKS:
        raise UserError(f"Unknown looks '{looks}'; known: {sorted(LOOKS)}.")
    return change(LOOKS[looks], words)


def change(priors: draw.Priors, words: str | Iterable[str]) -> draw.Priors:
    """Priors, some of them replaced; `words` and errors as for `choose`."""
    words = words.split() if isinstance(words, str) else list(words)
    values = dict(_read(word) for word in words)
    if len(values) != len(words):
        raise UserError(f"Wanted each prior once; got {' '.join(words)}.")
    return dataclasses.replace(priors, **values)


def tell(priors: draw.Priors, looks: str) -> str:
    """What `choose` was asked for: the words that make a look into these priors."""
    words = []
    for name in KNOWN:
        value = getattr(priors, name)
        if value != getattr(LOOKS[looks], name):
            numbers = value if isinstance(value, tuple) else (value,)
            words.append(f"{name}={','.join(f'{number:g}' for number in numbers)}")
    return " ".join(words)


def table() -> str:
    """All priors with what they mean and what is usual, as Markdown."""
    told = draw.Priors.__doc__.split("Attributes:")[1]
    meanings = dict(re.findall(r"^ {8}(\w+): (.*)$", told, re.MULTILINE))
    kinds = {draw.Share: "share", draw.Signed: "any number"}
    lines = ["| prior | kind | photo | stand_in | |", "|---|---|--:|--:|---|"]
    for name, field in KNOWN.items():
        kind = kinds[field.type] if field.type in kinds else "at least 0"
        values = (getattr(LOOKS[looks], name) for looks in ("photo", "stand_in"))
        shown = (str(value).strip("()") for value in values)
        lines.append(f"| `{name}` | {kind} | {' | '.join(shown)} | {meanings[name]} |")
    return "\n".join(lines)


def _read(word: str) -> tuple[str, float | tuple[float, ...]]:
    name, _, text = word.partition("=")
    if name not in KNOWN:
        raise UserError(f"Unknown prior '{name}'; known: {', '.join(KNOWN)}.")
    default, share = KNOWN[name].default, KNOWN[name].type is draw.Share
    wanted = len(default) if isinstance(default, tuple) else 1
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    low = -math.inf if KNOWN[name].type is draw.Signed else 0.0
    low = low if wanted == 1 else 1e-3  # their logarithms are taken
    high = 1.0 if share else math.inf
    fine = all(low <= n <= high and math.isfinite(n) for n in numbers)
    if len(numbers) != wanted or not fine:
        kind = "one number" if wanted == 1 else f"{wanted} numbers with commas between"
        limits = "from 0 to 1" if share else f"of at least {low:g}"
        raise UserError(
            f"Wanted '{name}=' and {kind} {limits}; got '{word}'. Usual: {default}."
        )
    return name, numbers if wanted > 1 else numbers[0]
