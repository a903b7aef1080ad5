"""The gradient of all terms together, and how long that of each is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lmkjax.experiment import plan
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.models import network as networks
from lmkjax.objectives import objective
from lmkjax.types import Moment, purpose
from tests import test_configs
from tests.invented import faces

FEW = [f"--config.model.{x}" for x in ("features=4", "kernel_width=4")]
FEW += ["--config.scheme=ibug68", "--config.data.scheme=ibug68"]
FEW += ["--config.terms.daln.weight=0.5", "--config.terms.discriminator.weight=0.5"]
FEW += ["--config.terms.label_transfer.form=places", "--config.terms.daln.queue=3"]


@pytest.fixture(scope="module")
def together():
    """An objective of all terms, weights, faces, and where the training is."""
    experiment = plan.build(test_configs.load("daln", *FEW))
    network = experiment.network
    goal = objective.Objective(
        network.module(),
        experiment.terms,
        dict.fromkeys(experiment.shares, lambda key, batch: batch),
        own=network.own,
        ibug68=marks.places(schemes.get("ibug68")),
    )
    batches = {
        name: faces("ibug68", side=network.input_px, seed=i, count=2)
        for i, name in enumerate(experiment.shares)
    }
    batches = {
        n: b.replace(image=b.image / np.float32(255)) for n, b in batches.items()
    }
    batches = jax.tree.map(jnp.asarray, batches)
    memory = goal.begin({name: 2 for name in batches}, (8, 8, 68))
    moment = Moment(jnp.float32(0.1), memory=memory)
    return goal, network.start(jax.random.key(0)), batches, moment


def test_lengths_and_their_sum_are_those_of_each_term_alone(together):
    goal, params, batches, moment = together
    key = jax.random.key(1)
    grads, metrics, memory = jax.jit(goal.gradient)(params, key, batches, moment=moment)
    chance = purpose(key, "terms")

    def alone(params, outputs, name):
        weight, term = goal.terms[name]
        network = networks.Bound(goal.module, params, goal.own, goal.ibug68)
        own = moment.replace(memory=moment.memory.get(name))
        value, _ = term(purpose(chance, name), network, outputs, batches, moment=own)
        return weight * value

    def whole(params):
        outputs = goal._forward(params, batches)
        return sum(alone(params, outputs, name) for name in goal.terms)

    @jax.jit
    def plainly(params):
        outputs = goal._forward(params, batches)
        each = {
            name: jax.grad(alone, argnums=(0, 1))(params, outputs, name)
            for name in goal.terms
        }
        return each, jax.grad(whole)(params)

    found, total = plainly(params)
    assert {"supervised", "daln", "discriminator", "label_transfer"} <= set(found)
    for name, (at_params, at_outputs) in found.items():
        for place, tree in (("head", at_params["kernels"]), ("features", at_outputs)):
            told = metrics[f"{name}/gradient_at_{place}"]
            assert told[1] == 1 and (told[0] > 1e-6 or name == "discriminator")
            np.testing.assert_allclose(
                told[0], optax.tree.norm(tree), rtol=1e-4, atol=1e-9, err_msg=name
            )
    atol = 1e-5 * optax.tree.norm(total)
    for one, other in zip(jax.tree.leaves(grads), jax.tree.leaves(total), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=atol)
    assert memory["daln"]["source"].shape == moment.memory["daln"]["source"].shape
    assert (memory["daln"]["source"][:, :, :2].sum(-1) > 0.99).all()
