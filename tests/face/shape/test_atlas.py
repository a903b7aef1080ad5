"""A head of one's own: an egg is marked, sampled and drawn like the project's head."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.errors import UserError
from lmkjax.face import drawing, picture
from lmkjax.face.paint import hair
from lmkjax.face.priors import sample
from lmkjax.face.shape import atlas, marks
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from tests import egg

BALD, SCALP = egg.make(scalp=False), egg.make(scalp=True)
OWN = heads.load()
SIZE, COUNT = 48, 3
IBUG = schemes.get("ibug68")


def spots(scheme, head=BALD):
    at = marks.anchors(scheme, head)
    return at.of(head.neutral)


@pytest.fixture(scope="module")
def params():
    draw = jax.vmap(lambda key: sample.sample(key, head=BALD))
    return jax.jit(draw)(gallery.keys(3, 0, COUNT))


def test_the_place_of_a_triangle_nearest_to_a_spot_by_hand():
    corners = np.tile(np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]]), (4, 1, 1, 1))
    above, beside, beyond, within = [1, 1, 3], [2, -5, 0], [9, -1, 1], [3, 3, 0]
    found = atlas._foot(corners, np.array([above, beside, beyond, within])[:, None])
    expected = [[0.5, 0.25, 0.25], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-12)


def test_the_projects_head_stands_for_itself():
    np.testing.assert_array_equal(atlas.places(OWN), OWN.neutral)


def test_the_68_points_are_the_vertices_that_the_head_names():
    found = spots(schemes.get("ibug68_surface"))
    np.testing.assert_allclose(found, BALD.neutral[BALD.ibug68], atol=1e-4)
    own = spots(schemes.get("ibug68_surface"), OWN)
    np.testing.assert_allclose(atlas.places(BALD)[BALD.ibug68], own, atol=1e-3)


def test_hooks_are_believed():
    """The project's own head without its chart, then with each of the hooks."""
    bare = dataclasses.replace(OWN, uv=None)  # its atlas is its own shape
    scheme = schemes.get("dense1001")
    np.testing.assert_allclose(spots(scheme, bare), spots(scheme, OWN), atol=0.02)
    moved = BALD.neutral + np.float32([0, 0.25, 0])
    assert atlas.places(egg.make(scalp=False, atlas=moved)) is not None
    np.testing.assert_array_equal(
        atlas.places(egg.make(scalp=False, atlas=moved)), moved
    )


@pytest.mark.parametrize("name", ["dense490", "dense1001"])
def test_a_dense_scheme_lies_on_the_egg_and_is_symmetric(name):
    scheme = schemes.get(name)
    at = marks.anchors(scheme, BALD)
    assert {tuple(row) for row in at.ids} <= {tuple(row) for row in BALD.triangles}
    assert at.weights.min() >= 0
    found = spots(scheme)
    shell = (((found - egg.CENTRE) / egg.RADII) ** 2).sum(1)
    assert shell.max() < 1 + 1e-5 and shell.min() > 0.95  # chords of the egg's shell
    # A tie between the halves of the coarse mesh moves a point by its chord.
    np.testing.assert_allclose(found[scheme.mirror] * egg.FLIP, found, atol=0.15)
    np.testing.assert_allclose(
        found[scheme.subset68], BALD.neutral[BALD.ibug68], atol=1e-4
    )


