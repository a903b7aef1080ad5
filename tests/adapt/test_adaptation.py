"""Label adapters: what they find, blindness to the crop, files, few faces, refusals."""

import jax
import numpy as np
import pytest

from lmkjax.adapt import adaptation, label_mlp
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes

SCHEME = schemes.Scheme("mine", (("nose_bridge", 9),))
INDICES = np.array([3, 0, 5, 6, 8])  # 9 points, of which 5 are labelled


@pytest.fixture
def faces():
    """A function of (count) to predictions and labels at odd places and sizes."""
    random = np.random.default_rng(0)
    mean, modes = random.normal(size=(9, 2)), random.normal(size=(4, 9, 2)) / 8

    def make(count, *, bend=0.0):
        shape = mean + np.einsum("nm,mkd->nkd", random.normal(size=(count, 4)), modes)
        label = shape[:, INDICES] + np.array([0.3, -0.2])
        label[:, 2] += 0.5 * (shape[:, 1] - shape[:, 7])
        label[:, :, 0] += bend * np.abs(shape[:, :1, 0] - mean[0, 0]) * 4
        low, high = shape.min(1, keepdims=True), shape.max(1, keepdims=True)
        size = random.uniform(20, 200, (count, 1, 1))
        size = size / np.sqrt(np.prod(high - low, -1, keepdims=True))
        place = random.uniform(-50, 500, (count, 1, 2))
        return shape * size + place, label * size + place

    return make


def error(pred, target):
    low, high = target.min(1), target.max(1)
    size = np.sqrt(np.prod(high - low, -1))[:, None]
    return (np.linalg.norm(pred - target, axis=-1) / size).mean()


@pytest.mark.parametrize("indices", [INDICES, None])
@pytest.mark.parametrize("count", [20, 80])
def test_it_halves_the_error_of_the_subset_on_other_faces(faces, count, indices):
    adapter = adaptation.fit(*faces(count), indices=indices, steps=0)
    pred, target = faces(50)
    before = error(pred[:, INDICES], target)
    assert error(adaptation.apply(adapter, pred), target) < before / 2
    name = "mean" if indices is None else "subset"
    assert adapter.errors["linear"] < adapter.errors[name]


def test_the_mlp_is_kept_where_a_line_cannot_follow(faces):
    adapter = adaptation.fit(*faces(400, bend=1.0), indices=INDICES, steps=400)
    assert adapter.errors["mlp"] < 0.8 * adapter.errors["linear"]
    assert "narrow/kernel" in adapter.params
    pred, target = faces(100, bend=1.0)
    line = {k: v for k, v in adapter.params.items() if "/" not in k}
    linear = adaptation.apply(adaptation.Adapter(line, {}), pred)
    ours = adaptation.apply(adapter, pred)
    assert error(ours, target) < 0.9 * error(linear, target)
    # The module says what the NumPy path says.
    low, high = pred.min(1, keepdims=True), pred.max(1, keepdims=True)
    size = np.sqrt(np.prod(high - low, -1, keepdims=True))
    layers = {"narrow": {}, "widen": {}}
    for name in ("narrow/kernel", "narrow/bias", "widen/kernel", "widen/bias"):
        layer, _, which = name.partition("/")
        layers[layer][which] = adapter.params[name]
    module = label_mlp.LabelMLP(128, adapter.params["whiten"].shape[1], 5)
    z = jax.numpy.asarray((pred - (low + high) / 2) / size, jax.numpy.float32)
    out = module.apply({"params": line | layers}, z) * size + (low + high) / 2
    np.testing.assert_allclose(ours, out, rtol=1e-3, atol=0.02)


def test_a_straight_law_needs_no_mlp(faces):
    adapter = adaptation.fit(*faces(100), indices=INDICES, steps=20)
    assert "narrow/kernel" not in adapter.params


def test_three_faces_move_the_subset_by_the_mean_difference():
    random = np.random.default_rng(1)
    pred = random.uniform(10, 90, (3, 9, 2))
    low, high = pred.min(1, keepdims=True), pred.max(1, keepdims=True)
    size = np.sqrt(np.prod(high - low, -1, keepdims=True))
    adapter = adaptation.fit(pred, pred[:, INDICES] + 0.1 * size, indices=INDICES)
    expected = pred[:, INDICES] + 0.1 * size
    np.testing.assert_allclose(adaptation.apply(adapter, pred), expected, rtol=1e-4)
    assert adapter.errors == {}


