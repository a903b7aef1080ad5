"""The whole network: its parts by name, bound to parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.models import critic, hourglass, network, unet

EYE = hourglass.HourglassNet(landmarks=70, stacks=1, features=8, depth=1)
NET = network.LandmarkNetwork(
    hourglass=EYE,
    transfer=unet.UNet(features=4, depth=1, subset=tuple(range(68))),
    critic=critic.Critic(features=6, depth=1),
)


@pytest.fixture(scope="module")
def image():
    return jax.random.uniform(jax.random.key(1), (3, 16, 24, 3))


@pytest.fixture(scope="module")
def params(image):
    return jax.jit(NET.init)(jax.random.key(0), image)["params"]


def test_one_init_makes_every_part_and_no_other_state(params, image):
    assert set(params) == {"hourglass", "transfer", "critic"}
    only = jax.eval_shape(network.LandmarkNetwork(EYE).init, jax.random.key(0), image)
    assert set(only) == {"params"} and set(only["params"]) == {"hourglass"}


def test_the_bound_parts_say_what_the_network_says(params, image):
    outputs = jax.jit(NET.apply)({"params": params}, image)
    bound = network.Bound(NET, params)
    logits = bound.head(outputs.features[-1])
    np.testing.assert_allclose(logits, outputs.logits[-1], atol=1e-5)
    np.testing.assert_allclose(
        jax.jit(bound.transfer)(logits), logits[..., :68], atol=1e-5
    )


def test_the_critic_judges_each_face_by_itself(params, image):
    bound = network.Bound(NET, params)
    features = jax.random.normal(jax.random.key(2), (3, 4, 6, 8))
    logits = jax.jit(bound.criticise)(features)
    assert logits.shape == (3,) and logits.dtype == jnp.float32
    alone = jax.jit(bound.criticise)(features[1:])
    np.testing.assert_allclose(alone, logits[1:], atol=1e-5)


def test_a_part_that_is_not_there_is_named(params):
    bound = network.Bound(network.LandmarkNetwork(EYE), params)
    with pytest.raises(ValueError, match="without its part 'critic'"):
        bound.criticise(jnp.zeros((3, 4, 6, 8)))
