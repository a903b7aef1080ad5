"""What a trained network says of a picture."""

import functools
import hashlib
import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct, traverse_util
from jaxtyping import Array, Float

from lmkjax.detect import specs
from lmkjax.detect import views as looks
from lmkjax.errors import UserError
from lmkjax.face.shape import marks
from lmkjax.landmarks import heatmaps, points, schemes
from lmkjax.landmarks import places as head_places
from lmkjax.training import averaged
from lmkjax.types import Places, purpose

IBUG68 = schemes.get("ibug68")


@struct.dataclass
class Asked:
    """What a network is asked for, as its weights see it.

    Attributes:
        kernels: of the places, last stack.
        embedding: of the places, for visibility and scale.
        own: kernels of the network's own scheme, for its label transfer; None without.
        learned: kernels of the 68 where another labels them; None without.
        mirrored: the same of the places on the other side; None = only look once.
    """

    kernels: Float[Array, "k c"]
    embedding: Float[Array, "k w"]
    own: Float[Array, "o c"] | None = None
    learned: Float[Array, "68 c"] | None = None
    mirrored: "Asked | None" = None


def load(workdir: pathlib.Path, *, best: bool = False) -> tuple[specs.Spec, Any]:
    """What a run's network is, and its averaged weights, which fit it.

    Args:
        workdir: the run's folder.
        best: the weights that did best on the run's validation faces.

    Raises:
        UserError: the folder holds no trained run, or weights of another network.
    """
    spec, weights = specs.Spec.load(workdir), averaged.load(workdir, best=best)
    found = traverse_util.flatten_dict(weights, sep="/")
    wanted = jax.eval_shape(spec.start, purpose(0, "weights"))
    for name, array in traverse_util.flatten_dict(wanted, sep="/").items():
        came = found[name].shape if name in found else "not there"
        if came != array.shape:
            raise UserError(
                f"The weights in '{workdir}' are not those of the network that its"
                f" {specs.FILE} tells: wanted {name} of {array.shape}; it is {came}."
                " Both come of one run; copy the folder anew."
            )
    return spec, weights


@struct.dataclass
class Prediction:
    """What a network says of pictures, in their pixels.

    Attributes:
        points: of the places asked for.
        spread: how unsure the network is of each: standard deviation along an axis; of
            a network that learned it from the errors that it makes, else of its maps.
        visibility: probabilities of VISIBLE, BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE; None
            of a network that has not learned it.
        transferred: the 68 iBug landmarks through the label transfer; None without.
        transferred_spread: of those, of the maps.
    """

    points: Float[Array, "b k 2"]
    spread: Float[Array, "b k"]
    visibility: Float[Array, "b k 4"] | None = None
    transferred: Float[Array, "b 68 2"] | None = None
    transferred_spread: Float[Array, "b 68"] | None = None


def asker(
    spec: specs.Spec,
    scheme: schemes.Scheme | Places | None = None,
    *,
    flip: bool = False,
) -> Callable[[Any], Asked]:
    """A jitted function of weights, which makes what `predictor` is asked.

    Args:
        spec: of the network.
        scheme: whose landmarks, or which places of the head, without leading axes;
            None = the network's own scheme.
        flip: also look at the mirrored pictures, and take the mean; twice the work.

    Raises:
        UserError: the network knows no other scheme than its own.
    """
    module, ibug68 = spec.module(), marks.places(IBUG68)
    wanted = spec.scheme if scheme is None else scheme
    if not spec.any_place and wanted != spec.scheme:
        raise UserError(
            f"This network speaks '{spec.scheme.name}' alone: it was made with"
            " --config.model.kernels=free. One of any place is made with 'place'."
        )
    places = marks.places(wanted) if isinstance(wanted, schemes.Scheme) else wanted

    def ask(module, places) -> Asked:
        learned = module.learned and module.learned.moved(ibug68)
        return Asked(
            kernels=module.kernels(places)[-1],
            embedding=module.kernels.embed(places),
            own=module.kernels(spec.own)[-1] if spec.transfer_features else None,
            learned=module.kernels(learned)[-1] if spec.learned_places else None,
        )

    @jax.jit
    def asked(weights: Any) -> Asked:
        find = functools.partial(module.apply, {"params": weights}, method=ask)
        if not flip:
            return find(places)
        other = places if not spec.any_place else head_places.mirrored(places)
        return find(places).replace(mirrored=find(other))

    return asked


