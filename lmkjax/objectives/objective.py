"""What a step makes small: a weighted sum of terms over one shared forward pass.

Terms meet in what they do to the features and to the weights behind them, so each is
differentiated apart down to there, which costs nothing, and the gradients' lengths are
told side by side; then their sum goes through the hourglasses once.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from lmkjax.data import photometric
from lmkjax.models import network as networks
from lmkjax.types import (
    Batch,
    Key,
    Metrics,
    Moment,
    Outputs,
    Places,
    Scalar,
    purpose,
    purposes,
)

Batches = Mapping[str, Batch]
Memory = dict[str, Any]
"""What terms keep from step to step, by their names."""
Prepare = Callable[[Key, Any], Batch]
"""From what a stream hands over to augmented faces at the network's input size."""


class Term(Protocol):
    """One thing that a step makes small."""

    streams: tuple[str, ...]

    def __call__(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        batches: Batches,
        *,
        moment: Moment,
    ) -> tuple[Scalar, Metrics]:
        """The term's value, and what is worth a line in the log.

        Args:
            key: chance.
            network: the parts of the network that a term may call, with parameters.
            outputs: what the network said, per stream.
            batches: what it was shown, per stream.
            moment: how far the training is.

        Returns:
            The value, a mean over faces, and metrics as (sum, count).
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """A term that keeps something from step to step: `moment.memory`, when called."""

    def begin(self, faces: Mapping[str, int], maps: tuple[int, int, int]) -> Any:
        """What it keeps before the first step, as arrays; nothing, if never anything.

        Its arrays have the groups that a batch falls into along their first axis, which
        is shared out as faces are where the devices divide it.

        Args:
            faces: of each stream in a call.
            maps: height, width and landmarks of a face's maps.
        """
        ...

    def remember(
        self,
        key: Key,
        network: networks.Bound,
        outputs: Mapping[str, Outputs],
        *,
        moment: Moment,
    ) -> Any:
        """What it keeps after a step; arguments as the term's own."""
        ...


