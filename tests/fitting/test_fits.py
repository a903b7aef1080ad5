"""A head whose points are known comes back, and a bad face costs itself alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.face import labels
from lmkjax.face.optics import camera
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.face.shape import surface as surfaces
from lmkjax.fitting import __main__ as program
from lmkjax.fitting import basis, expected, fits
from lmkjax.landmarks import schemes

SCHEME = schemes.get("ibug68")
NAMES = heads.load().expression_names
POSES = np.deg2rad([[0, 4, 0], [35, -5, 10], [-50, 10, -20]]).astype("f")


@pytest.fixture(scope="module")
def faces():
    """Three faces before a camera, by the renderer's own code."""
    rng = np.random.RandomState(0)
    expression = np.zeros((3, 53), "f")
    expression[:, NAMES.index("jawOpen")] = [0.0, 0.6, 0.2]
    expression[:, NAMES.index("eyeLookUp_L")] = 0.5
    expression[:, NAMES.index("eyeLookUp_R")] = 0.5
    count = sum(int(np.prod(shape)) for _, shape in labels.fields(heads.load()))
    blank = jax.vmap(labels.unpack)(jnp.zeros((3, count)))
    eye = camera.Camera(*POSES.T, np.full(3, 90, "f"), *np.zeros((2, 3), "f"))
    return blank.replace(
        identity=rng.normal(size=(3, 60)).astype("f"),
        expression=expression,
        camera=eye.replace(shift=np.zeros((3, 2), "f")),
    )


@pytest.fixture(scope="module")
def truth(faces):
    """Their points in pixels [3 68 2], and on the head [3 68 3]."""
    head = heads.load()

    @jax.jit
    @jax.vmap
    def see(face):
        posed = labels.pose(face, size=256)
        at = marks.anchors(SCHEME, head)
        flat = camera.project(posed.turned, face.camera)[:, :2]
        turned = marks.locate(posed.turned, flat, at, head)
        own = turned @ posed.turn + jnp.array(surfaces.PIVOT)[None]
        return labels.find(posed, face.camera, at, head)[:, :2], own

    return tuple(map(np.asarray, see(faces)))


@pytest.fixture(scope="module")
def fitted(truth):
    """The three, one of no number, one of five points, and one of chance."""
    none, few = np.full((2, 68, 2), np.nan, "f")
    few[:5] = truth[0][0, :5]
    chance = np.random.RandomState(1).uniform(0, 256, (68, 2)).astype("f")
    points = np.concatenate([truth[0], [none], [few], [chance]])
    return fits.fit(points, 0.3, SCHEME)


def test_pose_and_places_come_back(fitted, truth):
    assert fitted.settled[:3].all()
    assert np.abs(fitted.pose_deg[:3] - np.rad2deg(POSES)).max() < 4
    own, true = fitted.points_cm[:3], truth[1]
    own, true = (x - x.mean(1, keepdims=True) for x in (own, true))
    assert np.linalg.norm(own - true, axis=-1).mean() < 0.35
    assert np.abs(fitted.residual_px[:3]).max() < 1.0
    opened = fitted.expression[:3, NAMES.index("jawOpen")]
    assert opened.argsort().tolist() == [0, 2, 1]


def test_what_is_told_leads_back_to_the_points(fitted, truth):
    apart = np.linalg.norm(fitted.project(fitted.points_cm)[:3] - truth[0], axis=-1)
    assert np.sqrt((apart**2).mean(-1)) == pytest.approx(
        fitted.residual_px[:3], rel=0.05
    )


def test_a_bad_face_costs_itself_alone_and_says_so(fitted):
    assert not fitted.settled[3:].any()
    assert np.isnan(fitted.pose_deg[3:5]).all() and np.isnan(fitted.focal_px[3:5]).all()
    assert fitted.residual_px[5] > 10  # of points by chance: a head, but far off
    assert fits.summary(fitted, 3) == {"settled": False}


@pytest.mark.filterwarnings("error")
def test_the_size_of_a_face_is_that_of_its_finite_points():
    points = np.zeros((4, 6, 2), "f")
    points[:, :4] = [[0, 0], [6, 0], [6, 8], [0, 8]]  # 5 from their middle
    points[0, 4:] = points[0, 2:4]
    points[1, 4:] = np.nan
    points[2, 4:] = [[np.inf, 5], [5, -np.inf]]
    points[3] = np.nan
    sizes = fits._size(points)
    np.testing.assert_allclose(sizes[1:], [5, 5, 0])
    np.testing.assert_allclose(sizes[0], np.sqrt(points[0].var(0).sum()), rtol=1e-6)
    assert np.isfinite(fits._size(np.full((1, 3, 2), 3e38, "f"))).all()


