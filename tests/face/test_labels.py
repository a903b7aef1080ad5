"""Labels from parameters: those of the drawing, of any scheme and place."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.face import drawing, labels
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from lmkjax.types import BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE, VISIBLE
from tests import egg

SIZE, COUNT = 48, 4
HEAD = heads.load()
DENSE = schemes.get("dense490")
DRAW = marks.Draw(skin=30, head=4, curves=30, contour=6)


@pytest.fixture(scope="module")
def kept():
    """Faces as in test_drawing: what draws the pictures is compiled once for both."""
    return drawing.records(gallery.keys(3, 0, COUNT), size=SIZE)


def test_the_labels_are_those_of_the_drawing(kept):
    drawn = drawing.faces(gallery.keys(3, 0, COUNT), DENSE, size=SIZE)
    np.testing.assert_array_equal(drawn.image, kept.image)
    np.testing.assert_array_equal(drawn.box, kept.box)
    found = jax.jit(labels.mark, static_argnums=1)(kept, DENSE)
    np.testing.assert_allclose(found.points, drawn.points, atol=1e-3)
    # At 192 px it is 99.8 %: here five times as many points lie beside an edge.
    assert (found.visibility == drawn.visibility).mean() > 0.98
    # Of each kind that there is: a map of nothing would pass where most are seen.
    for kind in (VISIBLE, BEHIND_HEAD, BEHIND_OBJECT):
        own = np.asarray(drawn.visibility) == kind
        assert own.sum() > 10
        assert (np.asarray(found.visibility)[own] == kind).mean() > 0.9


def test_parameters_in_a_row_and_back():
    face = jax.jit(sample.sample)(jax.random.key(0))
    row = labels.pack(face)
    again = labels.unpack(row)
    jax.tree.map(np.testing.assert_array_equal, again, face)
    fields = dict(labels.fields(HEAD))
    assert sum(int(np.prod(shape)) for shape in fields.values()) == len(row)
    assert fields["identity"] == (HEAD.modes,) and fields["camera.shift"] == (2,)
    with pytest.raises(ValueError, match=f"Need {len(row)} parameters; got 7"):
        labels.unpack(row[:7])


def test_each_face_gets_places_of_its_own_that_lie_where_its_points_are(kept):
    pool = marks.pool(HEAD)
    draw = jax.jit(lambda key: labels.draw_places(key, kept, pool, DRAW))
    found = draw(jax.random.key(1))
    assert found.points.shape == (COUNT, DRAW.count, 2)
    xyz = np.asarray(found.places.xyz)
    assert np.abs(xyz[0] - xyz[1]).max() > 0.5
    np.testing.assert_array_equal(draw(jax.random.key(1)).points, found.points)
    assert np.abs(draw(jax.random.key(2)).places.xyz - xyz).max() > 0.5
    # A place is a point of the head: its landmark lies near those of a dense scheme
    # that lie near it.
    scheme = schemes.get("dense1001")
    dense = np.asarray(labels.mark(kept, scheme).points)
    own = marks.places(scheme).xyz
    side = np.asarray(kept.box[:, 2] - kept.box[:, 0])
    for face in range(COUNT):
        gaps = np.linalg.norm(xyz[face][:, None] - own, axis=-1)
        near = gaps.min(1) < 0.3
        off = np.asarray(found.points)[face] - dense[face][gaps.argmin(1)]
        assert near.sum() > 10
        assert np.linalg.norm(off[near], axis=1).max() < 0.1 * side[face]


def test_a_canvas_that_shows_a_part_has_its_own_pixels(kept):
    part = kept.replace(corner=kept.corner - 5.0, scale=kept.scale * 2.0)
    here, there = (labels.mark(k, schemes.get("ibug68")) for k in (kept, part))
    np.testing.assert_allclose(there.points, here.points * 2 - 5, atol=1e-3)
    np.testing.assert_array_equal(there.visibility, here.visibility)


def test_what_is_kept_is_what_hides_by_hand():
    bare = jnp.full((9, 9), jnp.inf).at[2:7, 2:7].set(60.0).at[4, 4].set(48.1)
    thing = jnp.full((9, 9), jnp.inf).at[:, 0].set(50.0).at[3, 3:5].set(59.0)
    thing = thing.at[3, 1].set(55.0).at[5, 1].set(70.0)
    kept, hidden = labels.keep(bare, thing, jnp.asarray(60.0))
    assert kept.dtype == hidden.dtype == jnp.uint8 and hidden.shape == (9, 2)
    depth, before = labels._depths(kept, hidden, jnp.asarray(60.0))
    np.testing.assert_allclose(depth, bare, atol=labels.STEP_CM / 2 + 1e-4)
    np.testing.assert_array_equal(np.isinf(depth), np.isinf(bare))
    # Beside the head the nearest pixel of it tells: before it at (3, 1), not at (5, 1);
    # the column far away hides nothing of it.
    assert sorted(zip(*np.nonzero(np.asarray(before) < 0), strict=True)) == [
        (3, 1),
        (3, 3),
        (3, 4),
    ]


def test_a_head_of_ones_own_has_labels_too():
    own = egg.make(scalp=False)
    face = sample.sample(jax.random.key(3), head=own)
    bare = jnp.full((SIZE, SIZE), 0, jnp.uint8)  # as near as can be: all is hidden
    thing = jnp.zeros((SIZE, SIZE // 8), jnp.uint8)
    at = marks.anchors(schemes.get("ibug68"), own)
    again = labels.unpack(labels.pack(face), own)
    points, states = labels.label(again, bare, thing, at, head=own)
    assert np.isfinite(np.asarray(points)).all()
    assert set(np.unique(states)) <= {BEHIND_HEAD, OUTSIDE}


def test_no_number_gives_no_numbers(kept):
    spoilt = kept.replace(params=kept.params.at[1, 70].set(jnp.nan))
    none = np.isnan(np.asarray(labels.mark(spoilt, schemes.get("ibug68")).points))
    np.testing.assert_array_equal(none.all((1, 2)), [False, True, False, False])
