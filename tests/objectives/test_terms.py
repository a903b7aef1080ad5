"""The terms: what they count, which way their gradients point, what they refuse.

A stub stands for the network: a head that is one matrix is enough to see whose
gradient goes where.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.landmarks import heatmaps
from lmkjax.losses import landmark
from lmkjax.models import confidence
from lmkjax.objectives import (
    daln,
    discriminator,
    label_transfer,
    likelihood,
    objective,
    supervised,
)
from lmkjax.types import UNKNOWN, Batch, Moment, Outputs

LOSS = functools.partial(landmark.points, sigma_px=1.0)
NOW = Moment(jnp.float32(0.1))  # the reversal has 0.4621 of its strength


@dataclasses.dataclass
class Stub:
    """A network whose parts are matrix products."""

    kernel: jax.Array

    own = None

    def head(self, features, places=None, *, stack=-1):
        return features @ self.kernel * (1 if stack else 2)

    def estimate(self, features, maps, places):
        weigh = jax.nn.softmax(maps, (1, 2))
        read = jnp.einsum("bhwk,bhwc->bkc", weigh, features)
        return confidence.Estimates(read[..., :4], read[..., 4])

    def transfer(self, features):
        return features @ self.kernel, self.offset + jnp.zeros((len(features), 3, 2))

    offset: float = 0.0

    def criticise(self, features):
        return features.mean((1, 2)) @ self.kernel[:, 0]


def face_batch(faces, landmarks, *, seed):
    points = jax.random.uniform(jax.random.key(seed), (faces, landmarks, 2)) * 32
    return Batch(
        image=jnp.zeros((faces, 32, 32, 3)),
        points=points,
        visibility=jnp.zeros((faces, landmarks), jnp.int8),
        box=jnp.zeros((faces, 4)),
        mask=jnp.ones(faces, bool),
    )


def face_outputs(faces, *, seed):
    keys = jax.random.split(jax.random.key(seed))
    return Outputs(tuple(jax.random.normal(key, (faces, 8, 8, 6)) for key in keys))


BATCHES = {"source": face_batch(4, 5, seed=0), "target": face_batch(4, 3, seed=1)}
OUTPUTS = {"source": face_outputs(4, seed=2), "target": face_outputs(4, seed=3)}
HEAD = jax.random.normal(jax.random.key(4), (6, 5))


def features_of(stream):
    return OUTPUTS[stream].features


def call(term, outputs=None, batches=None, *, kernel=HEAD, moment=NOW):
    outputs, batches = outputs or OUTPUTS, batches or BATCHES
    return term(jax.random.key(5), Stub(kernel), outputs, batches, moment=moment)


def test_supervised_is_the_mean_of_the_losses_of_all_stacks(key):
    value, metrics = call(supervised.Supervised(LOSS))
    target, valid = BATCHES["source"].points / 4, jnp.ones((4, 5), bool)
    both = [Stub(HEAD).head(f, stack=i) for i, f in enumerate(features_of("source"))]
    each = [LOSS(logits, target, valid) for logits in both]
    np.testing.assert_allclose(value, sum(each).mean() / 2, rtol=1e-5)
    total, count = metrics["source_last"]
    np.testing.assert_allclose(total / count, each[-1].mean(), rtol=1e-5)


def test_neither_a_filling_face_nor_a_point_outside_adds_anything():
    batch = BATCHES["source"]
    outside = batch.points.at[2, 1].set(jnp.array([32.5, 3.0]))
    mask = batch.mask.at[0].set(False)
    batch = dataclasses.replace(batch, points=outside, mask=mask)

    def value(features):  # a head that hands its features on as maps
        outputs = {"source": Outputs((features,))}
        return call(
            supervised.Supervised(LOSS),
            outputs,
            {"source": batch},
            kernel=jnp.eye(5),
        )[0]

    grad = jax.jit(jax.grad(value))(features_of("source")[0][..., :5])
    silent = (grad == 0).all((1, 2))
    expected = np.zeros((4, 5), bool)
    expected[0] = expected[2, 1] = True
    np.testing.assert_array_equal(silent, expected)


def test_two_supervised_streams_count_face_by_face():
    batches = {"source": BATCHES["source"], "target": face_batch(2, 5, seed=6)}
    outputs = {"source": OUTPUTS["source"], "target": face_outputs(2, seed=7)}
    both = call(supervised.Supervised(LOSS, ("source", "target")), outputs, batches)[0]
    one, two = (
        call(supervised.Supervised(LOSS, (name,)), outputs, batches)[0]
        for name in ("source", "target")
    )
    np.testing.assert_allclose(both, (4 * one + 2 * two) / 6, rtol=1e-5)


def test_label_transfer_teaches_the_part_and_the_network_behind_it():
    def value(kernel, features):
        outputs = {"target": Outputs(features)}
        return call(label_transfer.LabelTransfer(LOSS), outputs, kernel=kernel)[0]

    kernel = jax.random.normal(jax.random.key(8), (6, 3))
    features = features_of("target")
    found, grads = jax.value_and_grad(value, argnums=(0, 1))(kernel, features)
    points, valid = BATCHES["target"].points / 4, jnp.ones((4, 3), bool)
    expected = LOSS(features[-1] @ kernel, points, valid).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (grads[0] != 0).all()
    assert (grads[1][0] == 0).all() and (grads[1][1] != 0).all()  # the last stack


def test_an_offset_is_added_to_the_points_of_the_transfer():
    """As much as the points lie elsewhere: then they are as far from the maps' own."""
    network = Stub(jax.random.normal(jax.random.key(8), (6, 3)))
    batch = BATCHES["target"]
    far = batch.replace(points=batch.points + 0.125 * 32)
    inside = (far.points < 32).all(-1) & (batch.points < 32).all(-1)
    assert inside.sum() > 6
    distance = functools.partial(LOSS, entropy=0.0)
    term = label_transfer.LabelTransfer(distance)
    values = []
    for network.offset, points in ((0.0, batch.points), (0.125, far.points)):
        # What would leave the picture in one case is left out of both.
        held = jnp.where(inside[..., None], points, -1.0)
        batches = {"target": batch.replace(points=held)}
        values.append(term(None, network, OUTPUTS, batches, moment=NOW)[0])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-5)


