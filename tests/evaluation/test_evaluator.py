"""From predictions to rows: every face once, the mean face, and refusals."""

import jax.numpy as jnp
import numpy as np
import pytest

from configs import base
from lmkjax.evaluation import evaluator, nme
from lmkjax.types import Batch

FACES, SIDE = 11, 64
RNG = np.random.default_rng(0)
POINTS = RNG.uniform(8, 56, (FACES, 68, 2)).astype(np.float32)
ERROR_PX = RNG.uniform(0, 2, FACES).astype(np.float32)


def stream(batch, *, faces=FACES):
    """Faces that bear their number in their first pixel; the last batch is padded."""
    for first in range(0, faces, batch):
        numbers = np.arange(first, first + batch)
        real = np.minimum(numbers, faces - 1)
        image = np.zeros((batch, SIDE, SIDE, 3), np.uint8)
        image[:, 0, 0, 0] = real
        points = POINTS[real]
        yield Batch(
            image=image,
            points=points,
            visibility=np.zeros(points.shape[:2], np.int8),
            box=np.concatenate([points.min(1), points.max(1)], -1),
            mask=numbers < faces,
        )


def predict(images):
    numbers = np.rint(np.asarray(images[:, 0, 0, 0]) * 255).astype(int)
    moved = POINTS[numbers] + np.stack([ERROR_PX, 0 * ERROR_PX], -1)[numbers][:, None]
    return {"subset": jnp.asarray(moved), "transfer": jnp.asarray(POINTS[numbers])}


@pytest.mark.parametrize("batch", [4, 11, 16])
def test_every_face_counts_once_however_it_is_batched(batch):
    found = evaluator.evaluate(predict, stream(batch), test_set="common")
    ocular = np.linalg.norm(POINTS[:, 36] - POINTS[:, 45], axis=-1)
    row = found.rows[0]
    assert (row["labels"], row["normaliser"]) == ("subset", "ocular")
    assert row["test_set"] == "common" and row["faces"] == FACES
    assert row["points"] == 68 and row["scheme"] == "ibug68"
    nme = 100 * ERROR_PX / ocular
    np.testing.assert_allclose(row["nme"], nme.mean(), rtol=1e-5)
    np.testing.assert_allclose(row["fr_08"], (nme > 8).mean(), rtol=1e-6)
    np.testing.assert_allclose(found.errors["subset", "ocular"], nme, rtol=1e-4)
    each = found.faces["subset", "ocular"]  # in order; what fills a batch has none
    np.testing.assert_allclose(each[:FACES], nme, rtol=1e-4)
    assert np.isnan(each[FACES:]).all() and len(each) % batch == 0
    assert len(found.rows) == 2 * 3 and found.rows[-1]["nme"] == 0


def test_regions_are_in_every_row():
    regions = {"jaw": np.arange(17), "brows": np.arange(17, 27)}
    found = evaluator.evaluate(predict, stream(4), test_set="a", regions=regions)
    assert found.rows
    for row in found.rows:
        assert list(row["regions"]) == ["jaw", "brows"]  # in the order given
        # All points of a face are off by the same: so is each region.
        np.testing.assert_allclose(row["regions"]["jaw"], row["nme"], rtol=1e-4)


def test_a_mean_face_has_its_own_row():
    mean = np.random.default_rng(1).uniform(0, 1, (68, 2)).astype(np.float32)
    found = evaluator.evaluate(predict, stream(4), test_set="common", mean=mean)
    row = next(row for row in found.rows if row["labels"] == "mean_face")
    boxes = np.concatenate([POINTS.min(1), POINTS.max(1)], -1)
    placed = boxes[:, None, :2] + mean * (boxes[:, 2:] - boxes[:, :2])[:, None]
    lengths = np.linalg.norm(placed - POINTS, axis=-1).mean(-1)
    ocular = np.linalg.norm(POINTS[:, 36] - POINTS[:, 45], axis=-1)
    np.testing.assert_allclose(row["nme"], (100 * lengths / ocular).mean(), rtol=1e-4)


def test_the_first_faces_are_kept_to_be_drawn_without_what_fills_a_batch():
    found = evaluator.evaluate(predict, stream(16), test_set="a", keep=50)
    assert found.images.shape == (FACES, SIDE, SIDE, 3)
    np.testing.assert_array_equal(found.points["truth"], POINTS)
    few = evaluator.evaluate(predict, stream(4), test_set="a", keep=6)
    np.testing.assert_array_equal(few.points["transfer"], POINTS[:6])
    assert float(few.images[5, 0, 0, 0]) == pytest.approx(5 / 255)


def test_the_threshold_stands_in_the_name_and_is_the_configs_own():
    assert base.get_config("tiny").eval.failure == nme.FAILURE
    found = evaluator.evaluate(predict, stream(4), test_set="a", threshold=10.0)
    assert {"auc_10", "fr_10"} <= set(found.rows[0])


def test_refusals():
    with pytest.raises(ValueError, match="'common': wanted faces"):
        evaluator.evaluate(predict, [], test_set="common")

    def dense(images):
        return {"direct": jnp.zeros((len(images), 90, 2))}

    with pytest.raises(ValueError, match=r"'direct' are \(4, 90, 2\)"):
        evaluator.evaluate(dense, stream(4), test_set="common")
