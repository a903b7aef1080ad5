"""Figure 4 with its parts, errors over numbers of renders, and curves of training."""

import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from scipy import optimize

from lmkjax import files
from lmkjax.reproduction.figures import Spread

Line = Sequence[tuple[int, Spread]]
"""Errors by a number of faces, the numbers rising."""
GREY = "#8c8c8c"
DOCUMENTS = 50
"""Labelled faces that the document asks the worth of."""
STEEPEST = 3.0
"""The largest exponent that is tried."""


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """error = d n^-a + c."""

    d: float
    a: float
    c: float

    def __call__(self, n: Any) -> Any:
        """The error at so many faces."""
        return self.d * np.asarray(n, float) ** -self.a + self.c

    @property
    def text(self) -> str:
        """As it is told."""
        return f"{self.d:.3g} n^-{self.a:.3f} + {self.c:.3g}"


def power_law(points: Sequence[tuple[int, float]]) -> PowerLaw | None:
    """The law that fits errors best.

    Args:
        points: numbers of faces, rising, and their errors.

    Returns:
        None below four of them, and where they do not follow one: where they do not
        fall, where less than half of their variance is the law's, or where the best
        exponent is the largest that is tried, so that the first error alone is fitted.
    """
    if len(points) < 4:
        return None
    n, error = (np.array(axis, float) for axis in zip(*points, strict=True))
    first = [float(np.ptp(error)) * n.min() ** 0.5, 0.5, 0.9 * float(error.min())]
    found = optimize.least_squares(
        lambda law: PowerLaw(*law)(n) - error,
        np.maximum(first, 1e-6),
        bounds=([0, 0, 0], [np.inf, STEEPEST, np.inf]),
        x_scale="jac",
    )
    law = PowerLaw(*map(float, found.x))
    falls = law(n[0]) - law(n[-1]) > 1e-3 * law(n[-1])
    told = np.mean((law(n) - error) ** 2) <= np.var(error) / 2
    fits = found.success and not found.active_mask[1] and falls and told
    return law if fits else None


def worth(line: Line, error: float) -> float | None:
    """How many labelled faces a line needs for an error, between its points.

    None where the line does not reach it, or begins below it.
    """
    for (n, before), (m, after) in zip(line, line[1:], strict=False):
        if before.mean >= error >= after.mean and before.mean > after.mean:
            share = (before.mean - error) / (before.mean - after.mean)
            return float(np.exp(np.log(n) + share * (np.log(m) - np.log(n))))
    return None


def figure_4(
    path: pathlib.Path,
    lines: Mapping[str, Line],
    *,
    real: str,
    tuned: str,
    label: str,
    published: Mapping[str, Sequence[tuple[int, float]]],
) -> None:
    """Draws errors over labelled faces, and the document's three parts of it.

    Args:
        path: a PNG.
        lines: by their names.
        real: name of "real only".
        tuned: name of "fine-tuning".
        label: of the error's axis.
        published: others' results, labelled as such.
    """
    figure = matplotlib.figure.Figure(figsize=(12, 9), layout="constrained")
    whole, part_a, part_b, part_c = figure.subplots(2, 2).flat
    colours = {name: f"C{number}" for number, name in enumerate(lines)}
    pair = [name for name in (real, tuned) if name in lines]
    for name, line in lines.items():
        _errors(whole, line, color=colours[name], label=name)
        width = 2.5 if name == real else 1.0
        _errors(part_b, line, color=colours[name], linewidth=width)
    for name, points in published.items():
        told = f"published: {name}"
        whole.plot(*zip(*points, strict=True), "x:", color=GREY, label=told)
    for name in pair:
        _errors(part_a, lines[name], color=colours[name], linewidth=2.5)
    if len(pair) == 2:
        _equal(part_a, lines[real], lines[tuned])
        _gaps(part_c, lines[real], lines[tuned])
    whole.set_title("Figure 4: errors over labelled real faces")
    part_a.set_title(f"Figure 4A: {real} and {tuned}")
    part_b.set_title(f"Figure 4B: {real} (thick) and what renders add")
    part_c.set_title(f"Figure 4C: {real} minus {tuned}")
    numbers = sorted({n for line in lines.values() for n, _ in line})
    for axes in (whole, part_a, part_b, part_c):
        axes.set(xscale="log", xlabel="labelled real faces", ylabel=label)
        axes.set_xticks(numbers, map(str, numbers))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    part_c.set_ylabel("difference of NME, %")
    figure.legend(
        *whole.get_legend_handles_labels(), loc="outside lower center", ncols=3
    )
    _save(figure, path)


def renders(
    path: pathlib.Path, lines: Mapping[str, Sequence[tuple[int, float]]], *, label: str
) -> None:
    """Draws errors over numbers of rendered faces, with the law that fits each."""
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, points) in enumerate(lines.items()):
        colour = f"C{number}"
        axes.plot(*zip(*points, strict=True), "o", color=colour, label=name)
        if law := power_law(points):
            n = np.geomspace(points[0][0], points[-1][0])
            axes.plot(n, law(n), color=colour, label=law.text)
    axes.set(xscale="log", xlabel="rendered faces", ylabel=label)
    numbers = sorted({n for points in lines.values() for n, _ in points})
    axes.set_xticks(numbers, [f"{n:,}" for n in numbers])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def training(
    path: pathlib.Path, curves: Mapping[str, Sequence[Sequence[float]]]
) -> None:
    """Draws errors on held-out faces over the steps of each row."""
    figure = matplotlib.figure.Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), marker=".", label=name)
    axes.set(xlabel="step", ylabel="held-out real faces, as they come: ocular NME, %")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=7)
    _save(figure, path)


def _errors(axes: Any, line: Line, **how: Any) -> None:
    n, errors = zip(*line, strict=True)
    spreads = [one.spread or 0.0 for one in errors]
    means = [one.mean for one in errors]
    axes.errorbar(n, means, spreads, marker=".", capsize=2, **how)


def _equal(axes: Any, real: Line, tuned: Line) -> None:
    """How many labels alone are worth what the fewest are after synthetic faces."""
    for n, error in sorted(tuned, key=lambda point: point[0] < DOCUMENTS):
        if equal := worth(real, error.mean):
            told = f"{n} after synthetic faces are worth {equal:.0f} alone"
            axes.plot([n, equal], [error.mean] * 2, "--", color=GREY, label=told)
            axes.legend()
            return


def _gaps(axes: Any, real: Line, tuned: Line) -> None:
    other = dict(tuned)
    n = [n for n, _ in real if n in other]
    gaps = [one.mean - other[m].mean for m, one in real if m in other]
    axes.plot(n, gaps, "o-")
    axes.axhline(0, color=GREY, linewidth=1)


def _save(figure: matplotlib.figure.Figure, path: pathlib.Path) -> None:
    """Writes a PNG, whole or not at all."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, png.getvalue())