@pytest.mark.parametrize("devices", [1, 4, 8])
@pytest.mark.parametrize("counts", [(8, 8), (12, 4), (5, 3)])
def test_woven_streams_come_apart_again(counts, devices):
    streams = {
        name: 100 * i + jnp.arange(n, dtype=jnp.float32)[:, None]
        for i, (name, n) in enumerate(zip("ab", counts, strict=True))
    }
    woven = objective.interleave(streams, devices)
    assert sorted(woven[:, 0].tolist()) == sorted(
        x for stream in streams.values() for x in stream[:, 0].tolist()
    )
    counts = dict(zip("ab", counts, strict=True))
    apart = objective.take_apart({"x": woven}, counts, devices)
    for name, stream in streams.items():
        np.testing.assert_array_equal(apart[name]["x"], stream)


def test_a_device_joins_its_own_parts_of_the_streams():
    a, b = jnp.arange(16.0)[:, None], 100 + jnp.arange(16.0)[:, None]
    shares = objective.interleave({"a": a, "b": b}, 8).reshape(8, 4)  # of eight devices
    for i, share in enumerate(shares):
        assert share.tolist() == [2 * i, 2 * i + 1, 100 + 2 * i, 101 + 2 * i]


def test_the_critic_learns_and_the_features_unlearn():
    term = discriminator.Discriminator()

    def paid(kernel, features):
        logits = features.mean((2, 3)) @ kernel[:, 0]
        return (jax.nn.softplus(-logits[0]) + jax.nn.softplus(logits[1])).mean() / 2

    def value(kernel, features):
        outputs = {
            name: Outputs((f,))
            for name, f in zip(("source", "target"), features, strict=True)
        }
        return call(term, outputs, kernel=kernel)[0]

    features = jnp.stack([OUTPUTS[n].features[-1] for n in ("source", "target")])
    plain, down = jax.value_and_grad(paid, argnums=(0, 1))(HEAD, features)
    found, grads = jax.value_and_grad(value, argnums=(0, 1))(HEAD, features)
    np.testing.assert_allclose(found, plain, rtol=1e-6)
    np.testing.assert_allclose(grads[0], down[0], atol=1e-6)
    np.testing.assert_allclose(grads[1], -0.46211716 * down[1], atol=1e-6)
    _, metrics = call(term)
    assert metrics["right"][1] == 8 and 0 <= metrics["right"][0] <= 8


@pytest.mark.parametrize("term", [daln.DALN(grid=4), discriminator.Discriminator()])
def test_at_the_first_step_no_feature_feels_the_other_domain(term):
    def value(features):
        source = Outputs(features)
        return call(term, OUTPUTS | {"source": source}, moment=Moment(jnp.zeros(())))[0]

    grads = jax.grad(value)(features_of("source"))
    assert len(grads) == len(OUTPUTS["source"].features) > 0
    for grad in grads:
        np.testing.assert_array_equal(grad, 0)


def test_confidence_does_not_count_what_it_does_not_know():
    """States of no label cost nothing; nor does an error of a point outside."""
    term = likelihood.Likelihood()
    batch = BATCHES["source"]
    state = jnp.array([[0, 1, 2, 3, UNKNOWN]] * 4, jnp.int8)
    points = batch.points.at[:, 3].set(-5.0)
    batches = {"source": batch.replace(visibility=state, points=points)}
    _, metrics = call(term, batches=batches)
    assert metrics["source_visibility"][1] == metrics["source_right"][1] == 16
    assert metrics["source_likelihood"][1] == 16

    features = features_of("source")[-1]
    maps = Stub(HEAD).head(features)
    estimates = Stub(HEAD).estimate(features, maps, None)
    chance = jax.nn.log_softmax(estimates.visibility)[:, jnp.arange(4), jnp.arange(4)]
    np.testing.assert_allclose(
        metrics["source_visibility"][0], -chance.sum(), rtol=1e-5
    )
    away = jnp.linalg.norm(heatmaps.soft_argmax(maps) / 8 - points / 32, axis=-1)
    unlikely = away * jnp.exp(-estimates.log_scale) + 2 * estimates.log_scale
    unlikely = unlikely.at[:, 3].set(0.0)
    np.testing.assert_allclose(
        metrics["source_likelihood"][0], unlikely.sum(), rtol=1e-4
    )


def test_a_face_of_which_nothing_is_known_to_be_seen_tells_nothing_about_it():
    """A photo's labels, of which a crop leaves some out and a rectangle hides some."""
    state = jnp.array([[UNKNOWN, UNKNOWN, 2, 3, UNKNOWN], [0, UNKNOWN, 2, 3, 1]])
    faces = BATCHES["source"].replace(
        visibility=jnp.concatenate([state, state]).astype(jnp.int8)
    )
    _, metrics = call(likelihood.Likelihood(), batches={"source": faces})
    assert metrics["source_visibility"][1] == metrics["source_right"][1] == 8
    assert metrics["source_likelihood"][1] == 20
