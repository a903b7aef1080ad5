"""Places of the head: a scheme's, and those that a step draws from the pool."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import places, schemes
from lmkjax.types import CONTOUR, EYES, SKIN
from tests import egg

HEAD = heads.load()
DRAW = marks.Draw(skin=48, head=8, curves=56, contour=16)
draw = jax.jit(jax.vmap(lambda key: marks.sample(key, marks.pool(HEAD), DRAW)))


@pytest.fixture(scope="module")
def drawn():
    return draw(jax.random.split(jax.random.key(0), 100))


@pytest.mark.parametrize("name", ["ibug68", "dense490", "dense1001"])
def test_a_mirrored_place_is_the_place_of_its_partner(name):
    scheme = schemes.get(name)
    own = jax.tree.map(jnp.asarray, marks.places(scheme))
    other = places.mirrored(own)
    at = scheme.mirror
    np.testing.assert_allclose(other.xyz, own.xyz[at], atol=2e-3)
    np.testing.assert_array_equal(other.part, own.part[at])
    np.testing.assert_allclose(other.share, own.share[at], atol=1e-6)


def test_a_place_tells_on_what_it_lies():
    scheme = schemes.get("dense490")
    own, names = marks.places(scheme), np.array(scheme.names)
    np.testing.assert_array_equal(own.part == CONTOUR, names == "jaw")
    rings = np.char.endswith(names, "iris") | np.char.endswith(names, "pupil")
    np.testing.assert_array_equal(own.part == EYES, rings)
    np.testing.assert_allclose(own.share[:65], np.arange(65) / 64, atol=1e-6)
    assert not own.share[65:].any()
    jaw = HEAD.neutral[HEAD.ibug68[:17]]
    np.testing.assert_allclose(own.xyz[:65:4], jaw, atol=0.01)


def test_a_single_point_lies_on_the_surface_where_it_was_told():
    """On skin, scalp and eyeball: the foot of a place a little off is the place."""
    own = marks.pool(HEAD)
    numbers = np.arange(0, own.ends[1], 997)
    xyz = own.places.xyz[numbers]
    names = [f"p{n}" for n in numbers]
    lines = tuple(zip(names, map(tuple, xyz.tolist()), strict=True))
    found = marks.places(schemes.Scheme("mine", (("chin", 3),), lines))
    np.testing.assert_allclose(found.xyz[3:], xyz, atol=1e-4)
    np.testing.assert_array_equal(found.part[3:], own.places.part[numbers])
    near = schemes.Scheme("near", (), (("tip", tuple((xyz[0] * 1.02).tolist())),))
    away = np.linalg.norm(marks.places(near).xyz[0] - xyz[0])
    assert 0 < away < 0.03 * np.linalg.norm(xyz[0])  # a foot lies nearer than it came


def test_a_single_point_off_the_head_is_refused_with_the_nearest_place():
    off = schemes.Scheme("mine", (), (("tip", (0.0, 0.0, 19.0)),))
    with pytest.raises(UserError, match="'mine': its point 'tip'.*cm off.*nearest"):
        marks.places(off)
    assert np.isfinite(
        marks.anchors(like_a_mole(), egg.make(scalp=True)).of(
            egg.make(scalp=True).neutral
        )
    ).all()


def like_a_mole():
    return schemes.Scheme("mole", (), (("mole", tuple(HEAD.neutral[HEAD.ibug68[3]])),))


def test_a_contours_place_follows_from_its_share_alone():
    odd = schemes.Scheme("odd", (("jaw", 11),))  # no iBug point but ends and chin
    fine = marks.places(schemes.Scheme("fine", (("jaw", 161),)))
    np.testing.assert_allclose(marks.places(odd).xyz, fine.xyz[::16], atol=0.01)


def test_so_many_of_each_kind_are_drawn(drawn):
    at, found = drawn
    assert found.xyz.shape == (100, DRAW.count, 3)
    assert at.contour == range(112, 128)
    assert ((found.part == CONTOUR).sum(1) == 16).all()
    back = np.asarray(found.xyz[:, 48:56])  # scalp and neck
    assert (back[..., 2].mean(), back[..., 1].min()) < (2.0, -9.0)
    share = np.asarray(found.share)
    assert not share[:, :112].any() and (share[:, 112:] <= 1).all()
    assert share[:, 112:].std() > 0.25


def test_a_drawn_place_is_where_its_anchor_lies(drawn):
    at, found = drawn
    skin = at.ids[:, :112], at.weights[:, :112]
    xyz = (HEAD.neutral[np.asarray(skin[0])] * skin[1][..., None]).sum(-2)
    np.testing.assert_allclose(xyz, found.xyz[:, :112], atol=1e-4)
    assert {int(p) for p in found.part[:, :112].ravel()} == {SKIN, EYES}


def test_each_side_is_as_likely_and_no_two_faces_get_the_same(drawn):
    _, found = drawn
    x = np.asarray(found.xyz[..., 0])
    assert abs((x > 0.01).mean() - (x < -0.01).mean()) < 0.02
    assert np.abs(x[0] - x[1]).max() > 0.5
    # Every place is as likely: the means of many draws are the pool's own.
    pool = marks.pool(HEAD)
    for first, end, mine in ((0, pool.ends[0], slice(0, 48)),):
        mean = np.asarray(found.xyz[:, mine]).reshape(-1, 3).mean(0)
        np.testing.assert_allclose(mean, pool.places.xyz[first:end].mean(0), atol=0.1)


def test_a_kind_may_be_left_out():
    none = marks.Draw(skin=3, head=0, curves=0, contour=0)
    at, found = marks.sample(jax.random.key(1), marks.pool(HEAD), none)
    assert found.xyz.shape == (3, 3) and at.contour == range(3, 3)
    jaw = marks.Draw(skin=0, head=0, curves=0, contour=5)
    _, found = marks.sample(jax.random.key(1), marks.pool(HEAD), jaw)
    np.testing.assert_allclose(found.xyz, marks.on_jaw(found.share), atol=1e-4)


def test_a_head_of_ones_own_has_a_pool_whose_places_are_ours():
    own = egg.make(scalp=False)
    at, found = marks.sample(jax.random.key(2), marks.pool(own), DRAW)
    shell = ((np.asarray(at.of(own.neutral)) - egg.CENTRE) / egg.RADII) ** 2
    assert (shell.sum(1) < 1 + 1e-4).all()
    nose = np.asarray(found.xyz)[:, 2].max()
    assert 10 < nose < 16  # the mean head's own nose, cm