def test_points_without_numbers_change_nothing_of_whether_a_fit_is_near(truth):
    """Far from the picture's corner, where they would lie if they were 0."""
    points = truth[0][:1] + 3000
    points[:, 5] = np.inf
    assert fits.fit(points, 0.3, SCHEME).settled[0]
    points = points + np.random.RandomState(4).normal(0, 12, (1, 68, 2)).astype("f")
    points[:, :17] = np.nan
    loose = fits.fit(points, 0.3, SCHEME)
    assert loose.residual_px[0] > fits.LOOSE * points[0, 17:].std(0).max() * 2**0.5
    assert not loose.settled[0]


def test_the_few_places_are_where_all_vertices_put_them():
    """A turned eye's rings, a contour's node, and lopsided faces too."""
    head, scheme = heads.load(), schemes.get("dense490")
    rng, own = np.random.RandomState(0), basis.of(schemes.get("dense490"))
    identity, others = rng.normal(size=60).astype("f"), rng.normal(size=7).astype("f")
    expression = rng.uniform(0, 1, 53).astype("f")
    surface = surfaces.load(head)
    moved = surfaces.lopsided(surface, surfaces.Sides(*others[:6]))
    moved = moved + surfaces.youth(surface, others[6])
    shape = head.vertices(identity, expression) + moved[: len(head.neutral)]
    at = marks.anchors(scheme, head)
    ids = jnp.repeat(jnp.arange(len(own.share))[:, None], 6, 1)
    outline = basis.outline(own, ids, jnp.full(ids.shape, 1 / 6))
    found = basis.places(own, outline, identity, expression, others)
    there = np.isin(np.arange(scheme.count), at.contour, invert=True)
    np.testing.assert_allclose(found[there], at.of(shape)[there], atol=2e-5)
    band = own.band.ids.reshape(-1, 3)[: len(own.share), 0]
    nodes = basis.nodes(own, identity, expression, others)
    np.testing.assert_allclose(found[~there], nodes[band], atol=2e-5)


def test_gaze_is_told_as_the_camera_sees_it():
    expression = np.zeros((2, 53), "f")
    expression[0, NAMES.index("eyeLookOut_L")] = 1.0  # its left: the picture's right
    pose = np.deg2rad([[0, 0, 0], [20, 10, 0]]).astype("f")
    gaze = np.asarray(fits.gaze(pose, expression))
    assert gaze[0] == pytest.approx(np.array([[0, 0], [32, 0]]), abs=0.01)
    assert gaze[1, 0, 0] == pytest.approx(20, abs=0.5) and gaze[1, 0, 1] > 9


def test_what_is_expected_is_what_the_priors_draw():
    numbers, (mean, spread) = expected.draw(512, seed=3), expected.load()
    off = (numbers.mean(0) - mean) / np.sqrt(numbers.var(0) / 512 + 1e-6)
    assert np.abs(off).max() < 5
    wide = np.sqrt((spread**2).sum(1))
    assert (numbers.std(0) < 1.5 * wide).all()


def test_points_of_another_scheme_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"\[n, 68, 2\].*'ibug68'.*\[2, 490, 2\]"):
        fits.fit(np.zeros((2, 490, 2)), 1.0, "ibug68")
    (tmp_path / "mine.yaml").write_text("nose_bridge: 9\n")
    for file in (tmp_path / "mine.yaml", str(tmp_path / "mine.yaml")):
        with pytest.raises(UserError, match=r"\[n, 9, 2\].*'mine'.*\[2, 8, 2\]"):
            fits.fit(np.zeros((2, 8, 2)), 1.0, file)


def test_an_uncertainty_or_a_visibility_of_others_is_refused():
    points = np.zeros((2, 68, 2))
    with pytest.raises(UserError, match=r"uncertainty \[2, 68\].*got \[2, 67\]"):
        fits.fit(points, np.ones((2, 67)), "ibug68")
    with pytest.raises(UserError, match=r"visibility \[2, 68, 4\].*got \[2, 68, 3\]"):
        fits.fit(points, 1.0, "ibug68", visibility=np.ones((2, 68, 3)))


def test_a_spread_of_one_face_is_refused(tmp_path):
    out = tmp_path / "expected.npz"
    with pytest.raises(UserError, match="--count wants 2 or more"):
        program.main(["--count", "1", "--out", str(out)])
    assert not out.exists()


def test_more_points_pull_harder_only_where_they_err_independently(truth):
    """Of points far off what is expected, twice: a network's pull no further."""
    points = truth[0][:1] + np.random.RandomState(2).normal(0, 3, (1, 68, 2))
    off = [
        fits.fit(points, 3.0, SCHEME, alike=alike).residual_px[0]
        for alike in (5.0, fits.ALIKE, 68.0, np.inf)
    ]
    assert off[0] > off[1] > off[2] and off[2] == off[3]
