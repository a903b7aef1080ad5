"""Hats hold the head, visors reach beyond it, dark lenses mirror little; ear wear."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face import worn
from lmkjax.face.optics import light, solids
from lmkjax.face.paint import earwear, headwear, props
from lmkjax.face.priors import wardrobe
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import surface

HEAD = heads.load()
SKULL = jnp.asarray(worn.skull(surface.load(HEAD)))
NEUTRAL = jnp.asarray(HEAD.neutral)
EYE = jnp.array([0.0, 8.0, 90.0])
CAP = jax.tree.map(
    jnp.asarray,
    props.Hat(
        worn=1.0,
        edge_cm=6.0,
        rise=0.2,
        slack_cm=0.5,
        brim_cm=0.0,
        visor_cm=6.0,
        bend=0.03,
        fold_cm=0.0,
        ribs=0.0,
        colour=jnp.ones(3),
    ),
)
BARE = CAP.replace(visor_cm=jnp.zeros(()))


def fit(hat):
    return headwear.fit(
        NEUTRAL, SKULL, edge_cm=hat.edge_cm, rise=hat.rise, slack_cm=hat.slack_cm
    )


@jax.jit
def meet(hat, heights):
    """The hat before rays at these heights where they cross the forehead's plane."""
    aim = jnp.stack([0 * heights, heights, 0 * heights + 10.0], -1)
    dome = fit(hat)
    return headwear.hat(EYE, (aim - EYE[None])[:, None], hat, *dome)


def test_the_skull_under_a_hat_is_inside_it_and_the_hat_is_close():
    centre, radii = fit(BARE)
    level = NEUTRAL[:, 1] > BARE.edge_cm + BARE.rise * NEUTRAL[:, 2]
    under = NEUTRAL[np.asarray(SKULL & level)]
    far = jnp.sqrt((((under - centre[None]) / radii[None]) ** 2).sum(-1))
    assert 0.85 < far.max() < 1
    assert 0 < radii[1] + centre[1] - under[:, 1].max() < 2.5


def test_a_hat_ends_at_its_edge_on_the_forehead():
    # The edge is at 6 + 0.2 x 10 = 8 cm where the forehead is.
    hit = meet(BARE, jnp.array([5.0, 7.0, 9.5, 12.0]))
    there = np.asarray(hit.depth[:, 0] < solids.FAR / 2)
    np.testing.assert_array_equal(there, [False, False, True, True])
    assert not (
        meet(BARE.replace(worn=jnp.zeros(())), jnp.array([9.5])).depth < solids.FAR / 2
    ).any()


def test_a_visor_is_met_before_the_forehead_and_droops():
    heights = jnp.array([7.0, 8.0])
    visor, bare = meet(CAP, heights), meet(BARE, heights)
    assert (visor.depth < solids.FAR / 2).any()
    # Depths count in lengths of the ray, which ends on the forehead's plane.
    assert visor.depth.min() < 0.99 < bare.depth.min()


def test_a_turned_up_edge_stands_off():
    fold = meet(BARE.replace(fold_cm=jnp.asarray(4.0)), jnp.array([9.5, 14.0])).depth[
        :, 0
    ]
    plain = meet(BARE, jnp.array([9.5, 14.0])).depth[:, 0]
    np.testing.assert_allclose((plain - fold) * 80, [headwear.FOLD_CM, 0], atol=0.15)


def test_hats_of_the_priors_sit_on_the_forehead():
    low, high = wardrobe.FOREHEAD
    hairline = 10.6
    brow = HEAD.neutral[HEAD.ibug68[[19, 24]], 1].mean()
    assert brow < low < high < hairline


@pytest.mark.parametrize(("dark", "most"), [(0.0, 0.02), (1.0, 0.03)])
def test_a_lens_mirrors_a_few_hundredths_of_an_even_sky(dark, most):
    even = light.Light(
        environment=jnp.zeros((9, 3)).at[0].set(1.0),
        directions=jnp.eye(3),
        colours=jnp.zeros((3, 3)),
        softness=jnp.zeros(()),
        shadow=jnp.zeros(()),
        occlusion=jnp.zeros(()),
    )
    mirror = light.unit(jnp.ones((2, 4, 3)))
    lens = jnp.ones((2, 4)).at[1].set(0.0)
    shine = headwear.shine(mirror, lens, jnp.asarray(dark), jnp.eye(3), even)
    sky = light.irradiance(mirror, even.environment)
    share = np.asarray(shine / sky)
    assert (share[0] > 0).all() and (share[0] < most).all()
    np.testing.assert_array_equal(share[1], 0)


def test_numbers_without_names_are_no_hat():
    with pytest.raises(TypeCheckError):
        headwear.hat(EYE, NEUTRAL[:4, None], jnp.ones(9), EYE, EYE)


def test_headphones_cover_both_ears_and_the_top_and_leave_the_face():
    places = NEUTRAL[earwear.places(surface.load(HEAD))]
    assert places[0, 0] < -8 and places[1, 0] > 8 and (places[2:, 1] < -1).all()
    over = BARE.replace(edge_cm=jnp.asarray(2.0), rise=jnp.zeros(()))
    pair = jax.tree.map(
        jnp.asarray, props.Headphones(1.0, 3.2, 1.2, 0.0, colour=jnp.ones(3))
    )
    aims = jnp.stack(
        [places[0], places[1], *jnp.array([[0, 14.5, -0.9], [0, 2, 11.0]])]
    )

    @jax.jit
    def met(eye):
        rays = (aims - eye[None])[:, None]
        dome = fit(over)
        hit = earwear.headphones(eye, rays, pair, places[:2], *dome)
        return hit.depth[:, 0] < solids.FAR / 2

    front = np.asarray(met(jnp.array([0.0, 2.0, 90.0])))
    np.testing.assert_array_equal(front[[0, 1, 3]], [True, True, False])
    assert met(jnp.array([0.0, 90.0, -0.9]))[2]  # from above


def test_an_earring_hangs_from_its_lobe():
    lobes = NEUTRAL[earwear.places(surface.load(HEAD))[2:]]
    aims = jnp.stack([lobes[0], lobes[0] - jnp.array([0.0, 1.2, 0.0])])[:, None]
    eye = jnp.array([-20.0, 0.0, 60.0])

    def depth(length):
        pair = props.Earrings(1.0, 0.4, length, colour=jnp.ones(3))
        pair = jax.tree.map(jnp.asarray, pair)
        return earwear.earrings(eye, aims - eye[None, None], pair, lobes).depth

    stud, drop = depth(1.0), depth(3.0)
    near = [np.asarray(x[:, 0] < solids.FAR / 2).tolist() for x in (stud, drop)]
    assert near == [[True, False], [True, True]]
