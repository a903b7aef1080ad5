"""How far off an adapter is, of faces that it has not seen."""

import types

import numpy as np

from lmkjax.adapt import adaptation
from lmkjax.evaluation import calibration
from lmkjax.experiment.bench import measurement
from lmkjax.landmarks import schemes
from lmkjax.types import UNKNOWN, Batch

DENSE, IBUG68 = schemes.get("dense243"), schemes.get("ibug68")
HOW = {"indices": DENSE.subset68, "mirror": (DENSE.mirror, IBUG68.mirror)}
SIDE, RANK = 140, 100
RANDOM = np.random.default_rng(0)
SHAPE = RANDOM.uniform(20, 120, (DENSE.count, 2))
MOVES, LABEL_MOVES = (RANDOM.normal(size=(RANK, k, 2)) for k in (DENSE.count, 68))


def faces(count, seed):
    """Faces that differ in more ways than they are, their noisy points and labels."""
    random = np.random.default_rng(seed)
    own = 0.3 * random.normal(size=(count, RANK))
    pred = SHAPE + np.einsum("nr,rkd->nkd", own, MOVES)
    target = SHAPE[DENSE.subset68] + np.einsum("nr,rkd->nkd", own, LABEL_MOVES)
    pred += random.normal(size=pred.shape)
    target += 0.3 * random.normal(size=target.shape)
    return pred.astype(np.float32), target.astype(np.float32)


def factors(found, target):
    away = np.linalg.norm(found - target, axis=-1)
    return calibration.factor(away, np.ones_like(away))


def test_few_faces_of_many_noisy_points_tell_what_new_faces_do():
    pred, target = faces(40, 1)
    adapter = adaptation.fit(pred, target, **HOW, steps=0)
    new, truth = faces(400, 2)
    of_new = factors(adaptation.apply(adapter, new), truth)
    found = factors(adaptation.unseen(pred, target, **HOW, seed=0), target)
    np.testing.assert_allclose(np.median(found), np.median(of_new), rtol=0.15)
    # By the faces that it was fitted on, it seems far better.
    by_heart = factors(adaptation.apply(adapter, pred), target)
    assert np.median(by_heart) < 0.3 * np.median(of_new)


def test_an_adapter_is_as_unsure_as_of_faces_not_seen_where_labels_lie_in_the_crop(
    monkeypatch,
):
    """What it was fitted on says nothing, nor does what the network cannot see."""
    pred, target = faces(12, 1)
    target = target.clip(1, SIDE - 1)
    target[:10, 3] = -500.0
    batch = Batch(
        image=np.zeros((12, SIDE, SIDE, 3), np.float32),
        points=target,
        visibility=np.full((12, 68), UNKNOWN, np.int8),
        box=np.zeros((12, 4), np.float32),
        mask=np.ones(12, bool),
    )
    monkeypatch.setattr(measurement.Benchmark, "_batches", lambda *_: [batch])
    monkeypatch.setattr(adaptation, "fit", lambda *_, **__: adaptation.Adapter({}, {}))
    away = np.where(target < 0, 1000.0, np.arange(1, 69)[:, None])
    unseen = target + away * [0.6, 0.8]
    monkeypatch.setattr(adaptation, "unseen", lambda *_, **__: unseen)
    said = types.SimpleNamespace(points=pred, spread=np.full(pred.shape[:2], 2.0))
    spec = types.SimpleNamespace(scheme=DENSE)
    found = measurement.Benchmark(spec, None)._fit(lambda _: said, None).scale
    half = 1.67834699 / np.sqrt(3)  # of the mass of exp(-r / s) lies within 1.678 s
    np.testing.assert_allclose(found, np.arange(1, 69) / 2 / half, rtol=1e-4)


def test_too_few_faces_to_hold_any_out():
    pred, target = faces(2 * adaptation.PARTS - 1, 1)
    assert adaptation.unseen(pred, target, **HOW, seed=0) is None
