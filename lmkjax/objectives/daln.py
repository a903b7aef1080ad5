"""DALN: the head is its own critic of two domains."""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from lmkjax.losses import adversarial
from lmkjax.models import network as networks
from lmkjax.types import Batch, Key, Metrics, Moment, Outputs, Scalar, each_of

FORMS = ("landmark", "pixel")


@dataclasses.dataclass(frozen=True)
class DALN:
    """Minus the NWD of the head's maps, behind a gradient reversal.

    Making it small, the head pulls the two domains' predictions apart (it ascends
    the NWD) and the features, behind the reversal, bring them together.

    Attributes:
        form: "landmark" (a matrix of faces x places per landmark) or "pixel" (one
            matrix of pixels x landmarks).
        ramp: of the reversal, see `losses.adversarial.reversal_strength`.
        grid: cells along a side of the coarse grid, for "landmark".
        pixels: rows of a matrix, for "pixel".
        group: faces of each domain whose predictions make up a matrix, at most: the
            mean over groups is made small, and a group whose faces lie on one device
            needs no other; 0 = all faces of the step.
        streams: source and target, as many faces of each.

    Raises:
        ValueError: another form.

    Source: Chen et al., "Reusing the Task-specific Classifier as a Discriminator",
        CVPR 2022.
    """

    form: str = "landmark"
    ramp: float = 0.1
    grid: int = 8
    pixels: int = 128
    group: int = 0
    streams: tuple[str, ...] = ("source", "target")

    def __post_init__(self):
        """Refuses a form that nobody wrote."""
        if self.form not in FORMS:
            raise ValueError(f"Unknown form '{self.form}'; known: {list(FORMS)}.")

    def __call__(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        batches: Mapping[str, Batch],
        *,
        moment: Moment,
    ) -> tuple[Scalar, Metrics]:
        """Minus the discrepancy; for the log, it and the reversal's strength.

        Args:
            key: chance of the pixels, for "pixel".
            network: for its head.
            outputs: what the network said, per stream.
            batches: not needed: the batches of a training are full.
            moment: sets the strength of the reversal.

        Returns:
            The value and metrics as (sum, count).

        Raises:
            ValueError: the streams have different numbers of faces.
        """
        both = [outputs[name].features[-1] for name in self.streams]
        counts = [len(features) for features in both]
        if counts[0] != counts[1]:
            raise ValueError(
                "DALN needs as many source as target faces in a step (source_share = "
                f"0.5); got {counts[0]} and {counts[1]}."
            )
        strength = adversarial.reversal_strength(moment.progress, ramp=self.ramp)
        group = self._group(counts[0])
        source, target = (network.head(adversarial.reverse(f, strength)) for f in both)
        if self.form == "landmark":
            cells = min(self.grid, source.shape[1])  # or the map itself, where smaller
            nwd = adversarial.by_landmark(source, target, grid=cells, group=group)
        else:
            source, target = (
                maps.reshape(-1, group, *maps.shape[1:]) for maps in (source, target)
            )
            nwd = jax.vmap(functools.partial(adversarial.by_pixel, pixels=self.pixels))(
                each_of(key, jnp.arange(len(source))), source, target
            ).mean()
        one = jnp.ones(())
        return -nwd, {"nwd": (nwd, one), "reversal": (strength, one)}

    def _group(self, faces):
        """The most faces that divide the step's, up to the group asked for."""
        most = min(self.group or faces, faces)
        return next(n for n in range(most, 0, -1) if faces % n == 0)
