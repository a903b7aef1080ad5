"""The mean teacher: two views of a face, what is carried over, and what counts."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.data import changes
from lmkjax.landmarks import heatmaps, points
from lmkjax.losses import landmark
from lmkjax.models import confidence, hourglass, kernels, network
from lmkjax.objectives import mean_teacher
from lmkjax.types import CONTOUR, Batch, Moment, Outputs, Places, purpose

DISTANCE = functools.partial(landmark.points, sigma_px=1.0, entropy=0.0)
LATE = jnp.float32(0.5)  # the ramp is over
FACES, SIZE, LANDMARKS = 8, 32, 10
REAL = jnp.arange(FACES) < 2
WILD = changes.Change(20.0, 0.2, 0.1, 0.5, 1.0, 0.4, 0.2)
AUGMENT = functools.partial(
    changes.augment, change=WILD, size=SIZE, framing=points.Framing(1.3, 0.1)
)


def places(count):
    rng = np.random.default_rng(count)
    part = np.arange(count) % 3
    share = rng.uniform(size=count) * (part == CONTOUR)
    return Places(
        rng.normal(0, 6, (count, 3)).astype(np.float32),
        part.astype(np.int32),
        share.astype(np.float32),
    )


OWN = places(LANDMARKS)


def of_each(place):
    return jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * FACES), place)


@pytest.fixture(scope="module")
def canvases():
    rng = np.random.default_rng(0)
    where = rng.uniform(12, 36, (FACES, LANDMARKS, 2)).astype(np.float32)
    return Batch(
        image=jnp.asarray(rng.uniform(size=(FACES, 48, 48, 3)), jnp.float32),
        points=jnp.asarray(where),
        visibility=jnp.zeros((FACES, LANDMARKS), jnp.int8),
        box=jnp.tile(jnp.array([12.0, 12.0, 36.0, 36.0]), (FACES, 1)),
        mask=REAL,
        places=of_each(OWN),
    )


@pytest.fixture(scope="module")
def views(canvases):
    """The same faces seen twice, each time changed by other chance."""
    keys = purpose(0, "one"), purpose(0, "other")
    return [AUGMENT(key, canvases, None) for key in keys]


@pytest.fixture(scope="module")
def small():
    """A network with parameters, its maps far from flat.

    Of one stack: an earlier one learns what the last of the teacher's says.
    """
    module = network.LandmarkNetwork(
        hourglass.HourglassNet(stacks=1, features=8, depth=1),
        kernels.PlaceKernels(features=8, stacks=1, width=16),
        confidence=confidence.Confidence(width=8),
        gain=100.0,
    )
    image = jnp.zeros((1, SIZE, SIZE, 3))
    own = jax.tree.map(jnp.asarray, OWN)
    params = module.init(jax.random.key(2), image, own, own, method="start")["params"]
    return network.Bound(module, params, own, own)


def call(term, bound, student, teacher, *, average=None, progress=LATE):
    outputs = {"target": bound.see(student.image)}
    batches = {"target": student, mean_teacher.MILD: teacher}
    moment = Moment(progress, bound.params if average is None else average)
    return term(jax.random.key(5), bound, outputs, batches, moment=moment)


def test_points_go_from_view_to_view_and_back(views):
    """As the transforms themselves carry them, where one of the two is mirrored."""
    one, other = views
    handed = [np.linalg.det(np.asarray(v.frame)) > 0 for v in views]
    assert (handed[0] != handed[1]).any()
    found = mean_teacher.carry(one.points, one.frame, other.frame)
    np.testing.assert_allclose(found, other.points, atol=1e-4)
    again = mean_teacher.carry(found, other.frame, one.frame)
    np.testing.assert_allclose(again, one.points, atol=1e-4)


def test_a_mirrored_picture_is_asked_for_the_other_side(views):
    """As the flip itself has it, which mirrors what its points are."""
    for view in views:
        asked = mean_teacher.turned(of_each(OWN), view.frame)
        jax.tree.map(np.testing.assert_array_equal, asked, view.places)
        mirrored = np.linalg.det(np.asarray(view.frame)) < 0
        same = (np.asarray(asked.xyz) == OWN.xyz[None]).all((1, 2))
        np.testing.assert_array_equal(same, ~mirrored)


def test_a_teacher_like_its_pupil_has_nothing_to_teach_of_the_same_picture(
    small, views
):
    term = mean_teacher.MeanTeacher(DISTANCE)

    def value(params, average, teacher):
        bound = dataclasses.replace(small, params=params)
        return call(term, bound, views[0], teacher, average=average)[0]

    pay = jax.jit(jax.value_and_grad(value))

    def strength(found):
        return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(found))

    same, still = pay(small.params, small.params, views[0])
    assert same < 2e-3  # the distance is that of a rounded root
    moved = jax.tree.map(lambda x: x + 0.1 * jnp.sin(7 * x), small.params)
    for average, teacher in ((moved, views[0]), (small.params, views[1])):
        other, pull = pay(small.params, average, teacher)
        # What is left is the rounding of two ways to read a map.
        assert other > 0.1 and strength(still) < 0.02 * strength(pull)


def test_the_teacher_is_not_taught(small, views):
    term = mean_teacher.MeanTeacher(DISTANCE, keep=0.5)

    def value(average):
        return call(term, small, *views, average=average)[0]

    for leaf in jax.tree.leaves(jax.jit(jax.grad(value))(small.params)):
        np.testing.assert_array_equal(leaf, 0)


@dataclasses.dataclass
class Stub:
    """A network whose features are its maps; the teacher's are given."""

    maps: jax.Array
    params: object = None
    own = OWN
    has_confidence: bool = False
    log_scale: object = None

    def see(self, image):
        return Outputs((self.maps,))

    def head(self, features, places, *, stack=-1):
        return features

    def estimate(self, features, maps, places):
        return confidence.Estimates(jnp.zeros((*maps.shape[::3], 4)), self.log_scale)


