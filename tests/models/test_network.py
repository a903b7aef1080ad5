"""The whole network: its parts by name, bound to parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.models import (
    confidence,
    critic,
    hourglass,
    kernels,
    learned_places,
    network,
    unet,
)
from lmkjax.types import CONTOUR, Places

EYE = hourglass.HourglassNet(stacks=2, features=8, depth=1)
POINTS = kernels.PlaceKernels(features=8, stacks=2, width=16)
NET = network.LandmarkNetwork(
    EYE,
    POINTS,
    confidence=confidence.Confidence(width=8),
    transfer=unet.UNet(features=4, depth=1, subset=tuple(range(68))),
    critic=critic.Critic(features=6, depth=1),
)
LEARNED = network.LandmarkNetwork(
    EYE, POINTS, learned=learned_places.LearnedPlaces(), gain=2.0
)


def places(count, seed=0, faces=()):
    rng = np.random.default_rng(seed)
    part = rng.integers(0, 3, (*faces, count))
    return Places(
        jnp.asarray(rng.normal(0, 6, (*faces, count, 3)), jnp.float32),
        jnp.asarray(part, jnp.int32),
        jnp.asarray(rng.uniform(size=part.shape) * (part == CONTOUR), jnp.float32),
    )


OWN, IBUG68 = places(70), places(68, seed=1)


def start(net, image):
    parts = OWN, IBUG68
    return net.init(jax.random.key(0), image, *parts, method="start")["params"]


@pytest.fixture(scope="module")
def image():
    return jax.random.uniform(jax.random.key(1), (3, 16, 24, 3))


@pytest.fixture(scope="module")
def params(image):
    return jax.jit(lambda image: start(NET, image))(image)


@pytest.fixture(scope="module")
def features(params, image):
    return jax.jit(NET.apply)({"params": params}, image).features


@pytest.fixture(scope="module")
def bound(params):
    return network.Bound(NET, params, OWN, IBUG68)


def test_one_start_makes_every_part_and_no_other(params, image):
    assert set(params) == {"hourglass", "kernels", "confidence", "transfer", "critic"}
    only = network.LandmarkNetwork(EYE, POINTS)
    shapes = jax.eval_shape(lambda image: start(only, image), image)
    assert set(shapes) == {"hourglass", "kernels"}


def test_a_place_has_the_map_that_it_has_among_others(bound, features):
    """In any order, in any number, of all faces or of one."""
    whole = jax.jit(bound.head)(features[-1])
    np.testing.assert_allclose(whole, bound.head(features[-1], OWN), atol=1e-4)
    few = jax.tree.map(lambda x: x[jnp.array([7, 3])], OWN)
    np.testing.assert_allclose(
        bound.head(features[-1], few), whole[..., [7, 3]], atol=1e-4
    )
    each = jax.tree.map(lambda x: jnp.stack([x[:5], x[5:10], x[10:15]]), OWN)
    own = bound.head(features[-1], each)
    np.testing.assert_allclose(own[1], whole[1, ..., 5:10], atol=1e-4)
    first = bound.head(features[-1], few, stack=0)
    assert np.abs(first - whole[..., [7, 3]]).max() > 1e-4


def test_a_place_that_moves_a_little_has_nearly_the_same_kernel(params):
    def kernel(places):
        return POINTS.apply({"params": params["kernels"]}, places)[-1]

    def apart(cm):
        moved = OWN.replace(xyz=OWN.xyz + jnp.array([[cm, 0.0, 0.0]]))
        return jnp.linalg.norm(kernel(moved) - kernel(OWN)) / jnp.linalg.norm(
            kernel(OWN)
        )

    assert apart(0.01) < 0.1 < 0.3 < apart(1.0)


def test_share_counts_on_the_contour_and_nowhere_else(params):
    other = OWN.replace(share=OWN.share + 0.1)
    code, moved = (kernels.code(p, each=4) for p in (OWN, other))
    changed = (jnp.abs(code - moved) > 1e-3).any(-1)
    np.testing.assert_array_equal(changed, OWN.part == CONTOUR)


def test_transfer_begins_as_the_networks_own_68(bound, features):
    maps, offset = jax.jit(bound.transfer)(features[-1])
    own = bound.head(features[-1])[..., :68]
    np.testing.assert_allclose(maps, own, atol=1e-4)
    assert offset.shape == (3, 68, 2) and not offset.any()


def test_learned_places_begin_where_they_are_and_move(image):
    params = start(LEARNED, image)
    features = LEARNED.apply({"params": params}, image).features[-1]
    bound = network.Bound(LEARNED, params, OWN, IBUG68)
    maps, offset = bound.transfer(features)
    np.testing.assert_allclose(maps, bound.head(features, IBUG68), atol=1e-5)
    assert not offset.any()

    def loss(params):
        maps, offset = network.Bound(LEARNED, params, OWN, IBUG68).transfer(features)
        return jnp.square(maps).sum() + offset.sum()

    grads = jax.grad(loss)(params)["learned"]
    assert (grads["shift"] != 0).all() and (grads["constant"] != 0).all()
    np.testing.assert_array_equal(grads["along"] != 0, IBUG68.part == CONTOUR)


def test_a_step_moves_learned_places_by_no_more_than_the_eye_can_see(image):
    """Of an optimiser that moves each weight by its rate, whatever the features are."""
    params = start(LEARNED, image)
    features = 50 * LEARNED.apply({"params": params}, image).features[-1]
    learned = jax.tree.map(lambda x: x + 4e-3, params["learned"])
    bound = network.Bound(LEARNED, params | {"learned": learned}, OWN, IBUG68)
    _, offset = bound.transfer(features)
    assert 0 < jnp.abs(offset).max() < 0.005  # of the map's side
    place = learned_places.LearnedPlaces()
    moved = place.apply({"params": learned}, IBUG68, method="moved")
    np.testing.assert_allclose(moved.xyz - IBUG68.xyz, 0.02, atol=1e-4)  # cm
    assert jnp.abs(moved.share - IBUG68.share).max() < 1.1e-3


def test_confidence_says_of_a_face_what_it_says_of_it_alone(bound, features):
    maps = bound.head(features[-1])
    said = jax.jit(bound.estimate)(features[-1], maps, OWN)
    assert said.visibility.shape == (3, 70, 4) and said.log_scale.shape == (3, 70)
    alone = bound.estimate(features[-1][1:2], maps[1:2], OWN)
    np.testing.assert_allclose(alone.visibility[0], said.visibility[1], atol=1e-4)


def test_what_is_said_of_points_learns_through_features_and_not_through_maps(
    bound, params, features
):
    maps = bound.head(features[-1])

    def said(params, features, maps):
        own = network.Bound(bound.module, params, OWN, IBUG68)
        told = own.estimate(features, maps, OWN)
        return jnp.square(told.visibility).sum() + told.log_scale.sum()

    grads = jax.grad(said, argnums=(0, 1, 2))(params, features[-1], maps)
    assert not grads[2].any()
    assert grads[1].any() and all(
        any(leaf.any() for leaf in jax.tree.leaves(grads[0][part]))
        for part in ("confidence", "kernels")
    )


def test_the_critic_judges_each_face_by_itself(bound):
    features = jax.random.normal(jax.random.key(2), (3, 4, 6, 8))
    logits = jax.jit(bound.criticise)(features)
    assert logits.shape == (3,) and logits.dtype == jnp.float32
    alone = jax.jit(bound.criticise)(features[1:])
    np.testing.assert_allclose(alone, logits[1:], atol=1e-5)


def test_a_rival_is_a_head_of_its_own(params, features):
    """Of the same kind: with the head's weights it says what the head says."""
    rival = kernels.PlaceKernels(features=8, stacks=2, width=16)
    net = network.LandmarkNetwork(EYE, POINTS, rival=rival)
    only = {name: params[name] for name in ("hourglass", "kernels")}
    few = jax.tree.map(lambda x: x[:5], OWN)
    alike = network.Bound(net, only | {"rival": params["kernels"]}, OWN, IBUG68)
    maps = alike.head(features[-1], few)
    np.testing.assert_allclose(alike.rival(features[-1], few), maps, atol=1e-5)
    other = jax.tree.map(lambda x: x + 0.1, params["kernels"])
    apart = network.Bound(net, only | {"rival": other}, OWN, IBUG68)
    np.testing.assert_array_equal(apart.head(features[-1], few), maps)
    assert np.abs(apart.rival(features[-1], few) - maps).max() > 1e-3


def test_free_kernels_know_their_own_scheme_alone():
    free = kernels.FreeKernels(70, features=8, stacks=2)
    params = free.init(jax.random.key(0), OWN)
    assert free.apply(params, OWN).shape == (2, 70, 8)
    with pytest.raises(ValueError, match="70 landmarks of their own scheme"):
        free.apply(params, IBUG68)


def test_a_part_that_is_not_there_is_named(params):
    only = network.LandmarkNetwork(EYE, POINTS)
    bound = network.Bound(only, params, OWN, IBUG68)
    with pytest.raises(ValueError, match="without its part 'critic'"):
        bound.criticise(jnp.zeros((3, 4, 6, 8)))
    with pytest.raises(ValueError, match="without its part 'transfer'"):
        bound.transfer(jnp.zeros((3, 4, 6, 8)))
