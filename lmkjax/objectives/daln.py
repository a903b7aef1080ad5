"""DALN: the head is its own critic of two domains."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from lmkjax.losses import domain
from lmkjax.models import network as networks
from lmkjax.types import Batch, Key, Metrics, Outputs, Scalar, Step

FORMS = ("landmark", "pixel")


@dataclasses.dataclass(frozen=True)
class DALN:
    """Minus the NWD of the head's maps, behind a gradient reversal.

    Making it small, the head pulls the two domains' predictions apart (it ascends
    the NWD) and the features, behind the reversal, bring them together.

    Attributes:
        form: "landmark" (a matrix of faces x places per landmark) or "pixel" (one
            matrix of pixels x landmarks).
        ramp_steps: of the reversal, see `losses.domain.reversal_strength`.
        grid: cells along a side of the coarse grid, for "landmark".
        pixels: rows of the matrix, for "pixel".
        streams: source and target, as many faces of each.

    Raises:
        ValueError: another form.

    Source: Chen et al., "Reusing the Task-specific Classifier as a Discriminator",
        CVPR 2022.
    """

    form: str = "landmark"
    ramp_steps: float = 1000.0
    grid: int = 8
    pixels: int = 128
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
        step: Step,
    ) -> tuple[Scalar, Metrics]:
        """Minus the discrepancy; for the log, it and the reversal's strength.

        Args:
            key: chance of the pixels, for "pixel".
            network: for its head.
            outputs: what the network said, per stream.
            batches: not needed: the batches of a training are full.
            step: sets the strength of the reversal.

        Returns:
            The value and metrics as (sum, count).

        Raises:
            ValueError: the streams have different numbers of faces.
        """
        both = [outputs[name].features[-1] for name in self.streams]
        if both[0].shape[0] != both[1].shape[0]:
            raise ValueError(
                "DALN needs as many source as target faces in a step (source_share = "
                f"0.5); got {both[0].shape[0]} and {both[1].shape[0]}."
            )
        strength = domain.reversal_strength(step, ramp_steps=self.ramp_steps)
        reversed_ = domain.reverse(jnp.concatenate(both), strength)
        source, target = jnp.split(network.head(reversed_), 2)
        if self.form == "landmark":
            nwd = domain.by_landmark(source, target, grid=self._cells(source))
        else:
            nwd = domain.by_pixel(key, source, target, pixels=self.pixels)
        one = jnp.ones(())
        return -nwd, {"nwd": (nwd, one), "reversal": (strength, one)}

    def _cells(self, maps):
        """The grid, or the map itself where that is smaller."""
        return min(self.grid, maps.shape[1])
