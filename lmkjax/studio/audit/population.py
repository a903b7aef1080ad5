"""What many faces' 68 iBug points have in common, rendered ones beside real ones."""

import dataclasses

import numpy as np
from jaxtyping import Complex, Float

from lmkjax.face.priors import options, sample
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from lmkjax.studio.audit import trials
from lmkjax.types import typed

IBUG = schemes.get("ibug68")
GROUPS = IBUG.regions
RIGHT_EYE, LEFT_EYE = 36, 45
"""The outer corners, between which the ocular distance is measured."""
NOSE_TIP, JAW_ENDS = 30, (0, 16)
COMPONENTS = 6
TURNED = 0.4
"""Ocular distances that the nose's tip is off the middle in a head that is turned."""
ROUNDS = 20
SIZE = 192
"""Side of the pictures that faces are placed in; it changes no figure."""


@dataclasses.dataclass(frozen=True)
class Population:
    """One kind of faces, brought to a common frame.

    There the mean of the real faces (without real ones, of the rendered) has level
    eyes, 100 between their outer corners, and its points' mean is at (0, 0): all
    lengths are in % of the ocular distance.

    Attributes:
        mean: of the points [68 2], y down.
        spread: of each group of points, root of the mean square distance to `mean`.
        deviations: standard deviations along the components.
        share: of the variance, which the components hold, 0 to 1.
        offset: of each face, of the nose's tip from the middle of the jaw's ends,
            along the line of the eyes, in its own ocular distances [n].
        tilt_deg: of each face's line of the eyes, clockwise as one sees it [n].
    """

    mean: Float[np.ndarray, "68 2"]
    spread: dict[str, float]
    deviations: Float[np.ndarray, " c"]
    share: float
    offset: Float[np.ndarray, " n"]
    tilt_deg: Float[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Rendered faces and, where there are some, real ones.

    Attributes:
        rendered: faces.
        real: faces.
        components: the first principal components of the real faces (without real
            ones, of the rendered), unit vectors [c 68 2].
        apart: of each group, root of the mean square distance between the means.
    """

    rendered: Population
    real: Population | None
    components: Float[np.ndarray, "c 68 2"]
    apart: dict[str, float]

    def within(self, group: str) -> bool:
        """Whether the means of a group are no farther apart than real faces spread."""
        return bool(self.real and self.apart[group] <= self.real.spread[group])


def draw(
    count: int, *, seed: int, batch: int, priors: options.Priors
) -> Float[np.ndarray, "n 68 2"]:
    """The points of rendered faces, without their pictures.

    Args:
        count: how many faces.
        seed: of the set; these are its first faces.
        batch: faces at a time.
        priors: how faces are spread.
    """
    found = []
    for first in range(0, count, batch):
        params = sample.many(gallery.keys(seed, first, batch), priors)
        found.append(trials.geometry(params, IBUG, size=SIZE).points[..., :2])
    return np.concatenate(found)[:count]


@typed
def compare(
    rendered: Float[np.ndarray, "n 68 2"],
    real: Float[np.ndarray, "m 68 2"] | None = None,
) -> Comparison:
    """Both populations in one frame, after Procrustes, and how they differ.

    Args:
        rendered: points of faces, pixels of any picture each.
        real: points of faces, pixels of any picture each; None = no such.

    Raises:
        ValueError: fewer than two faces of a kind, or one whose eyes' outer corners
            are in one place.
    """
    kinds = [kind for kind in (real, rendered) if kind is not None]
    if min(map(len, kinds)) < 2:
        raise ValueError(f"Wanted two faces or more; got {min(map(len, kinds))}.")
    flat = [_complex(kind) for kind in kinds]
    if min(np.abs(_eyes(kind)).min() for kind in flat) == 0:
        raise ValueError("Wanted the outer corners of the eyes apart; a face has none.")
    reference = procrustes_mean(flat[0])
    shapes = [_align(kind, reference) for kind in flat]
    lengths, axes = _components(_real(shapes[0]))
    measured = [
        _measure(kind, placed, axes) for kind, placed in zip(flat, shapes, strict=True)
    ]
    # The means once more onto each other: an average of turned faces is a bit small.
    ours = _align(_complex(measured[-1].mean)[None], _complex(measured[0].mean))[0]
    measured[-1] = dataclasses.replace(measured[-1], mean=_real(ours))
    apart = np.abs(ours - _complex(measured[0].mean))
    return Comparison(
        rendered=measured[-1],
        real=None if real is None else measured[0],
        components=axes.reshape(-1, 68, 2),
        apart={name: _rms(apart[own]) for name, own in GROUPS.items()},
    )


def procrustes_mean(shapes: Complex[np.ndarray, "n 68"]) -> Complex[np.ndarray, " 68"]:
    """The mean shape that the shapes, moved, turned and scaled, lie closest around.

    Args:
        shapes: x + iy of each point.

    Returns:
        The mean; 100 between the outer corners of its level eyes.

    Source: Gower, "Generalized Procrustes Analysis", Psychometrika 1975.
    """
    mean = _level(shapes[0])
    for _ in range(ROUNDS):
        mean = _level(_align(shapes, mean).mean(0))
    return mean


def _level(shape):
    shape = shape - shape.mean()
    return shape * 100 / (shape[LEFT_EYE] - shape[RIGHT_EYE])


def _align(shapes, reference):
    """Each shape moved, turned and scaled onto the reference: least squares."""
    shapes = shapes - shapes.mean(-1, keepdims=True)
    turn = (shapes.conj() * reference).sum(-1, keepdims=True)
    return shapes * turn / (np.abs(shapes) ** 2).sum(-1, keepdims=True)


def _components(shapes):
    """The components of shapes [n 68 2]: standard deviations, and axes [c 136]."""
    flat = shapes.reshape(len(shapes), -1)
    _, lengths, axes = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    return lengths[:COMPONENTS] / np.sqrt(len(flat)), axes[:COMPONENTS]


def _measure(own, placed, axes):
    """A population: `own` as it came, `placed` in the common frame; both complex."""
    mean, span = placed.mean(0), _eyes(own)
    away = np.abs(placed - mean)
    flat = _real(placed - mean).reshape(len(placed), -1)
    deviations, all_of_it = (flat @ axes.T).std(0), flat.var(0).sum()
    nose = own[:, NOSE_TIP] - own[:, JAW_ENDS].mean(1)
    return Population(
        mean=_real(mean),
        spread={name: _rms(away[:, own]) for name, own in GROUPS.items()},
        deviations=deviations,
        share=float((deviations**2).sum() / all_of_it) if all_of_it else 1.0,
        offset=(nose / span).real,
        tilt_deg=np.degrees(np.angle(span)),
    )


def _eyes(shapes):
    return shapes[:, LEFT_EYE] - shapes[:, RIGHT_EYE]


def _rms(values):
    return float(np.sqrt((values**2).mean()))


def _complex(points):
    return points[..., 0].astype(np.float64) + 1j * points[..., 1]


def _real(shapes):
    return np.stack([shapes.real, shapes.imag], -1)