def test_a_scheme_of_ones_own_lies_on_the_egg(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("jaw: 41\nhairline: 30\nright_iris: 8\nleft_iris: 8\n")
    scheme = schemes.get(str(path))
    found = spots(scheme)
    assert len(np.unique(found.round(3), axis=0)) == 87
    iris = found[71:79]  # painted on the shell, around the middle of the right eye
    assert np.linalg.norm(iris.mean(0)[:2] - [-3.1, 3.5]) < 0.3
    steps = np.linalg.norm(np.diff(found[41:71], axis=0), axis=1)
    assert np.ptp(steps) < 0.35 * steps.mean()  # coarse facets bend the polyline


def test_priors_know_arkits_names_in_any_order(params):
    assert params.identity.shape == (COUNT, 2)
    draw = jax.jit(jax.vmap(lambda key: sample.sample(key).expression))
    full = draw(gallery.keys(3, 0, COUNT))
    right, left = (
        full[:, OWN.expression_names.index(f"mouthSmile_{side}")] for side in "RL"
    )
    hatch = jnp.zeros(COUNT)
    expected = jnp.stack([right, hatch, left], 1)
    np.testing.assert_allclose(params.expression, expected, atol=1e-6)


def test_a_mirrored_egg_has_mirrored_points(params):
    @jax.jit
    def see(params):
        one = functools.partial(drawing.geometry, scheme=IBUG, size=SIZE, head=BALD)
        return jax.vmap(lambda p: one(p).points)(params)

    identity, expression = jax.vmap(BALD.mirrored)(params.identity, params.expression)
    pose = params.camera
    across = jnp.array([-1.0, 1.0])
    other = params.replace(
        identity=identity,
        expression=expression,
        sides=jax.tree.map(jnp.negative, params.sides),
        camera=pose.replace(
            yaw_rad=-pose.yaw_rad,
            roll_rad=-pose.roll_rad,
            shift=pose.shift * across[None],
        ),
    )
    here, there = np.asarray(see(params)), np.asarray(see(other))
    flipped = there[:, IBUG.mirror] * [-1, 1, 1] + [SIZE, 0, 0]
    # The outline is cut on a net of spokes, which the coarse egg lets differ.
    np.testing.assert_allclose(flipped, here, atol=0.15)
    np.testing.assert_allclose(flipped[:, 17:], here[:, 17:], atol=0.02)


def test_a_bald_egg_is_drawn_and_its_points_lie_on_it(params):
    """Hair, a hat, eyes and teeth are asked for; a head without them has none."""
    own = params.props
    worn = own.replace(
        hat=own.hat.replace(worn=jnp.ones(COUNT)),
        glasses=own.glasses.replace(worn=jnp.zeros(COUNT)),
        limbs=own.limbs.replace(radius_cm=own.limbs.radius_cm * 0),
        card=own.card.replace(there=jnp.zeros(COUNT)),
    )
    covered = params.hair.replace(cover=jnp.ones(COUNT))
    turned = params.camera.replace(yaw_rad=params.camera.yaw_rad * 0.3)
    faces = drawing.draw(
        params.replace(props=worn, hair=covered, camera=turned),
        schemes.get("dense243"),
        size=SIZE,
        head=BALD,
    )
    assert np.isfinite(faces.image).all()
    kinds = set(np.unique(faces.segmentation).tolist())
    none = {picture.CLASSES.index(c) for c in ("hair", "hat", "eyes", "mouth")}
    assert not kinds & none and picture.CLASSES.index("skin") in kinds
    seen = np.asarray(faces.visibility) == marks.VISIBLE
    assert seen.mean() > 0.8
    for face, shown, depth in zip(faces.points, seen, faces.depth, strict=True):
        spot = np.asarray(face)[shown].astype(int).clip(0, SIZE - 1)
        near = np.isfinite(np.asarray(depth)[spot[:, 1], spot[:, 0]])
        assert near.mean() > 0.93  # the contour's may round to a pixel beside it


def test_hair_grows_on_a_scalp_and_stays_outside_of_it():
    net = hair.grid(SCALP)
    assert net.scalp and not hair.grid(BALD).scalp
    base = np.einsum("gcx,gc->gx", SCALP.neutral[net.ids], net.weights) + net.stand
    shell = (((base - egg.CENTRE) / egg.RADII) ** 2).sum(1)
    # Where FaceKit's ears are cut away, the egg's sides are bridged by chords.
    assert shell.min() > 0.85 and shell.max() < 1.06


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"neutral": BALD.neutral * np.float32(0.01)}, "multiplied by .* moved by"),
        ({"neutral": BALD.neutral + np.float32(9)}, "multiplied by 1.*moved by"),
        ({"neutral": BALD.neutral * np.float32([1, -1, 1])}, "'y'"),
        ({"ibug68": BALD.ibug68[:67]}, "`ibug68` wants the shape .68,.*67"),
        ({"uv": np.zeros((5, 3, 2))}, "`uv`"),
        ({"ibug68": BALD.ibug68 + 600}, "names none of the"),
        ({"triangles": BALD.triangles - 1}, "names none of the"),
        ({"neutral": BALD.neutral * [1, 1, np.nan]}, "no finite number"),
        ({"part_names": ("skull",)}, "part 'face'.*skull"),
    ],
)
def test_a_head_that_is_none_is_refused_with_what_would_do(changes, reason):
    head = egg.make(scalp=False, **changes)
    with pytest.raises(UserError, match=reason):
        atlas.places(head)
    with pytest.raises(UserError, match=reason):
        marks.anchors(IBUG, head)


def test_what_is_no_head_is_refused(key):
    with pytest.raises(TypeCheckError):
        sample.sample(key, head="egg")
