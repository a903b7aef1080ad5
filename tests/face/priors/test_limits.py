"""What a face cannot do at once: pulls that oppose, lips and lids that would cross."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.face.priors import limits, sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from tests import egg

HEAD = heads.load()
NAMES = HEAD.expression_names
NOBODY = jnp.zeros(HEAD.modes)


def wish(**amounts):
    row = np.zeros(len(NAMES), np.float32)
    for name, amount in amounts.items():
        row[NAMES.index(name)] = amount
    return jnp.asarray(row)


@jax.jit
def able(identity, expression):
    return limits.apply(HEAD, identity, expression)


@jax.jit
def heights(identity, expression):
    """Between lips (3) and lids (2 and 2), cm, from the head itself."""
    at = marks.anchors(schemes.get("ibug68_surface"), HEAD)
    y = at.of(HEAD.vertices(identity, expression))[:, 1]
    upper, lower = np.array([*limits.LIPS, *limits.LIDS["R"], *limits.LIDS["L"]]).T
    return y[upper] - y[lower]


@pytest.mark.parametrize(
    ("wished", "expected"),
    [
        ({"eyeWide_L": 0.8, "eyeBlink_L": 0.1}, {"eyeWide_L": 0.8, "eyeBlink_L": 0.02}),
        ({"eyeWide_L": 0.6, "eyeBlink_R": 0.6}, {"eyeWide_L": 0.6, "eyeBlink_R": 0.6}),
        ({"jawLeft": 0.4, "jawRight": 1.0}, {"jawLeft": 0.0, "jawRight": 1.0}),
        ({"cheekPuff_R": 0.5, "jawOpen": 0.4}, {"cheekPuff_R": 0.5, "jawOpen": 0.2}),
        ({"jawOpen": 0.7, "eyeBlink_L": 0.9}, {"jawOpen": 0.7, "eyeBlink_L": 0.9}),
    ],
)
def test_the_weaker_of_two_pulls_gives_way(wished, expected):
    found = able(NOBODY, wish(**wished))
    np.testing.assert_allclose(found, wish(**expected), atol=1e-6)


def test_a_calm_mean_face_is_left_alone():
    np.testing.assert_allclose(able(NOBODY, wish()), 0, atol=1e-6)


def test_lids_that_are_shut_twice_meet_once():
    shut = able(NOBODY, wish(eyeBlink_L=1.0, eyeSquint_L=1.0, eyeBlink_R=0.3))
    gaps = heights(NOBODY, shut)
    np.testing.assert_allclose(gaps[5:].min(), 0, atol=1e-4)
    assert shut[NAMES.index("eyeBlink_R")] == np.float32(0.3)
    # Both of them, in the same measure.
    amounts = shut[jnp.array([NAMES.index("eyeBlink_L"), NAMES.index("eyeSquint_L")])]
    assert 0.7 < amounts[0] < 0.9
    np.testing.assert_allclose(amounts[0], amounts[1], atol=1e-6)


def test_lips_rest_on_each_other_whoever_it_is(key):
    people = 1.5 * jax.random.normal(key, (40, HEAD.modes))
    calm = jnp.zeros((40, len(NAMES)))
    before = jax.vmap(heights)(people, calm)[:, :3].mean(1)
    after = jax.vmap(heights)(people, jax.vmap(able)(people, calm))[:, :3].mean(1)
    rest = heights(NOBODY, wish())[:3].mean()
    assert before.std() > 0.08
    np.testing.assert_allclose(after, rest, atol=0.02)


def test_no_drawn_face_has_lips_or_lids_that_cross():
    faces = sample.many(gallery.keys(7, 0, 1000))
    gaps = jax.vmap(heights)(faces.identity, faces.expression)
    assert gaps.min() > -0.02
    assert (gaps[:, 3:].min(1) < 0.02).mean() > 0.005  # some eyes are shut
    assert (gaps[:, 1] > 0.5).mean() > 0.2  # and some mouths open
    assert faces.expression.max() <= 1 and faces.expression.min() >= 0


def test_a_mirrored_person_can_do_the_mirrored_expression(key):
    one, two = jax.random.split(key)
    person = jax.random.normal(one, (HEAD.modes,))
    wished = jax.random.uniform(two, (len(NAMES),))
    there = able(*HEAD.mirrored(person, wished))
    _, back = HEAD.mirrored(person, there)
    np.testing.assert_allclose(back, able(person, wished), atol=2e-3)


def test_a_head_of_few_expressions_has_what_limits_it_can():
    shell = egg.make(scalp=False)
    row = jnp.array([0.9, 0.5, 0.2])
    found = limits.apply(shell, jnp.ones(2), row)
    np.testing.assert_array_equal(found, row)
