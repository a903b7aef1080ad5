"""Curves and the visible contour: on the surface, symmetric, evenly cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.face.shape import contour, curves, lines, marks
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes, vocabulary

HEAD = heads.load()
FLIP = np.array([-1, 1, 1], np.float32)


def spots(name):
    at = marks.anchors(schemes.get(name), HEAD)
    return at.of(HEAD.neutral)


def seen(yaw_deg, identity=None, pitch_deg=0.0):
    """The vertices of a face as a distant camera sees them, y down, cm."""
    zero = jnp.zeros(len(HEAD.expression_names))
    identity = jnp.zeros(len(HEAD.identity)) if identity is None else identity
    shape = HEAD.vertices(identity, zero)
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    turn = np.array(
        [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    )
    nod = np.array(
        [
            [1, 0, 0],
            [0, np.cos(pitch), -np.sin(pitch)],
            [0, np.sin(pitch), np.cos(pitch)],
        ]
    )
    return (shape @ jnp.asarray(nod @ turn, jnp.float32).T)[:, :2] * jnp.array(
        [[1, -1.0]]
    )


@jax.jit
def outline(points, share):
    return contour.visible(points, contour.band(HEAD), share)


def visible(points, count):
    return outline(points, jnp.linspace(0, 1, count))


@pytest.mark.parametrize("name", sorted(schemes.SCHEMES))
def test_every_point_is_a_mean_of_the_corners_of_one_triangle(name):
    at = marks.anchors(schemes.get(name), HEAD)
    assert at.ids.dtype == np.int32 and at.ids.shape == (schemes.get(name).count, 3)
    assert at.weights.min() >= 0
    np.testing.assert_allclose(at.weights.sum(1), 1, atol=1e-6)
    corners = {tuple(t) for t in HEAD.triangles.tolist()}
    assert {tuple(row) for row in at.ids.tolist()} <= corners


@pytest.mark.parametrize("name", ["ibug68_surface", "dense243", "dense1001"])
def test_mirrored_points_are_the_points_of_the_other_side(name):
    found = spots(name)
    mirrored = found[schemes.get(name).mirror] * FLIP
    np.testing.assert_allclose(mirrored, found, atol=2e-3)  # the chart, to 1e-5


@pytest.mark.parametrize("name", ["dense243", "dense460", "dense490", "dense1001"])
def test_the_subset_of_a_dense_scheme_is_ibug(name):
    subset = spots(name)[schemes.get(name).subset68]
    np.testing.assert_allclose(subset, spots("ibug68"), atol=1e-3)


def test_ibug_lies_on_the_makers_vertices_where_no_habit_moves_it():
    off = spots("ibug68_surface") - HEAD.neutral[HEAD.ibug68]
    brows = np.arange(17, 27)
    np.testing.assert_allclose(off[brows, 1], -0.55, atol=0.1)  # cm lower
    corners = [36, 39, 42, 45, 48, 54, 60, 64]
    fixed = [*range(17), *range(27, 31), 33, *corners]
    np.testing.assert_allclose(off[fixed], 0, atol=0.01)
    np.testing.assert_allclose(
        off[[31, 35]], [[-0.17, 0.2, -0.07], [0.17, 0.2, -0.07]], atol=0.05
    )


@pytest.mark.parametrize(
    ("ends", "inner", "shares"),
    [
        ((36, 39), (37, 38), (0.296, 0.669)),
        ((36, 39), (41, 40), (0.292, 0.660)),
        ((48, 54), (49, 50, 51, 52, 53), (0.183, 0.369, 0.5, 0.631, 0.817)),
        ((48, 54), (59, 58, 57, 56, 55), (0.175, 0.358, 0.5, 0.642, 0.825)),
        ((60, 64), (61, 62, 63), (0.342, 0.5, 0.658)),
        ((60, 64), (67, 66, 65), (0.340, 0.5, 0.660)),
    ],
)
def test_lids_and_lips_are_cut_where_annotators_cut_them(ends, inner, shares):
    flat = spots("ibug68")[:, :2]  # from the front
    chord = flat[ends[1]] - flat[ends[0]]
    found = (flat[list(inner)] - flat[ends[0]]) @ chord / (chord @ chord)
    np.testing.assert_allclose(found, shares, atol=0.01)


def test_a_users_count_that_misses_the_knots_is_evenly_spaced():
    scheme = schemes.Scheme("mine", (("forehead", 10), ("nose_bridge", 6)))
    at = marks.anchors(scheme, HEAD)
    found = at.of(HEAD.neutral)
    steps = np.linalg.norm(np.diff(found[:10], axis=0), axis=1)
    assert np.ptp(steps) < 0.1 * steps.mean()
    np.testing.assert_allclose(found[scheme.mirror] * FLIP, found, atol=2e-3)


def test_iris_is_a_circle_on_the_eyeball_that_starts_at_the_left_of_the_photo():
    eyes = schemes.Scheme("eye", (("right_iris", 8), ("left_iris", 8)))
    at = marks.anchors(eyes, HEAD)
    ring = at.of(HEAD.neutral)[:8]
    axis = ring - HEAD.neutral[HEAD.eye_centres[0]]
    angles = np.arctan2(np.hypot(axis[:, 0], axis[:, 1]), axis[:, 2])
    np.testing.assert_allclose(angles, lines.RINGS_RAD["iris"], atol=1e-3)
    assert ring[:, 0].argmin() == 0 and ring[:, 1].argmax() == 2


def test_every_curve_of_the_catalogue_can_be_placed():
    scheme = schemes.Scheme("all", tuple((name, 4) for name in vocabulary.CURVES))
    at = marks.anchors(scheme, HEAD)
    assert at.ids.shape == (4 * len(vocabulary.CURVES), 3)


@pytest.mark.parametrize(
    ("name", "count"), [("cheeks", 80), ("forehead_area", 40), ("nose", 26)]
)
def test_an_area_is_spread_evenly_over_its_own_skin(name, count):
    scheme = schemes.Scheme("mine", ((name, count),))
    at = marks.anchors(scheme, HEAD)
    found = at.of(HEAD.neutral)
    np.testing.assert_allclose(found[scheme.mirror] * FLIP, found, atol=2e-3)
    assert (found[: count // 2, 0] < 0).all()  # the subject's right comes first
    gaps = np.linalg.norm(found[:, None] - found, axis=-1)
    nearest = np.sort(gaps, 1)[:, 1]
    assert nearest.std() < 0.25 * nearest.mean()
    # No hole: what is to be covered is nowhere farther off than a piece's reach.
    spots, places, regions = curves._skin()
    own = places[regions == vocabulary.CURVES[name].region]
    hole = np.linalg.norm(own[:, None] - found, axis=-1).min(1)
    assert hole.max() < 1.6 * nearest.mean()


def test_regions_lie_where_a_person_would_point():
    _, places, regions = curves._skin()
    x, y = np.abs(places[:, 0]), places[:, 1]
    for region, where in {
        "forehead": (x < 3) & (y > 8),
        "cheeks": (x > 4) & (x < 6) & (y < 1) & (y > -3),
        "nose": (x < 0.8) & (y < 2) & (y > 0),
        "lips": (x < 1.5) & (y < -3) & (y > -4),
        "jaw": (x < 1) & (y < -6),
    }.items():
        assert where.sum() > 30 and (regions[where] == region).all(), region


def test_an_unknown_curve_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="'jowl'.*nose_bridge"):
        curves.chart("jowl")


@pytest.mark.parametrize("yaw_deg", [-40.0, 0.0, 25.0])
def test_the_contour_is_cut_evenly_each_side_for_itself(yaw_deg):
    found = np.asarray(visible(seen(yaw_deg), 17)[0])
    steps = np.linalg.norm(np.diff(found, axis=0), axis=1)
    for side in (steps[:8], steps[8:]):
        assert np.ptp(side) < 0.12 * side.mean()


def test_a_finer_contour_passes_the_coarse_ones_points():
    coarse = visible(seen(30.0), 17)[0]
    fine = visible(seen(30.0), 113)[0]
    np.testing.assert_allclose(fine[::7], coarse, atol=1e-3)


def test_contour_points_are_where_their_vertices_are(key):
    identity = jax.random.normal(key, (len(HEAD.identity),))
    view = seen(35.0, identity)
    points, ids, weights = visible(view, 17)
    again = (view[ids] * weights[..., None]).sum(-2)
    np.testing.assert_allclose(again, points, atol=1e-4)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_the_mirrored_view_has_the_mirrored_contour():
    right = np.asarray(visible(seen(30.0), 17)[0])
    left = np.asarray(visible(seen(-30.0), 17)[0])
    # The band is cut in a finite number of spokes; half a millimetre of a face.
    np.testing.assert_allclose(left[::-1] * np.array([-1, 1]), right, atol=0.05)


def test_a_turned_head_has_its_far_outline_and_its_near_jaw():
    view = seen(40.0)
    points, _, _ = visible(view, 17)
    middle = HEAD.ibug68[[48, 54, 0, 16]]
    far = np.asarray(view[HEAD.ibug68[[13, 14, 15]]])
    # The fixed far points have turned behind the cheek; the outline stands out.
    across = np.asarray(points[[13, 14, 15], 0]) - far[:, 0]
    assert (across > 0.3).all()
    near = np.asarray(view[HEAD.ibug68[[2, 3, 4]]])
    assert (np.asarray(points[[2, 3, 4], 0]) < near[:, 0]).all()
    assert np.isfinite(np.asarray(view[middle])).all()


def test_any_share_of_the_contour_lies_on_the_way_between_even_ones():
    view, share = seen(-35.0), jnp.array([0.7, 0.03, 0.5, 0.25])
    fine = np.asarray(visible(view, 1001)[0])
    found = np.asarray(outline(view, share)[0])
    np.testing.assert_allclose(found, fine[[700, 30, 500, 250]], atol=2e-3)


@pytest.mark.parametrize("pitch_deg", [-40.0, 0.0, 40.0])
@pytest.mark.parametrize("yaw_deg", [-90.0, -65.0, 50.0, 75.0, 90.0])
def test_each_half_of_the_contour_stays_on_its_side(yaw_deg, pitch_deg):
    # From below, the far jaw stands out; in profile one side lies upon the other.
    _, ids, weights = visible(seen(yaw_deg, pitch_deg=pitch_deg), 33)
    across = (HEAD.neutral[np.asarray(ids), 0] * np.asarray(weights)).sum(-1)
    assert across[:16].max() < 2.1 and across[17:].min() > -2.1, across  # cm
