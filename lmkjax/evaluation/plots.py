"""Pictures of results: error curves, errors by region, faces with their points."""

import io
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np

from lmkjax import files

COLOURS = {
    "truth": "#19d719",
    "direct": "#e3261f",
    "subset": "#e3261f",  # never beside "direct"
    "transfer": "#ff9d00",
    "adapted": "#c03bff",
    "mean_face": "#8c8c8c",
}
"""Of points and curves, told apart on skin; others take matplotlib's in order."""
LIMIT = 10.0
"""Where the axis of cumulative errors ends, % NME."""
# Titles hold names of folders and schemes: a "$" in one begins no formula.


def write_curves(
    path: pathlib.Path,
    errors: Mapping[str, np.ndarray],
    *,
    title: str,
    normaliser: str = "ocular",
) -> None:
    """Draws curves of cumulative errors (CED) into a PNG.

    Args:
        path: the file.
        errors: for each curve's name the NME of every face, %.
        title: what was tested; a stand-in is called one.
        normaliser: of the NME.
    """
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, values in errors.items():
        ordered = np.sort(np.asarray(values, np.float64))
        if not len(ordered):
            continue
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        label = f"{name}: median {np.median(ordered):.2f} %"
        # From 0 on, and on to the limit: a face more is a step up at its error.
        x = np.concatenate([[0.0], ordered[ordered <= LIMIT], [LIMIT]])
        y = np.concatenate([[0.0], share[ordered <= LIMIT]])
        y = np.append(y, y[-1])
        axes.step(x, y, where="post", label=label, color=COLOURS.get(name))
    axes.set(xlim=(0, LIMIT), ylim=(0, 1))
    axes.set_title(title, parse_math=False)
    axes.set(xlabel=f"{normaliser} NME, %", ylabel="share of faces at or below")
    axes.grid(alpha=0.3)
    if axes.has_data():
        figure.legend(loc="outside lower center", ncols=2)
    _save(figure, path)


def write_line(
    path: pathlib.Path,
    steps: Sequence[int],
    values: Sequence[float],
    *,
    title: str,
    label: str,
) -> None:
    """Draws a figure over the steps of a training into a PNG; its least is marked."""
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(steps, values, marker=".", color=COLOURS["transfer"])
    least = int(np.argmin(values))
    note = f"least: {values[least]:.2f} at step {steps[least]}"
    axes.plot(steps[least], values[least], "o", color=COLOURS["truth"], label=note)
    axes.set(xlabel="step", ylabel=label, ylim=(0, None))
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def write_calibration(
    path: pathlib.Path, figures: Mapping[str, Any], *, title: str
) -> None:
    """Draws into a PNG how often what a network says is so.

    Args:
        path: the file.
        figures: see `calibration.measure`.
        title: what was tested.
    """
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#8c8c8c", linewidth=1)
    levels = sorted((float(level), so) for level, so in figures["within"].items())
    axes.plot(*zip(*levels, strict=True), "o-", label="truth within the region")
    told = [
        f"rank correlation of deviation and error {figures['rank_correlation']:.2f}"
    ]
    if "reliability" in figures:
        said, so, _ = zip(*figures["reliability"], strict=True)
        axes.plot(said, so, "s-", label="point visible")
        areas = [f"{name} {area:.3f}" for name, area in figures["auroc"].items()]
        told.append(f"AUROC: {', '.join(areas)}")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_title(title, parse_math=False)
    axes.set(xlabel="\n".join(["as often as is said", *told]), ylabel="is so")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    _save(figure, path)


def write_faces(
    path: pathlib.Path,
    images: np.ndarray,
    points: Mapping[str, np.ndarray],
    *,
    title: str,
) -> None:
    """Draws faces with their points, in a grid, into a PNG.

    Args:
        path: the file.
        images: [n, h, w, 3], uint8 or float in [0, 1].
        points: for each name, such as "truth", [n, k, 2] in pixels of the images.
        title: what is shown.

    Raises:
        ValueError: no face.
    """
    if not len(images):
        raise ValueError("Wanted at least one face to draw; got none.")
    columns = min(4, len(images))
    lines = math.ceil(len(images) / columns)
    size = (2.5 * columns, 2.5 * lines + 0.7)
    figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
    for number, image in enumerate(images):
        axes = figure.add_subplot(lines, columns, number + 1)
        draw(axes, image, {name: of[number] for name, of in points.items()})
    figure.suptitle(title, parse_math=False)
    handles = figure.axes[0].get_legend_handles_labels()
    if handles[0]:
        figure.legend(*handles, loc="outside lower center", ncols=4, markerscale=2.5)
    _save(figure, path, pil_kwargs={"compress_level": 4})  # of 9: faces hardly shrink


def draw(axes: Any, image: np.ndarray, points: Mapping[str, np.ndarray]) -> None:
    """Draws one image and its points into matplotlib axes, in our coordinates."""
    height, width = image.shape[:2]
    axes.imshow(np.asarray(image), extent=(0, width, height, 0))  # corner, not centre
    for name, of in points.items():
        area = 6 if len(of) <= 100 else 1.5
        colour = COLOURS.get(name)
        axes.scatter(of[:, 0], of[:, 1], s=area, c=colour, lw=0, label=name)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()


def _save(figure: matplotlib.figure.Figure, path: pathlib.Path, **options: Any) -> None:
    """Writes the figure as PNG, whole or not at all."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120, **options)
    files.write(pathlib.Path(path), png.getvalue())
