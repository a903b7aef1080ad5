"""The head: units, symmetry, expressions that go where they should, normals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.face.shape import head as heads

HEAD = heads.load()
MODES, SHAPES = len(HEAD.identity), len(HEAD.expression_names)


def expression(**amounts):
    values = np.zeros(SHAPES, np.float32)
    for name, amount in amounts.items():
        values[HEAD.expression_names.index(name)] = amount
    return jnp.asarray(values)


def test_the_head_is_as_wide_and_light_as_it_should_be():
    corners = HEAD.neutral[HEAD.ibug68[[36, 45]]]
    assert 8.0 < np.linalg.norm(corners[0] - corners[1]) < 10.0  # cm
    assert 7000 <= len(HEAD.triangles) <= 9000
    assert (heads.ASSETS / "head.npz").stat().st_size < 5_000_000


ARKIT = (
    *(f"eye{what}" for what in ("Blink", "LookDown", "LookIn", "LookOut", "LookUp")),
    *("eyeSquint", "eyeWide", "browDown", "browOuterUp", "cheekSquint", "noseSneer"),
    *(f"mouth{what}" for what in ("Smile", "Frown", "Dimple", "Stretch", "Press")),
    *("mouthLowerDown", "mouthUpperUp"),
)
"""Of its names those that have a side, without it."""
OTHERS = (
    *("jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel"),
    *("mouthPucker", "mouthLeft", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper"),
)


def test_expressions_are_arkits_but_for_what_the_documents_say():
    """Its 52 are these 49, browInnerUp, cheekPuff and tongueOut."""
    assert 2 * len(ARKIT) + len(OTHERS) == 49
    sided = (*ARKIT, "browInnerUp", "cheekPuff")
    names = {f"{name}_{side}" for name in sided for side in "LR"}
    assert names | set(OTHERS) == set(HEAD.expression_names) and SHAPES == 53


def test_no_identity_and_no_expression_is_the_neutral_head():
    shape = jax.jit(lambda i, e: HEAD.vertices(i, e))(jnp.zeros(MODES), expression())
    np.testing.assert_allclose(shape, HEAD.neutral, atol=1e-5)


def test_vertices_add_up_by_hand():
    identity = jnp.zeros(MODES).at[3].set(2.0)
    shape = HEAD.vertices(identity, expression(jawOpen=0.5))
    jaw = HEAD.expression[HEAD.expression_names.index("jawOpen")]
    expected = HEAD.neutral + 2 * HEAD.identity[3] + 0.5 * jaw
    np.testing.assert_allclose(shape, expected, atol=1e-5)


def test_fewer_modes_leave_the_weakest_at_nothing():
    some = HEAD.vertices(jnp.ones(7), expression())
    all_of_them = HEAD.vertices(jnp.ones(MODES).at[7:].set(0), expression())
    np.testing.assert_allclose(some, all_of_them, atol=1e-5)


def test_mirrored_parameters_make_the_mirrored_head(key):
    one, two = jax.random.split(key)
    identity = jax.random.normal(one, (MODES,))
    face = jax.random.uniform(two, (SHAPES,))
    shape = np.asarray(HEAD.vertices(identity, face))
    other = np.asarray(HEAD.vertices(*HEAD.mirrored(identity, face)))
    flipped = other[HEAD.mirror] * np.array([-1, 1, 1], np.float32)
    # Modes are kept in steps of 2e-4 and 5e-4 cm; a hundred of them add up.
    np.testing.assert_allclose(flipped, shape, atol=0.01)


def test_some_people_are_lopsided():
    assert set(HEAD.identity_sign.tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("name", "axis", "sign"),
    [
        ("eyeLookUp_R", 1, 1),
        ("eyeLookDown_R", 1, -1),
        ("eyeLookIn_R", 0, 1),  # the right eye's inside is towards +x
        ("eyeLookOut_R", 0, -1),
    ],
)
def test_the_eyeball_turns_where_its_owner_looks(name, axis, sign):
    ball, _ = heads.eyeballs(HEAD)
    shape = np.asarray(HEAD.vertices(jnp.zeros(2), expression(**{name: 1.0})))
    front = ball[HEAD.neutral[ball, 2].argmax()]
    assert sign * (shape[front] - HEAD.neutral[front])[axis] > 0.4  # cm
    centre = HEAD.eye_centres[0]
    old = np.linalg.norm(HEAD.neutral[ball] - HEAD.neutral[centre], axis=1)
    new = np.linalg.norm(shape[ball] - shape[centre], axis=1)
    np.testing.assert_allclose(new, old, atol=1e-4)  # turned, not bent


def test_mirror_pairs_are_pairs_and_cross_the_middle():
    np.testing.assert_array_equal(
        HEAD.mirror[HEAD.mirror], np.arange(len(HEAD.neutral))
    )
    np.testing.assert_allclose(
        HEAD.neutral[HEAD.mirror, 0], -HEAD.neutral[:, 0], atol=0.03
    )


def test_the_chart_fills_the_unit_square_once():
    spots = HEAD.uv[HEAD.part == 0]
    assert spots.min() >= 0 and spots.max() <= 1
    first, second = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    areas = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    assert (areas > -1e-6).mean() > 0.999  # none is turned over
    assert 0.8 < areas.sum() / 2 < 1
