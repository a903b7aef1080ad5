"""What a network is, in a file beside its weights."""

import dataclasses
import functools
import json
import pathlib
from typing import Any

import jax.numpy as jnp

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.face.shape import marks
from lmkjax.landmarks import points, schemes
from lmkjax.models import (
    confidence,
    critic,
    hourglass,
    kernels,
    learned_places,
    unet,
)
from lmkjax.models import network as networks
from lmkjax.types import Key, Places

FILE = "network.json"
PLACE, FREE = "place", "free"
KERNELS = (PLACE, FREE)


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
        transfer_features: of the label transfer's U-Net; 0 = there is none.
        critic: whether there is a discriminator.
        decoder: see `heatmaps.decode`.
        margin: see `points.Framing`; so for the next one.
        up: older runs' files tell none: their crops had the box's centre.
        trained_on: in words; it says what the weights may be used for.
        kernels: "place", or "free": see `models.kernels`.
        kernel_width: channels inside the kernels' own network.
        confidence: whether it has learned how sure its points are.
        visibility: whether that part has also learned what can be seen.
        learned_places: whether it has learned where another labels the 68.
        rival: whether its head has a rival.
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
    kernels: str = PLACE
    kernel_width: int = 128
    confidence: bool = False
    visibility: bool = True
    learned_places: bool = False
    rival: bool = False

    @property
    def framing(self) -> points.Framing:
        """How its crops lie around a face's box."""
        return points.Framing(self.margin, self.up)

    def save(self, workdir: pathlib.Path) -> None:
        """Writes `network.json` into a run's folder, the scheme's lines with it."""
        own = self.scheme
        scheme = {"scheme": own.name, "curves": dict(own.curves)}
        if own.points:
            scheme["points"] = dict(own.points)
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
            if "kernels" not in content:
                raise UserError(
                    f"{workdir / FILE} is of an older lmkjax, whose network had a map"
                    " for each landmark; this one asks for places. Train it again."
                )
            name, lines = content["scheme"], content.pop("curves", None)
            own = content.pop("points", None) or {}
            points = tuple((point, tuple(place)) for point, place in own.items())
            content["scheme"] = (
                schemes.Scheme(name, tuple(lines.items()), points)
                if lines is not None
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

    @property
    def any_place(self) -> bool:
        """Whether it answers for any place of the head, and so in any scheme."""
        return self.kernels == PLACE

    @property
    def own(self) -> Places:
        """The places of its own scheme."""
        return marks.places(self.scheme)

    def module(self) -> networks.LandmarkNetwork:
        """The network, without weights."""
        dtype = jnp.dtype(self.dtype)
        net = hourglass.HourglassNet(
            stacks=self.stacks, features=self.features, depth=self.depth, dtype=dtype
        )
        shape = {"features": self.features, "stacks": self.stacks}
        shape["width"] = self.kernel_width
        head = functools.partial(kernels.PlaceKernels, **shape)
        if not self.any_place:
            head = functools.partial(kernels.FreeKernels, self.scheme.count, **shape)
        return networks.LandmarkNetwork(
            net,
            head(),
            confidence=confidence.Confidence() if self.confidence else None,
            transfer=self._unet(dtype) if self.transfer_features else None,
            learned=learned_places.LearnedPlaces() if self.learned_places else None,
            critic=critic.Critic(self.features, dtype=dtype) if self.critic else None,
            rival=head() if self.rival else None,
            gain=self.gain,
        )

    def _unet(self, dtype) -> unet.UNet:
        subset = self.scheme.subset68
        return unet.UNet(
            features=self.transfer_features,
            subset=None if subset is None else tuple(map(int, subset)),
            gain=self.gain,
            dtype=dtype,
        )

    def start(self, key: Key) -> Any:
        """First weights, of every part."""
        image = jnp.zeros((1, self.input_px, self.input_px, 3))
        places = self.own, marks.places(schemes.get("ibug68"))
        return self.module().init(key, image, *places, method="start")["params"]
