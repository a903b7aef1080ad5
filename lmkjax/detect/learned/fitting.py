"""Places of the head, moved until a network's points lie where labels are."""

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lmkjax.data import crop
from lmkjax.detect import inference, specs
from lmkjax.detect.learned import labelled
from lmkjax.errors import UserError
from lmkjax.evaluation import nme
from lmkjax.face.shape import marks
from lmkjax.landmarks import heatmaps, points, schemes

RATE_CM = 0.03
"""Of the optimiser: how far a place may move in a step."""
PULL = 0.02
"""What moves of 1 cm cost, in shares of the face's box: few faces tell little."""


class Fit(NamedTuple):
    """What was learned.

    Attributes:
        scheme: single points, where the labels are.
        moved_cm: how far a place moved, the mean.
    """

    scheme: schemes.Scheme
    moved_cm: float


def check(begin: schemes.Scheme) -> None:
    """Refuses a scheme that cannot be begun with.

    Raises:
        UserError: it lacks the 68, or has points that are no places of the head.
    """
    if begin.subset68 is None:
        raise UserError(
            f"--begin {begin.name}: wanted a scheme that holds the 68 iBug points, by"
            " which faces are cut and measured."
        )
    if begin.contour == "visible":
        raise UserError(
            f"--begin {begin.name}: its 'jaw' is the outline that a camera sees, which"
            " is no place of the head; begin with 'jaw_surface'."
        )


def fit(
    spec: specs.Spec,
    weights: Any,
    faces: list[labelled.Face],
    begin: schemes.Scheme,
    *,
    name: str,
    steps: int,
) -> Fit:
    """Moves a scheme's places by gradient descent; both sides of the head move alike.

    Args:
        spec: of the network.
        weights: of it; they stay as they are.
        faces: labelled.
        begin: where the places begin.
        name: of the scheme that comes out.
        steps: of the optimiser.

    Raises:
        UserError: the network answers for its own scheme alone, or draws heatmaps.
    """
    if not spec.any_place:
        raise UserError("This network speaks its own scheme alone; it has no places.")
    if spec.decoder in heatmaps.HEIGHTS.values():  # their softmax is nearly flat
        raise UserError(
            "This network draws heatmaps (heatmaps.loss 'mse' or 'awing'), along which"
            " no place can be moved; take one that was trained with 'points' or 'kl'."
        )
    module, own = spec.module(), marks.places(begin)
    images, target = _cut(spec, faces, begin.subset68)
    weights = jax.tree.map(jnp.asarray, weights)  # those of a file are NumPy's
    features = jax.jit(lambda x: module.apply({"params": weights}, x).features[-1])(
        images
    )
    size = jnp.sqrt((target.max(1) - target.min(1)).prod(-1))[:, None]
    inside = points.inside(target, size=spec.input_px)
    mirror, across = jnp.asarray(begin.mirror), jnp.array([[-1.0, 1.0, 1.0]])
    alone = jnp.isin(jnp.arange(begin.count), jnp.array(_lone(begin), int))[:, None]

    def paid(shift):
        places = own.replace(xyz=own.xyz + _even(shift))
        kernels = module.apply({"params": weights}, places, method=_kernels)
        maps = module.apply({"params": weights}, features, kernels, method="maps")
        found = heatmaps.decode(maps, decoder="soft_argmax")
        found = points.rescale(found, old_px=maps.shape[-2], new_px=spec.input_px)
        # Not squared: a label that is far off would draw all to it.
        apart = jnp.sqrt(jnp.square(found - target).sum(-1) + 1e-2) / size
        apart = jnp.where(inside, apart, 0.0).sum() / inside.sum()
        return apart + PULL * jnp.square(_even(shift)).sum(-1).mean()

    def _even(shift):
        return jnp.where(alone, shift, (shift + shift[mirror] * across) / 2)

    optimizer = optax.adam(optax.cosine_decay_schedule(RATE_CM, steps))

    @jax.jit
    def descend(shift):
        def one(now, _):
            shift, state = now
            moves, state = optimizer.update(jax.grad(paid)(shift), state)
            return (optax.apply_updates(shift, moves), state), None

        first = shift, optimizer.init(shift)
        return _even(jax.lax.scan(one, first, length=steps)[0][0])

    shift = np.asarray(descend(jnp.zeros_like(own.xyz)))
    told = (own.xyz + shift).tolist()
    lines = zip(_names(begin), map(tuple, told), strict=True)
    moved = float(np.linalg.norm(shift, axis=-1).mean())
    # Skin is where the labels are, and no place beside it.
    settled = marks.places(schemes.Scheme(name, (), tuple(lines))).xyz
    told = settled.astype(np.float64).round(4).tolist()
    lines = zip(_names(begin), map(tuple, told), strict=True)
    return Fit(schemes.Scheme(name, (), tuple(lines)), moved)


def measure(
    spec: specs.Spec,
    weights: Any,
    faces: list[labelled.Face],
    scheme: schemes.Scheme,
    *,
    subset: np.ndarray,
) -> float:
    """The ocular NME of the network's points, asked for a scheme, %.

    Args:
        spec: of the network.
        weights: of it.
        faces: labelled, with as many points as the scheme has.
        scheme: what is asked for.
        subset: which of its points are the 68 of iBug.
    """
    images, target = _cut(spec, faces, subset)
    ask, look = inference.asker(spec, scheme), inference.predictor(spec)
    found = look(weights, ask(weights), images).points
    error, counts = nme.per_face(
        found,
        target,
        jnp.ones(len(faces), bool),
        normaliser="ocular",
        eyes=nme.Eyes.of(subset),
    )
    return float(error.sum() / counts.sum())


def text(scheme: schemes.Scheme) -> str:
    """A scheme of single points as YAML."""
    lines = [
        f"  {json.dumps(name)}: [{', '.join(f'{x:.4f}' for x in place)}]"
        for name, place in scheme.points
    ]
    return "\n".join([f"{schemes.POINTS}:", *lines]) + "\n"


def _kernels(module, places):
    return module.kernels(places)[-1]


def _names(begin):
    """A name for each landmark: its curve's, and its number on it."""
    single = {name for name, _ in begin.points}
    return [
        name if name in single else f"{name}_{number - begin.starts[name]}"
        for number, name in enumerate(begin.names)
    ]


def _lone(begin):
    """The numbers of the points that have no partner on the other side."""
    return [begin.starts[name] for name in begin.lone]


def _cut(spec, faces, subset):
    """Pictures as the network sees them, and the labels in their pixels."""
    images, target = [], []
    for face in faces:
        box = points.box(face.points[subset])
        how = {"framing": spec.framing, "size": spec.input_px}
        images.append(crop.cut(face.image, box, **how) / np.float32(255))
        target.append(crop.forth(face.points, box, **how))
    return jnp.asarray(np.stack(images)), jnp.asarray(np.stack(target))
