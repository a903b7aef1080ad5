"""The report's pictures: shapes over each other, histograms, faces in rows; as PNG."""

import io

import matplotlib.collections
import matplotlib.figure
import numpy as np
from PIL import Image

from lmkjax.face import drawing
from lmkjax.face.priors import sample
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from lmkjax.studio.audit import population, sharpness, trials

RENDERED, REAL = "#d1495b", "#1f6f8b"
ENLARGED = 5
"""How many times too long the means' differences are drawn."""
AMOUNT = 2.0
"""Standard deviations by which shapes are changed along a component."""
SHOWN = 4
"""Components that are drawn."""
COLUMNS, TILE = 6, 230
"""Faces in a row, and their side in pixels."""
MIDDLE = 0.6
"""How much of a picture's side is shown of it."""


def means(found: population.Comparison) -> bytes:
    """Both mean shapes over each other, and their differences enlarged."""
    figure = matplotlib.figure.Figure(figsize=(9, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        _frame(axes, found.rendered.mean)
    if found.real is None:
        right.remove()
        _outline(left, found.rendered.mean, RENDERED, "rendered")
        left.set_title("mean shape")
        return _png(figure)
    _outline(left, found.real.mean, REAL, "real", lw=1.6)
    _outline(left, found.rendered.mean, RENDERED, "rendered", lw=1.0)
    left.set_title("mean shapes")
    _outline(right, found.real.mean, REAL, "real", lw=0.6)
    gap = found.rendered.mean - found.real.mean
    right.quiver(
        *found.real.mean.T,
        *ENLARGED * gap.T,
        color=RENDERED,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.005,
    )
    right.set_title(f"from real to rendered, {ENLARGED} times as long")
    left.legend(loc="lower left", frameon=False)
    return _png(figure)


def components(found: population.Comparison) -> bytes:
    """Shapes along the first components, less and more, over the grey mean."""
    kinds = [("rendered", found.rendered, RENDERED)]
    if found.real is not None:
        kinds = [("real", found.real, REAL), *kinds]
    columns = [(*kind, amount) for kind in kinds for amount in (-AMOUNT, AMOUNT)]
    rows = found.components[:SHOWN]
    shapes = np.array(
        [
            [
                kind.mean + amount * kind.deviations[row] * axis
                for _, kind, _, amount in columns
            ]
            for row, axis in enumerate(rows)
        ]
    )
    figure = matplotlib.figure.Figure(figsize=(2.25 * len(columns), 2.1 * len(rows)))
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    figure.subplots_adjust(0.02, 0.0, 1, 0.95, 0, 0)
    for row, line in enumerate(grid):
        for axes, shape, column in zip(line, shapes[row], columns, strict=True):
            name, kind, colour, amount = column
            _frame(axes, shapes.reshape(-1, 2))
            _outline(axes, kind.mean, "#bbbbbb", lw=0.7, size=0)
            _outline(axes, shape, colour, lw=1.2, size=5)
            if row == 0:
                axes.set_title(f"{name}, {amount:+g} sd", fontsize=10)
        line[0].text(0, 0.5, f"{row + 1}", transform=line[0].transAxes)
    return _png(figure)


def poses(found: population.Comparison) -> bytes:
    """Histograms of what stands for yaw and for roll."""
    figure = matplotlib.figure.Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    kinds = [("rendered", found.rendered, RENDERED)]
    if found.real is not None:
        kinds.append(("real", found.real, REAL))
    for axes, field, edge, label in (
        (left, "offset", 1.5, "nose's tip off the middle, ocular distances"),
        (right, "tilt_deg", 45.0, "tilt of the line of the eyes, degrees"),
    ):
        bins = np.linspace(-edge, edge, 61)
        for name, kind, colour in kinds:
            # What lies farther out is counted in the outermost bars.
            values = np.clip(getattr(kind, field), -edge, edge)
            weights = np.full(len(values), 100 / len(values))
            axes.hist(values, bins, weights=weights, color=colour, alpha=0.5)
            axes.hist(
                values, bins, weights=weights, color=colour, histtype="step", label=name
            )
        axes.set(xlabel=label, ylabel="% of faces", xlim=(-edge, edge))
        axes.grid(alpha=0.3)
    for side in (-1, 1):
        left.axvline(side * population.TURNED, color="#777777", lw=0.8, ls="--")
    left.legend(frameon=False)
    return _png(figure)


def sharp(pictures: sharpness.Comparison) -> bytes:
    """Power by frequency: medians as lines, the middle 80 % of pictures as bands."""
    figure = matplotlib.figure.Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    middle = (sharpness.RINGS[1:-1] + sharpness.RINGS[2:]) / 2
    for name, kind, colour in (
        ("real", pictures.real, REAL),
        ("rendered", pictures.rendered, RENDERED),
    ):
        if kind is not None:
            low, half, high = kind.power
            axes.fill_between(middle, low, high, color=colour, alpha=0.2, lw=0)
            axes.plot(middle, half, color=colour, label=name)
    axes.set(xlabel="cycles per pixel", ylabel="power, decimal logarithm")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return _png(figure)


def faces(params: sample.FaceParams, scheme: schemes.Scheme, *, size: int) -> bytes:
    """The first faces of a set, three rows: as drawn, bare, and mirrored parameters.

    Args:
        params: the faces, along a leading axis.
        scheme: which landmarks are drawn into the first row.
        size: side of the pictures, pixels.
    """
    plain = trials.bare(params)
    tiles = []
    for number, shown in enumerate((params, plain, trials.mirrored(plain))):
        drawn = drawing.draw(shown, scheme, size=size)
        images = np.uint8(np.asarray(drawn.image[:COLUMNS]) * 255 + 0.5)
        points, states = np.asarray(drawn.points), np.asarray(drawn.visibility)
        marked = slice(None if number == 0 else 0)  # points in the first row alone
        for image, own, state in zip(images, points, states, strict=False):
            tile = gallery.mark(Image.fromarray(image), own[marked], state[marked])
            rim = (1 - MIDDLE) / 2 * tile.width
            box = (rim, rim, tile.width - rim, tile.width - rim)
            tiles.append(tile.resize((TILE, TILE), Image.Resampling.BICUBIC, box))
    png = io.BytesIO()
    gallery.contact(tiles, columns=len(tiles) // 3).save(png, "PNG", optimize=True)
    return png.getvalue()


def _frame(axes, points):
    """Axes that hold the points, as one sees them: y goes down."""
    low, high = points.min(0) - 8, points.max(0) + 8
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.set_axis_off()


def _outline(axes, shape, colour, label=None, lw=1.0, size=8):
    """A shape's curves as lines, its points as dots."""
    edges = matplotlib.collections.LineCollection(shape[population.IBUG.edges])
    edges.set(color=colour, lw=lw)
    axes.add_collection(edges, autolim=False)
    axes.scatter(*shape.T, s=size, color=colour, lw=0, label=label)


def _png(figure: matplotlib.figure.Figure) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return png.getvalue()