def predictor(
    spec: specs.Spec, *, views: int = 1
) -> Callable[[Any, Asked, jax.Array], Prediction]:
    """A jitted function of (weights, asked, images) that finds landmarks.

    Args:
        spec: of the network.
        views: how often it looks at each picture, each time turned and sized
            otherwise, see `views.mean`; so many times the work.

    Returns:
        The function; images are float32 [b, input_px, input_px, 3] in [0, 1], and
        `asked` is what an `asker` made of the same weights.

    Raises:
        UserError: another number of views.
    """
    if not 1 <= views <= looks.MOST:
        raise UserError(f"Wanted 1 to {looks.MOST} views of a face; got {views}.")
    module, width = spec.module(), spec.input_px

    def read(maps, offset=0.0):
        found = heatmaps.decode(maps, decoder=spec.decoder)
        cells = maps.shape[-2]
        found = points.rescale(found, old_px=cells, new_px=width)
        spread = heatmaps.spread(maps, decoder=spec.decoder) * (width / cells)
        return found + offset * width, spread

    def transferred(module, features, asked):
        if asked.learned is not None:
            maps = module.maps(features, asked.learned)
            return read(maps, module.learned.offset(features, maps))
        if asked.own is not None:
            return read(module.by_transfer(features, asked.own))
        return None, None

    def estimated(module, features, maps, embedding):
        cells = features.astype(jnp.float32)
        centres = jnp.broadcast_to(
            points.centres(*maps.shape[1:3]), (*maps.shape[:3], 2)
        )
        values = jnp.concatenate([cells, centres], -1)
        seen, top = heatmaps.means(maps, values, exact=True)
        there, found = seen[..., :-2], seen[..., -2:]
        if spec.decoder == "soft_argmax":
            found = points.rescale(found, old_px=maps.shape[-2], new_px=width)
        else:
            found, _ = read(maps)
        estimates = module.confidence(cells.mean((1, 2)), there, top, embedding)
        visibility = jax.nn.softmax(estimates.visibility) if spec.visibility else None
        # Of the density exp(-r / s) over the plane, along one axis.
        spread = math.sqrt(3) * width * jnp.exp(estimates.log_scale)
        return found, spread, visibility

    def look(module, asked, images) -> Prediction:
        features = module(images).features[-1]
        maps = module.maps(features, asked.kernels)
        if spec.confidence:
            said = estimated(module, features, maps, asked.embedding)
        else:
            said = *read(maps), None
        return Prediction(*said, *transferred(module, features, asked))

    @jax.jit
    def predict(
        weights: Any, asked: Asked, images: Float[Array, "b h w 3"]
    ) -> Prediction:
        apply = functools.partial(module.apply, {"params": weights}, method=look)

        def both(images):
            seen = apply(asked, images)
            if asked.mirrored is None:
                return seen
            mirrored = _unflipped(apply(asked.mirrored, images[:, :, ::-1]), spec)
            return jax.tree.map(lambda a, b: (a + b) / 2, seen, mirrored)

        return looks.mean(both, images, count=views)

    return predict


def _unflipped(seen: Prediction, spec: specs.Spec) -> Prediction:
    """What was seen in the mirrored pictures, as it is in the pictures."""
    own, ibug68 = jnp.asarray(spec.scheme.mirror), jnp.asarray(IBUG68.mirror)
    order = jnp.arange(seen.points.shape[1]) if spec.any_place else own

    def back(found, mirror):
        return points.flip(found, mirror, width=spec.input_px)

    result = seen.replace(points=back(seen.points, order), spread=seen.spread[:, order])
    if seen.visibility is not None:
        result = result.replace(visibility=seen.visibility[:, order])
    if seen.transferred is None:
        return result
    return result.replace(
        transferred=back(seen.transferred, ibug68),
        transferred_spread=seen.transferred_spread[:, ibug68],
    )


def identity(workdir: pathlib.Path) -> str:
    """What changes when the files of a run do that a detector reads."""
    kept = [
        f
        for f in workdir.rglob("*")
        if f.is_file()
        and (
            f.name == specs.FILE
            or f.suffix == ".npz"
            or "checkpoints" in f.relative_to(workdir).parts
        )
    ]
    told = [
        [f.relative_to(workdir).as_posix(), f.stat().st_size, f.stat().st_mtime_ns]
        for f in sorted(kept)
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