def bells(middle, sigma):
    """Maps [b 8 8 k] whose softmax is a Gaussian of this width, of each face."""
    away = points.centres(8, 8)[:, :, None] - jnp.asarray(middle)[None, None]
    one = -(away**2).sum(-1) / (2 * jnp.asarray(sigma)[None, None] ** 2)
    return jnp.stack([one] * FACES)


@pytest.mark.parametrize("by_head", [False, True])
def test_what_the_teacher_is_unsure_of_moves_nothing(by_head):
    """Half of the places of real faces count; sure is who says so, or whose map is."""
    sigma = jnp.linspace(0.5, 1.4, LANDMARKS)
    middle = jnp.full((LANDMARKS, 2), 4.0)
    sure = jnp.arange(LANDMARKS) < LANDMARKS / 2
    scale = jnp.stack([jnp.where(sure, 0.0, -3.0)] * FACES)  # those of wide maps
    stub = Stub(bells(middle, sigma), has_confidence=by_head, log_scale=scale)
    frame = jnp.broadcast_to(jnp.eye(3), (FACES, 3, 3))
    view = Batch(
        image=jnp.zeros((FACES, SIZE, SIZE, 3)),
        points=jnp.zeros((FACES, 68, 2)),
        visibility=jnp.zeros((FACES, 68), jnp.int8),
        box=jnp.zeros((FACES, 4)),
        mask=REAL,
        frame=frame,
    )
    term = mean_teacher.MeanTeacher(DISTANCE, keep=0.5)
    batches = {"target": view, mean_teacher.MILD: view}

    def value(maps, progress=LATE):
        return term(
            jax.random.key(0),
            stub,
            {"target": Outputs((maps,))},
            batches,
            moment=Moment(progress, ()),
        )

    found = bells(middle + 1.0, jnp.ones(LANDMARKS))
    (total, told), pull = jax.value_and_grad(value, has_aux=True)(found)
    moved = (pull != 0).any((1, 2))
    expected = np.zeros((FACES, LANDMARKS), bool)
    expected[:2] = ~sure if by_head else sure
    np.testing.assert_array_equal(moved, expected)
    assert told["sure"] == (10.0, 20.0)
    # By hand: each is a cell off along both axes, 1/8 of the side, 32 nats a side.
    apart = heatmaps.soft_argmax(found) - heatmaps.soft_argmax(stub.maps)
    away = jnp.linalg.norm(apart, axis=-1)[0]
    away = away[~sure] if by_head else away[sure]
    np.testing.assert_allclose(total, 4 * away.mean(), rtol=1e-3)
    np.testing.assert_allclose(told["apart"][0], 2 * away.sum() / 8, rtol=1e-3)
    early, told = value(found, jnp.float32(0.0))
    np.testing.assert_allclose(early, math.exp(-5) * total, rtol=1e-5)
    np.testing.assert_allclose(told["ramp"][0], math.exp(-5), rtol=1e-5)


@pytest.mark.parametrize(
    ("progress", "ramp", "expected"),
    [
        (0.0, 0.2, math.exp(-5)),
        (0.1, 0.2, math.exp(-1.25)),
        (0.2, 0.2, 1.0),
        (0.7, 0.2, 1.0),
        (0.0, 0.0, 1.0),
    ],
)
def test_the_ramp_by_hand(progress, ramp, expected):
    weight = jax.jit(mean_teacher.weight, static_argnames="ramp")
    found = weight(jnp.float32(progress), ramp=ramp)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_places_are_asked_of_each_face_apart(small, views):
    asked = []

    def ask(key, faces):
        asked.append(faces)
        return jax.tree.map(lambda leaf: leaf[:, :4], of_each(OWN))

    term = mean_teacher.MeanTeacher(DISTANCE, ask)
    _, told = call(term, small, *views)
    assert asked == [FACES] and told["sure"][1] <= 2 * 4
