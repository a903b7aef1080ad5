"""NME: values by hand, sums that add up, areas, and faces that count nothing."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.evaluation import nme

FACES = 7


@pytest.fixture(scope="module")
def faces():
    rng = np.random.default_rng(0)
    target = rng.uniform(0, 200, (FACES, 68, 2)).astype(np.float32)
    pred = target + rng.normal(0, 1.5, target.shape).astype(np.float32)
    return jnp.asarray(pred), jnp.asarray(target)


def square(side):
    """Two faces whose points all sit in a corner, but for eyes and the far corner."""
    target = np.zeros((2, 68, 2), np.float32)
    target[:, 8] = side, 4 * side  # box: side x 4 side
    target[:, 42:48] = 0.3 * side, 0
    target[:, 45] = 0.6 * side, 0.8 * side  # ocular: side
    return target


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [
        ("ocular", 10.0),
        ("box", 20.0),
        ("pupil", np.hypot(3.5, 8 / 6)),  # means of (3, 0) x 5 and (6, 8), and of 0
    ],
)
def test_distances_by_hand(normaliser, expected):
    target = jnp.asarray(square(10.0))
    unit = jax.jit(functools.partial(nme.distance, normaliser=normaliser))(target)
    np.testing.assert_allclose(unit, np.full(2, expected), rtol=1e-6)


def test_nme_by_hand():
    target = jnp.asarray(square(10.0))
    pred = target.at[0, 3].add(jnp.array([3.0, 4.0]))  # 5 px at one of 68 points
    mask = jnp.array([True, True])
    errors, counts = nme.per_face(pred, target, mask, normaliser="ocular")
    np.testing.assert_allclose(errors, [100 * 5 / 68 / 10, 0.0], rtol=1e-6)
    assert counts.all()


def test_region_counts_its_own_points_only():
    target = jnp.asarray(square(10.0))
    pred = target.at[0, 3].add(jnp.array([3.0, 4.0]))
    regions = {"jaw": range(17), "nose": range(27, 36)}
    sums = nme.measure(pred, target, jnp.ones(2, bool), regions=regions)
    np.testing.assert_allclose(sums["box/nme_jaw"], (100 * 5 / 17 / 20, 2.0), rtol=1e-6)
    np.testing.assert_array_equal(sums["box/nme_nose"], (0.0, 2.0))


@pytest.mark.parametrize("cut", [1, 5])
def test_sums_add_up_over_any_split_of_the_batch(faces, cut):
    pred, target = faces
    mask = jnp.arange(FACES) != 2
    summed = jax.jit(functools.partial(nme.measure, regions={"jaw": range(17)}))
    whole = summed(pred, target, mask)
    first = summed(pred[:cut], target[:cut], mask[:cut])
    rest = summed(pred[cut:], target[cut:], mask[cut:])
    assert set(whole) == set(first) == set(rest) and len(whole) == 3 * 4
    for name, (total, count) in whole.items():
        np.testing.assert_allclose(first[name][0] + rest[name][0], total, rtol=1e-5)
        assert first[name][1] + rest[name][1] == count == FACES - 1


def test_eight_devices_give_what_one_gives(faces):
    pred, target = (jnp.concatenate([part, part[:1]]) for part in faces)
    mask = jnp.arange(8) != 5
    mesh = jax.make_mesh((8,), ("b",), axis_types=(jax.sharding.AxisType.Auto,))
    shard = jax.NamedSharding(mesh, jax.P("b"))
    spread = jax.device_put((pred, target, mask), shard)
    summed = jax.jit(nme.measure)
    one, eight = summed(pred, target, mask), summed(*spread)
    assert set(one) == set(eight) and len(one) == 3 * 3
    for name, pair in one.items():
        np.testing.assert_allclose(eight[name], pair, rtol=1e-5)


def test_what_fills_a_batch_counts_nothing_even_if_it_is_nan(faces):
    pred, target = faces
    mask = jnp.arange(FACES) < 4
    dirty = pred.at[4:].set(jnp.nan), target.at[4:].set(jnp.nan)
    summed = jax.jit(nme.measure)
    clean = summed(pred[:4], target[:4], mask[:4])
    found = summed(*dirty, mask)
    assert set(found) == set(clean) and len(found) == 3 * 3
    for name, pair in found.items():
        assert np.isfinite(pair).all()
        np.testing.assert_allclose(pair, clean[name], rtol=1e-6)


def test_a_face_without_normaliser_counts_nothing_there(faces):
    pred, target = faces
    target = target.at[1, 45].set(target[1, 36])  # one-eyed: no ocular distance
    sums = nme.measure(pred, target, jnp.ones(FACES, bool))
    assert sums["ocular/nme"][1] == FACES - 1 and sums["box/nme"][1] == FACES
    assert np.isfinite(jax.tree.leaves(sums)).all()


def test_points_without_eyes_are_measured_by_their_box_alone(faces):
    """However many they are: nobody's points 36 and 45 stand for corners of eyes."""
    everyone = jnp.ones(FACES, bool)
    whole = nme.measure(*faces, everyone)
    sums = jax.jit(functools.partial(nme.measure, eyes=None))(*faces, everyone)
    assert set(sums) == set(whole) and sums["box/nme"][1] == FACES
    np.testing.assert_allclose(sums["box/nme"], whole["box/nme"], rtol=1e-6)
    few = nme.measure(*(part[:, :15] for part in faces), everyone, eyes=None)
    for found in (sums, few):
        for by in ("ocular", "pupil"):
            assert found[f"{by}/nme"] == found[f"{by}/fr_08"] == (0.0, 0.0)
    assert few["box/nme"][0] > 0


