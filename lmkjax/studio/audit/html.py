"""The report as one HTML page that needs nothing else, and as lines for a terminal."""

import base64
import html
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lmkjax.studio.audit import charts, population, sharpness
from lmkjax.studio.audit.laws import Law

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62em;
  margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { padding: 0.25em 0.7em; border-bottom: 1px solid #ddd; text-align: left;
  vertical-align: top; }
td.number, th.number { text-align: right; }
.law td:nth-child(n+3) { white-space: nowrap; }
.yes { color: #1b7837; } .no { color: #b2182b; font-weight: bold; }
.yes, .no { white-space: nowrap; }
td small, figcaption { color: #555; }
figure { margin: 1em 0; } img { max-width: 100%; }
"""
ASK = (
    "There are no real faces beside them. 300-W's folder would bring them:"
    " --ibug-300w FOLDER, which holds afw, helen and lfpw. Its photos are not shown,"
    " only figures of all of its training part together."
)


def lines(
    laws: Sequence[Law],
    found: population.Comparison,
    pictures: sharpness.Comparison,
) -> list[str]:
    """The report for a terminal: a line for each law, group, component, pose, ring."""
    text = [
        f"{_word(law.passed):10} {law.name}: {_figure(law)}, {_limit(law)}"
        for law in laws
    ]
    for name in population.GROUPS:
        ours = f"spread {found.rendered.spread[name]:.2f} %"
        if found.real is None:
            text.append(f"{'':10} {name}: {ours}")
            continue
        text.append(
            f"{_word(found.within(name)):10} {name}: means {found.apart[name]:.2f} %"
            f" apart, at most {found.real.spread[name]:.2f} (spread of the real; of the"
            f" rendered {found.rendered.spread[name]:.2f})"
        )
    for name, *cells in [*_measures(found), *_powers(pictures)]:
        both = zip(_kinds(found), cells, strict=True)
        text.append(f"{'':10} {name}: " + ", ".join(f"{k} {c}" for k, c in both))
    return text if found.real else [*text, ASK]


def write(
    laws: Sequence[Law],
    found: population.Comparison,
    pictures: sharpness.Comparison,
    *,
    faces: bytes,
    origin: Mapping[str, str],
) -> str:
    """The page.

    Args:
        laws: what was measured.
        found: the populations.
        pictures: how sharp they are.
        faces: the picture of `charts.faces`.
        origin: where the numbers come from, such as "seed": "0".
    """
    groups = [found.within(name) for name in population.GROUPS]
    verdict = f"{sum(law.passed for law in laws)} of {len(laws)} laws hold"
    if found.real:
        verdict += f"; {sum(groups)} of {len(groups)} groups of points are within the"
        verdict += " spread of real faces"
    parts = [
        "<h1>The synthetic face: how good it is</h1>",
        f"<p><b>{verdict}.</b></p>",
        _table([], [[html.escape(k), html.escape(v)] for k, v in origin.items()]),
        "<h2>Laws</h2>",
        "<p>What must hold between a picture, its landmarks and its parameters,"
        " measured on these faces.</p>",
        _laws(laws),
        _picture(
            faces,
            "First row: faces as drawn; landmarks green where seen, red behind the"
            " head, yellow behind hair or a thing. Second: bare heads, on which mirror"
            " images are compared. Third: the same from mirrored parameters.",
        ),
        "<h2>Statistics</h2>",
        f"<p>{_told(found)}</p>",
        "<h3>Mean shape</h3>",
        _rule(found),
        _groups(found),
        _picture(
            charts.means(found), "The mean of the 68 points, of each kind of faces."
        ),
        "<h3>Components and pose</h3>",
        _table(["", *_kinds(found)], _measures(found), numbers=True),
        _picture(charts.components(found), _of_components(found)),
        _picture(
            charts.poses(found),
            "Left: what stands for yaw, dashed where a head counts as turned. Right:"
            " what stands for roll. The outermost bars count what lies beyond them.",
        ),
        "<h3>Sharpness</h3>",
        f"<p>{_of_pictures(pictures)}</p>",
        _table(["cycles per pixel", *_kinds(found)], _powers(pictures), numbers=True),
        _picture(
            charts.sharp(pictures),
            "Lines: the median; shaded: from the 10th to the 90th percentile.",
        ),
    ]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>The synthetic face</title>\n<style>{STYLE}</style>\n</head>",
            "<body>",
            *parts,
            "</body>\n</html>\n",
        ]
    )


def _told(found):
    count = f"{len(found.rendered.offset):,} rendered faces"
    if found.real:
        count += f" beside the {len(found.real.offset):,} real ones of 300-W's train"
    text = (
        f"The 68 iBug points of {count}, each face moved, turned and scaled onto the"
        " mean (Procrustes). No rendered head is turned by the prior large_poses:"
        " 300-W has hardly any such. Lengths are in % of the mean's distance between"
        " the outer corners of the eyes."
    )
    return text if found.real else f"{text} <b>{html.escape(ASK)}</b>"


def _rule(found):
    text = "Spread: of faces around their own mean, root mean square over the points."
    if found.real:
        text += " A group of points passes where the two means are no farther apart"
        text += " than real faces spread."
    return f"<p>{text}</p>"


def _of_components(found):
    whose = "the real faces" if found.real else "these faces"
    text = f"The first principal components of {whose}, a row each, at"
    text += f" {charts.AMOUNT:g} standard deviations less and more; grey: the mean."
    if found.real:
        text += " Both kinds move in the same directions, each by its own deviation."
    return text


def _of_pictures(pictures):
    count = f"{pictures.rendered.count:,} rendered faces"
    if pictures.real:
        count += f" beside {pictures.real.count:,} of 300-W's train"
    return (
        f"Power by frequency of {count}, each cut out as the square of"
        f" {sharpness.FRAMING.margin:g} times the longer side of its box,"
        f" {sharpness.SIDE} pixels wide: decimal logarithm, over that between"
        " {:g} and {:g} cycles per pixel. Blurred pictures lack it, noisy ones have"
        " too much.".format(*sharpness.RINGS[:2])
    )


def _powers(pictures) -> list[list[str]]:
    """Rows of figures: the ring, then a median and a middle for each kind of faces."""
    kinds = [kind for kind in (pictures.rendered, pictures.real) if kind]
    rows = []
    for ring, edges in enumerate(itertools.pairwise(sharpness.RINGS[1:])):
        cells = [
            "{1:.2f} ({0:.2f} to {2:.2f})".format(*k.power[:, ring]) for k in kinds
        ]
        rows.append(["power at {:g} to {:g}".format(*edges), *cells])
    return rows


def _measures(found) -> list[list[str]]:
    """Rows of figures: their name, then one for each kind of faces."""
    kinds = [kind for kind in (found.rendered, found.real) if kind]
    rows = [
        [f"component {i + 1}, standard deviation, %"]
        + [f"{kind.deviations[i]:.1f}" for kind in kinds]
        for i in range(len(found.components))
    ]
    limit = population.TURNED
    for name, figure in (
        ("variance that these hold, %", lambda k: f"{100 * k.share:.0f}"),
        (
            "nose's tip off the middle, spread, ocular distances",
            lambda k: f"{k.offset.std():.3f}",
        ),
        (
            f"farther off than {limit:g}, % of faces",
            lambda k: f"{100 * (np.abs(k.offset) > limit).mean():.0f}",
        ),
        (
            "99 % of faces are at most so far off",
            lambda k: f"{np.quantile(np.abs(k.offset), 0.99):.2f}",
        ),
        ("tilt of the eyes, spread, degrees", lambda k: f"{k.tilt_deg.std():.1f}"),
    ):
        rows.append([name, *map(figure, kinds)])
    return rows


def _kinds(found):
    return ["rendered", "real"] if found.real else ["rendered"]


def _laws(laws):
    rows = [
        [
            _verdict(law.passed),
            f"{html.escape(law.name)}<br><small>{html.escape(law.note)}</small>",
            _figure(law),
            _limit(law),
        ]
        for law in laws
    ]
    return _table(["", "law", "measured", "limit"], rows, mark="law")


def _groups(found):
    rows = []
    for name in population.GROUPS:
        ours = f"{found.rendered.spread[name]:.2f}"
        if found.real is None:
            rows.append([name, ours])
            continue
        gap, theirs = f"{found.apart[name]:.2f}", f"{found.real.spread[name]:.2f}"
        rows.append([name, gap, theirs, ours, _verdict(found.within(name))])
    names = ["points", "spread of rendered, %"]
    if found.real:
        names = ["points", "means apart, %", "spread of real, %", *names[1:], ""]
    return _table(names, rows, numbers=True)


def _table(names, rows: Iterable[Sequence[str]], *, numbers=False, mark=""):
    """A table of the class `mark`; `numbers`: all but the first column are right."""

    def row(cells, tag):
        kind = ' class="number"' if numbers else ""
        return "<tr>" + "".join(
            f"<{tag}{kind if i else ''}>{cell}</{tag}>" for i, cell in enumerate(cells)
        )

    head = [row(names, "th")] if names else []
    begin = f'<table class="{mark}">' if mark else "<table>"
    return "\n".join([begin, *head, *(row(r, "td") for r in rows), "</table>"])


def _picture(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _word(passed: bool) -> str:
    return "passed" if passed else "NOT PASSED"


def _verdict(passed: bool) -> str:
    return f'<span class="{"yes" if passed else "no"}">{_word(passed)}</span>'


def _figure(law: Law) -> str:
    return f"{law.figure:.4g} {law.unit}"


def _limit(law: Law) -> str:
    return f"{'at least' if law.least else 'at most'} {law.limit:g}"
