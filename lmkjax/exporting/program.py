"""A trained network as one function of arrays, which other systems can hold."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.adapt import adaptation
from lmkjax.detect import answers, inference, specs
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes
from lmkjax.models import blocks
from lmkjax.types import Places

FACES, POINTS = "b", "k"
"""What stands for any number in an input's shape: of faces, of places."""
OUTPUTS = ("points", "uncertainty", "visibility")


class Input(NamedTuple):
    """An array that a program takes.

    Attributes:
        name: what it is called.
        shape: numbers, and letters for any number.
        dtype: of its numbers.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: type = np.float32


@dataclasses.dataclass(frozen=True)
class Program:
    """What leaves JAX: the network with its weights, from crops to their points.

    Attributes:
        function: of arrays, as `inputs` tells, to those that `outputs` names: points
            [b, k, 2] and standard deviations [b, k], pixels of the crop, and, of a
            network that has learned it, probabilities of `lmkjax.types`' states
            [b, k, 4]. It computes in float32, whatever the network was trained in.
        inputs: image [b, s, s, 3], RGB in [0, 1]; then places, where they are asked.
        outputs: names.
        scheme: of the points; None = of the places asked for.
        spec: of the network.
    """

    function: Callable[..., tuple[jax.Array, ...]]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    scheme: schemes.Scheme | None
    spec: specs.Spec


def of_scheme(
    spec: specs.Spec,
    weights: Any,
    scheme: schemes.Scheme,
    *,
    adapter: adaptation.Adapter | None = None,
) -> Program:
    """The program that answers in one scheme; what it is asked is worked out here.

    Args:
        spec: of the network.
        weights: of the network.
        scheme: whose points.
        adapter: for the 68 iBug points, see `answers.Predictor`.

    Raises:
        UserError: the network cannot speak the scheme, or the adapter another.
    """
    if adapter is not None and scheme != answers.IBUG68:
        raise UserError(
            f"A label adapter answers in ibug68; wanted '{scheme.name}'. Leave out"
            " --adapter, or ask with --scheme ibug68."
        )
    spec = dataclasses.replace(spec, dtype="float32")
    predictor = answers.Predictor(spec, weights, adapter, flip=False)

    def function(image):
        with blocks.plainly():
            return _known(predictor(image, scheme))

    return _program(function, _image(spec), scheme, spec)


def of_places(spec: specs.Spec, weights: Any) -> Program:
    """The program that is asked for places of the head, as arrays.

    Beside the image it takes those of `Places`: xyz [k, 3], cm, part [k] and share [k].

    Args:
        spec: of the network.
        weights: of the network.

    Raises:
        UserError: the network answers for its own scheme alone.
    """
    if not spec.any_place:
        raise UserError(
            f"This network speaks '{spec.scheme.name}' alone: it was made with"
            " --config.model.kernels=free. One that takes places is made with 'place'."
        )
    spec = dataclasses.replace(spec, dtype="float32")
    look = inference.predictor(spec)

    def function(image, xyz, part, share):
        with blocks.plainly():
            asked = inference.asker(spec, Places(xyz, part, share))(weights)
            said = look(weights, asked, image)
            return _known((said.points, said.spread, said.visibility))

    inputs = (
        *_image(spec),
        Input("xyz", (POINTS, 3)),
        Input("part", (POINTS,), np.int32),
        Input("share", (POINTS,)),
    )
    return _program(function, inputs, None, spec)


def _image(spec: specs.Spec) -> tuple[Input]:
    return (Input("image", (FACES, spec.input_px, spec.input_px, 3)),)


def _known(said: tuple) -> tuple[jax.Array, ...]:
    """What a network says, less what it has not learned."""
    return tuple(part for part in said if part is not None)


def _program(function, inputs, scheme, spec) -> Program:
    """The program; what it is asked is worked out while its outputs are counted."""
    arrays = [
        jax.ShapeDtypeStruct([1 if isinstance(n, str) else n for n in one.shape], dtype)
        for one in inputs
        for dtype in [jnp.dtype(one.dtype)]
    ]
    count = len(jax.eval_shape(function, *arrays))
    return Program(function, inputs, OUTPUTS[:count], scheme, spec)