def test_a_prediction_that_is_nan_is_a_failure_and_does_not_vanish(faces):
    pred, target = faces
    sums = nme.measure(
        pred.at[2, 5].set(jnp.nan), target, jnp.ones(FACES, bool), threshold=1000.0
    )
    assert sums["ocular/nme"] == (jnp.inf, FACES)
    assert sums["ocular/fr_1000"] == (1.0, FACES)
    assert np.isfinite(sums["ocular/auc_1000"][0])


@pytest.mark.parametrize("threshold", [5.0, 8.0])
def test_area_is_the_integral_of_the_curve(faces, threshold):
    pred, target = faces
    everyone = jnp.ones(FACES, bool)
    sums = nme.measure(pred, target, everyone, threshold=threshold)
    errors, _ = nme.per_face(pred, target, everyone, normaliser="pupil")
    grid = np.linspace(0, threshold, 20_001)
    below = (np.asarray(errors)[:, None] <= grid).sum(0)
    integral = np.trapezoid(below / FACES, grid) / threshold
    total, counted = sums[f"pupil/{nme.name_at('auc', threshold)}"]
    assert 0 < integral < 1
    np.testing.assert_allclose(total / counted, integral, atol=1e-3)
    failed = sums[f"pupil/{nme.name_at('fr', threshold)}"][0]
    np.testing.assert_allclose(failed, FACES - below[-1])


def test_names_bear_the_threshold():
    assert [nme.name_at("auc", t) for t in (8.0, 10.0, 7.5)] == [
        "auc_08",
        "auc_10",
        "auc_7.5",
    ]


def test_eyes_of_another_scheme_are_found_through_its_subset(faces):
    pred, target = faces
    order = np.random.default_rng(1).permutation(68)  # point i of iBug is order[i]
    back = np.argsort(order)
    eyes = nme.Eyes.of(order)
    same = [
        nme.per_face(a, b, jnp.ones(FACES, bool), normaliser="pupil", eyes=e)[0]
        for a, b, e in [
            (pred, target, nme.IBUG68),
            (pred[:, back], target[:, back], eyes),
        ]
    ]
    np.testing.assert_allclose(same[0], same[1], rtol=1e-5)


def test_refusals(faces):
    pred, target = faces
    everyone = jnp.ones(FACES, bool)
    with pytest.raises(ValueError, match="Unknown normaliser 'iris'"):
        nme.distance(target, normaliser="iris")
    with pytest.raises(ValueError, match="threshold > 0"):
        nme.measure(pred, target, everyone, threshold=0.0)
    with pytest.raises(TypeCheckError):
        nme.measure(pred[:, :60], target, everyone)


def loop_over_faces(pred, target):
    """NME by both normalisers as one would write it with NumPy, face by face."""
    ocular, pupil = [], []
    for face, truth in zip(pred, target, strict=True):
        error = np.linalg.norm(face - truth, axis=-1).mean()
        eyes = truth[36:42].mean(0) - truth[42:48].mean(0)
        ocular.append(100 * error / np.linalg.norm(truth[36] - truth[45]))
        pupil.append(100 * error / np.linalg.norm(eyes))
    return np.mean(ocular, dtype=np.float64), np.mean(pupil, dtype=np.float64)


@pytest.mark.slow
def test_a_hundred_thousand_faces_in_one_call_beat_a_loop(capsys):
    """Prints the ratio: pytest tests/evaluation/test_nme.py -k beat_a_loop -s."""
    rng = np.random.default_rng(0)
    target = rng.normal(0, 5, (100_000, 68, 2)).astype(np.float32)
    target[:, 36:42] -= (30, 0)
    target[:, 42:48] += (30, 0)
    pred = target + rng.normal(0, 2, target.shape).astype(np.float32)
    arrays = jnp.asarray(pred), jnp.asarray(target), jnp.ones(len(pred), bool)
    call = jax.jit(nme.measure)
    jax.block_until_ready(call(*arrays))
    times = []
    for _ in range(7):
        began = time.perf_counter()
        sums = jax.block_until_ready(call(*arrays))
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    looped = loop_over_faces(pred, target)
    loop_s = time.perf_counter() - began
    ours = [float(sums[f"{name}/nme"][0] / 100_000) for name in ("ocular", "pupil")]
    np.testing.assert_allclose(ours, looped, rtol=1e-5)
    ratio = loop_s / np.median(times)
    with capsys.disabled():
        print(
            f"\n100,000 faces: loop {loop_s:.2f} s, one call "
            f"{np.median(times) * 1e3:.1f} ms, ratio {ratio:.0f}"
        )
    assert ratio > 10