@dataclasses.dataclass(frozen=True)
class Objective:
    """A weighted sum of terms.

    Attributes:
        module: the network; its `__call__` takes images to `Outputs`.
        terms: name to (weight, term).
        prepare: for each stream, what makes its faces ready on the device.
        own: the places of the network's own scheme.
        ibug68: the places of the 68 landmarks.
        devices: how many share each stream's faces.
        views: more views of streams, for terms alone: name to stream and preparation.
            The network is not shown them.
        style: probability that a picture takes on the colours of another stream's.
        lengths: tell how long each term's gradient is.
    """

    module: nn.Module
    terms: Mapping[str, tuple[float, Term]]
    prepare: Mapping[str, Prepare]
    own: Places
    ibug68: Places
    devices: int = 1
    views: Mapping[str, tuple[str, Prepare]] = dataclasses.field(default_factory=dict)
    style: float = 0.0
    lengths: bool = True

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that any term reads, in a fixed order."""
        return tuple(
            sorted({s for _, term in self.terms.values() for s in term.streams})
        )

    def begin(self, faces: Mapping[str, int], maps: tuple[int, int, int]) -> Memory:
        """What the terms keep before the first step; see `Remembering`."""
        kept = {
            name: term.begin(faces, maps)
            for name, (_, term) in self.terms.items()
            if isinstance(term, Remembering)
        }
        return {name: found for name, found in kept.items() if found}

    def gradient(
        self, params: Any, key: Key, batches: Mapping[str, Any], *, moment: Moment
    ) -> tuple[Any, Metrics, Memory]:
        """The gradient of the weighted sum, and what else comes of a step.

        Args:
            params: of `module`.
            key: chance of this step; augmentation and terms draw from it.
            batches: what the streams handed over, by name.
            moment: how far the training is, and what the terms keep.

        Returns:
            The gradient; metrics as (sum, count), `loss` and each term's among them;
            and what the terms keep after the step.
        """
        augments, terms = purposes(key, "streams", "terms")
        faces = self._faces(augments, batches)
        outputs, back = jax.vjp(lambda params: self._forward(params, faces), params)

        loss, pulls, metrics, memory = jnp.zeros(()), [], {}, {}
        pull = jax.value_and_grad(self._paid, argnums=(0, 1), has_aux=True)
        for name, (_, term) in self.terms.items():
            own = purpose(terms, name)
            now = moment.replace(memory=(moment.memory or {}).get(name))
            (paid, (value, logged)), found = pull(
                params, outputs, faces, name, own, moment=now
            )
            loss += paid
            pulls.append(found)
            metrics |= {name: (value, jnp.ones(()))}
            logged |= _lengths(*found) if self.lengths else {}
            metrics |= {f"{name}/{what}": figure for what, figure in logged.items()}
            if now.memory is not None:
                network = self._bound(params)
                memory[name] = term.remember(own, network, outputs, moment=now)
        at_params, at_outputs = jax.tree.map(_sum, *pulls)
        grads = jax.tree.map(jnp.add, back(at_outputs)[0], at_params)
        return grads, {"loss": (loss, jnp.ones(())), **metrics}, memory

    def _paid(self, params, outputs, faces, name, key, *, moment):
        """What a term adds to the sum; its value, and what it logs."""
        weight, term = self.terms[name]
        value, logged = term(key, self._bound(params), outputs, faces, moment=moment)
        return weight * value, (value, logged)

    def _bound(self, params):
        return networks.Bound(self.module, params, self.own, self.ibug68)

    def _faces(self, key: Key, batches: Mapping[str, Any]) -> dict[str, Batch]:
        """Every stream and view of a step, prepared."""
        own = {name: (name, self.prepare[name]) for name in self.streams}
        faces = {
            name: prepare(purpose(key, name), batches[stream])
            for name, (stream, prepare) in (own | self.views).items()
        }
        if not (self.style and len(own) > 1):
            return faces
        styles = {name: photometric.style(faces[name].image) for name in own}
        for name in own:
            others = jnp.concatenate([styles[n] for n in own if n != name])
            image = photometric.random_restyle(
                purpose(purpose(key, "style"), name),
                faces[name].image,
                others,
                chance=self.style,
            )
            faces[name] = faces[name].replace(image=image)
        return faces

    def _forward(self, params: Any, faces: Batches) -> dict[str, Outputs]:
        """One pass over all streams of the step, then each stream's own part."""
        images = {name: faces[name].image for name in self.streams}
        counts = {name: len(image) for name, image in images.items()}
        both = self.module.apply({"params": params}, interleave(images, self.devices))
        return take_apart(both, counts, self.devices)


def _sum(*each):
    return functools.reduce(jnp.add, each)


def _lengths(at_params, at_outputs):
    """How long a term's gradient is at the features, all stacks, and at the kernels."""
    told = {"features": at_outputs, "head": at_params[networks.HEAD]}
    return {
        f"gradient_at_{place}": (
            optax.tree.norm(jax.tree.map(lambda x: x.astype(jnp.float32), tree)),
            jnp.ones(()),
        )
        for place, tree in told.items()
    }


def interleave(streams: Mapping[str, jax.Array], devices: int) -> jax.Array:
    """Streams as one batch: some faces of each, then some of each, and so on.

    Where many devices share the streams, each joins its own parts: laid end to end,
    half of the faces would have to move to another device. In shorter rounds than
    that, every face would be copied out of a row of its own.

    Args:
        streams: arrays [faces, ...].
        devices: how many share each of them; where they cannot, fewer rounds.
    """
    turns = math.gcd(devices, *(len(x) for x in streams.values()))
    rounds = [x.reshape(turns, -1, *x.shape[1:]) for x in streams.values()]
    joined = jnp.concatenate(rounds, axis=1)
    return joined.reshape(-1, *joined.shape[2:])


def take_apart(tree: Any, counts: Mapping[str, int], devices: int) -> dict[str, Any]:
    """What came of an interleaved batch, stream by stream.

    Args:
        tree: arrays [faces, ...].
        counts: how many faces each stream has.
        devices: as in `interleave`.
    """
    turns = math.gcd(devices, *counts.values())

    def part(x: jax.Array, first: int, count: int) -> jax.Array:
        rounds = x.reshape(turns, -1, *x.shape[1:])
        return rounds[:, first : first + count // turns].reshape(count, *x.shape[1:])

    parts, first = {}, 0
    for name, count in counts.items():
        own = functools.partial(part, first=first, count=count)
        parts[name] = jax.tree.map(own, tree)
        first += count // turns
    return parts
