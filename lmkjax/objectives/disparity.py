"""A rival of the head errs on photos alone, and the features learn to prevent it.

The rival learns to agree with the head on rendered faces and to take each landmark for
another one on photos; the features learn to make it agree there too.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from lmkjax.landmarks import places as head_places
from lmkjax.losses import adversarial, agreement
from lmkjax.models import network as networks
from lmkjax.types import Batch, Key, Metrics, Moment, Outputs, Scalar

MARGIN = 4.0
STRENGTH = 0.1


@dataclasses.dataclass(frozen=True)
class Disparity:
    """`MARGIN` times the disparity on renders, and on photos that of either side.

    A head is a function from places to kernels, and the rival another of its kind. The
    head itself is not moved. We differ from the paper, which takes three steps of two
    optimisers in turn: each part's gradient goes to whom it is meant for, in one step.
    With many landmarks, some lie so close that another's place is one's own; so some of
    them are asked about, others in each step.

    Attributes:
        sigma_px: of the maps that are wanted, heatmap pixels.
        count: landmarks that a step asks about, spread over the scheme; 0 = all.
        begin: share of the training before which no photo counts; the rival learns from
            the first step on.
        ramp: from there on, of what the features feel; see
            `losses.adversarial.reversal_strength`. It ends at `STRENGTH`.
        streams: source and target; either may have more faces.

    Source: Jiang et al., "Regressive Domain Adaptation for Unsupervised Keypoint
        Detection", CVPR 2021; margin, trade-off 1 and strength as in their code.
    """

    sigma_px: float
    count: int = 0
    begin: float = 0.0
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
        """The sum of the parts; for the log each of them, and what the features feel.

        Args:
            key: chance of the landmarks.
            network: for its head and its rival.
            outputs: what the network said, per stream.
            batches: for the masks, per stream.
            moment: how far the training is.

        Returns:
            The value and metrics as (sum, count).
        """
        there = moment.progress >= self.begin
        late = jnp.maximum(moment.progress - self.begin, 0.0)
        feel = STRENGTH * adversarial.reversal_strength(late, ramp=self.ramp) * there
        places = head_places.some(key, network.own, count=self.count)
        fixed = dataclasses.replace(
            network, params=jax.lax.stop_gradient(network.params)
        )

        def part(name: str, rival: networks.Bound, feel: Scalar, *, false: bool):
            mask = batches[name].mask
            features = outputs[name].features[-1]
            plain = jax.lax.stop_gradient(features)
            wanted = agreement.truth(fixed.head(plain, places), sigma_px=self.sigma_px)
            wanted = agreement.falsehood(wanted) if false else wanted
            # Reversed by less than nothing: the gradient times `feel`.
            maps = rival.rival(adversarial.reverse(features, -feel), places)
            paid = agreement.divergence(maps, wanted).mean(-1)
            return (paid * mask).sum(), mask.sum().astype(jnp.float32)

        source, target = self.streams
        none = jnp.zeros(())
        agreed = part(source, network, feel, false=False)
        parts = {
            "false": part(target, network, none, false=True),
            "true": part(target, fixed, feel, false=False),
        }
        value = MARGIN * _mean(agreed)
        value += there * sum(_mean(told) for told in parts.values())
        strength = {"strength": (feel, jnp.ones(()))}
        return value, {"source": agreed, **parts, **strength}


def _mean(told):
    total, count = told
    return total / jnp.maximum(count, 1.0)
