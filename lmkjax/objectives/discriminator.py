"""A critic apart tells the domains by the features, and the features confuse it."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from lmkjax.losses import adversarial
from lmkjax.models import network as networks
from lmkjax.types import Batch, Key, Metrics, Moment, Outputs, Scalar


@dataclasses.dataclass(frozen=True)
class Discriminator:
    """The critic's cross-entropy, behind a gradient reversal.

    Attributes:
        ramp: of the reversal, see `losses.adversarial.reversal_strength`.
        streams: source and target; either may have more faces, both weigh the same.

    Source: Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation",
        ICML 2015.
    """

    ramp: float = 0.1
    streams: tuple[str, ...] = ("source", "target")

    def __call__(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        batches: Mapping[str, Batch],
        *,
        moment: Moment,
    ) -> tuple[Scalar, Metrics]:
        """The mean of both domains' cross-entropies; for the log, its hit rate.

        Args:
            key: not needed.
            network: for its critic.
            outputs: what the network said, per stream.
            batches: for the masks, per stream.
            moment: sets the strength of the reversal.

        Returns:
            The value and metrics as (sum, count).
        """
        strength = adversarial.reversal_strength(moment.progress, ramp=self.ramp)
        value, right, faces = jnp.zeros(()), jnp.zeros(()), jnp.zeros(())
        for name, is_source in zip(self.streams, (True, False), strict=True):
            mask = batches[name].mask
            features = adversarial.reverse(outputs[name].features[-1], strength)
            logits = network.criticise(features)
            paid = adversarial.cross_entropy(logits, jnp.full_like(mask, is_source))
            count = mask.sum().astype(jnp.float32)
            value += (paid * mask).sum() / jnp.maximum(count, 1.0) / 2
            right += (((logits > 0) == is_source) & mask).sum()
            faces += count
        one = jnp.ones(())
        return value, {"right": (right, faces), "reversal": (strength, one)}
