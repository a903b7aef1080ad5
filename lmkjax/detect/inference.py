"""A trained network: what it is, in a file, and what it says of a picture."""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.landmarks import heatmaps, points, schemes
from lmkjax.models import critic, hourglass, unet
from lmkjax.models import network as networks

FILE = "network.json"


@dataclasses.dataclass(frozen=True)
class Spec:
    """Everything that using a network's weights takes.

    Attributes:
        scheme: of its landmarks.
        input_px: side of the pictures that it sees.
        stacks: see `hourglass.HourglassNet`; so for the next two.
        features: channels.
        depth: halvings.
        gain: factor on the logits.
        dtype: computed in.
        transfer_features: of the label transfer; 0 = there is none.
        critic: whether there is a discriminator.
        decoder: see `heatmaps.decode`.
        margin: see `points.Framing`; so for the next one.
        up: older runs' files tell none: their crops had the box's centre.
        trained_on: in words; it says what the weights may be used for.
    """

    scheme: schemes.Scheme
    input_px: int
    stacks: int
    features: int
    depth: int
    gain: float
    dtype: str
    transfer_features: int
    critic: bool
    decoder: str
    margin: float
    up: float = 0.0
    trained_on: str = ""

    @property
    def framing(self) -> points.Framing:
        """How its crops lie around a face's box."""
        return points.Framing(self.margin, self.up)

    def save(self, workdir: pathlib.Path) -> None:
        """Writes `network.json` into a run's folder, the scheme's lines with it."""
        scheme = {"scheme": self.scheme.name, "curves": dict(self.scheme.curves)}
        content = dataclasses.asdict(self) | scheme
        files.write(workdir / FILE, json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, workdir: pathlib.Path) -> "Spec":
        """The spec of a run.

        Where an older run's file tells its scheme's name alone, that must be known.

        Raises:
            UserError: the folder holds no run.
        """
        try:
            content = json.loads((workdir / FILE).read_text())
            name, lines = content["scheme"], content.pop("curves", None)
            content["scheme"] = (
                schemes.Scheme(name, tuple(lines.items()))
                if lines
                else schemes.get(name)
            )
            return cls(**content)
        except UserError:
            raise
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(
                f"Wanted a trained run's folder with a {FILE}; '{workdir}' is none"
                f" ({error}). Train one: python -m lmkjax.train --config"
                f" configs/daln.py --workdir {workdir}"
            ) from error

    def module(self) -> networks.LandmarkNetwork:
        """The network, without weights."""
        scheme, dtype = self.scheme, jnp.dtype(self.dtype)
        net = hourglass.HourglassNet(
            landmarks=scheme.count,
            stacks=self.stacks,
            features=self.features,
            depth=self.depth,
            gain=self.gain,
            dtype=dtype,
        )
        transfer = judge = None
        if self.transfer_features:
            start = (
                None if scheme.subset68 is None else tuple(map(int, scheme.subset68))
            )
            transfer = unet.UNet(
                features=self.transfer_features,
                subset=start,
                gain=self.gain,
                dtype=dtype,
            )
        if self.critic:
            judge = critic.Critic(self.features, dtype=dtype)
        return networks.LandmarkNetwork(net, transfer, judge)


@struct.dataclass
class Prediction:
    """What a network says of pictures, in their pixels.

    Attributes:
        points: in the network's own scheme.
        spread: standard deviation of each point's map: how unsure the network is.
        transferred: the 68 iBug landmarks through the label transfer; None without.
        transferred_spread: of those.
    """

    points: Float[Array, "b k 2"]
    spread: Float[Array, "b k"]
    transferred: Float[Array, "b 68 2"] | None = None
    transferred_spread: Float[Array, "b 68"] | None = None


def predictor(
    spec: Spec, *, flip: bool = False
) -> Callable[[Any, jax.Array], Prediction]:
    """A jitted function of (weights, images) that finds the landmarks.

    Args:
        spec: of the network.
        flip: also look at the mirrored pictures, and take the mean; twice the work.

    Returns:
        The function; images are float32 [b, input_px, input_px, 3] in [0, 1].
    """
    module = spec.module()
    own = jnp.asarray(spec.scheme.mirror)
    ibug68 = jnp.asarray(schemes.get("ibug68").mirror)

    def read(logits):
        found = heatmaps.decode(logits, decoder=spec.decoder)
        cells = logits.shape[-2]
        found = points.rescale(found, old_px=cells, new_px=spec.input_px)
        return found, heatmaps.spread(logits) * (spec.input_px / cells)

    def look(params, images) -> Prediction:
        logits = module.apply({"params": params}, images).logits[-1]
        if not spec.transfer_features:
            return Prediction(*read(logits))
        moved = networks.Bound(module, params).transfer(logits)
        return Prediction(*read(logits), *read(moved))

    def unflip(mirrored: Prediction) -> Prediction:
        def back(found, mirror):
            return points.flip(found, mirror, width=spec.input_px)

        result = mirrored.replace(
            points=back(mirrored.points, own), spread=mirrored.spread[:, own]
        )
        if mirrored.transferred is None:
            return result
        return result.replace(
            transferred=back(mirrored.transferred, ibug68),
            transferred_spread=mirrored.transferred_spread[:, ibug68],
        )

    @jax.jit
    def predict(params: Any, images: Float[Array, "b h w 3"]) -> Prediction:
        seen = look(params, images)
        if not flip:
            return seen
        mirrored = unflip(look(params, images[:, :, ::-1]))
        return jax.tree.map(lambda a, b: (a + b) / 2, seen, mirrored)

    return predict