def test_it_is_blind_to_place_and_size_of_the_face(faces):
    adapter = adaptation.fit(*faces(40), indices=INDICES, steps=0)
    pred, _ = faces(6)
    moved = adaptation.apply(adapter, pred * 3 + 70)
    np.testing.assert_allclose(
        moved, adaptation.apply(adapter, pred) * 3 + 70, rtol=1e-4, atol=1e-2
    )


MIRROR = np.array([1, 0, 3, 2, 5, 4, 6, 8, 7]), np.array([1, 0, 2, 4, 3])
FLIP = np.array([-1.0, 1.0])


def test_a_mirrored_face_gets_mirrored_labels_but_for_what_all_labels_lean(faces):
    pred, target = faces(40)
    adapter = adaptation.fit(pred, target, mirror=MIRROR, steps=0)
    flipped = adaptation.apply(adapter, pred[:, MIRROR[0]] * FLIP)
    mirrored = adaptation.apply(adapter, pred)[:, MIRROR[1]] * FLIP
    width = np.sqrt(np.ptp(pred, axis=1).prod(-1))
    lean = (flipped - mirrored) / width[:, None, None]
    alike = np.broadcast_to(lean[0, 0], lean.shape)
    np.testing.assert_allclose(lean, alike, atol=1e-3)
    assert abs(lean[0, 0, 0]) > 1e-3 > abs(lean[0, 0, 1])


@pytest.mark.parametrize("indices", [np.arange(8), None])
@pytest.mark.parametrize("count", [25, 80])
def test_labels_that_all_lie_to_one_side_are_found_there(indices, count):
    random = np.random.default_rng(2)
    mean, mirror = random.normal(size=(4, 2)), np.array([4, 5, 6, 7, 0, 1, 2, 3])
    mean = np.concatenate([mean + [2, 0], (mean + [2, 0]) * FLIP])

    def make(count):
        pred = mean + random.normal(size=(count, 8, 2)) / 50
        size = np.sqrt(np.ptp(pred, axis=1).prod(-1))[:, None, None]
        noise = random.normal(size=pred.shape) / 50
        return pred, pred + size * [0.03, 0.0] + noise, size

    pred, target, _ = make(count)
    both = (mirror, mirror)
    adapter = adaptation.fit(pred, target, indices=indices, mirror=both, steps=30)
    pred, target, size = make(200)
    away = (adaptation.apply(adapter, pred) - target) / size
    assert abs(away[..., 0].mean()) < 0.004 and abs(away[..., 1].mean()) < 0.004


def test_saved_and_loaded_is_the_same_and_repeats(faces, tmp_path):
    pred, target = faces(60)
    one, two = (
        adaptation.fit(pred, target, steps=5, seed=4, scheme=SCHEME) for _ in "ab"
    )
    adaptation.save(one, tmp_path / "deep" / "adapter.npz")
    loaded = adaptation.load(tmp_path / "deep" / "adapter.npz")
    assert loaded.errors == one.errors == two.errors and loaded.scheme == SCHEME
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["adapter.npz"]
    np.testing.assert_array_equal(
        adaptation.apply(loaded, pred), adaptation.apply(two, pred)
    )


def test_what_is_refused(faces, tmp_path):
    pred, target = faces(12)
    with pytest.raises(UserError, match="same faces, 20 or more; got 0 and 0"):
        adaptation.fit(pred[:0], target[:0])
    with pytest.raises(UserError, match="got 12 and 11"):
        adaptation.fit(pred, target[:11])
    with pytest.raises(UserError, match="NaN"):
        adaptation.fit(pred * np.nan, target)
    adapter = adaptation.fit(pred, target, steps=0)
    with pytest.raises(UserError, match=r"reads \[faces, 9, 2\] points"):
        adaptation.apply(adapter, target)
    with pytest.raises(UserError, match=r"none\.npz; got FileNotFoundError"):
        adaptation.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no adapter")
    with pytest.raises(UserError, match="adapter"):
        adaptation.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", scheme="", something=np.zeros(3))
    with pytest.raises(UserError, match=r"other\.npz; got KeyError"):
        adaptation.load(tmp_path / "other.npz")
    adaptation.save(adapter, tmp_path / "cut.npz")
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.npz; got BadZipFile"):
        adaptation.load(tmp_path / "cut.npz")
