"""The detector: from photo to crop and back, schemes, and pictures without a box."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from lmkjax.adapt import adaptation
from lmkjax.data import crop
from lmkjax.detect import answers, detection, inference, specs
from lmkjax.detect.finder import looking
from lmkjax.errors import UserError
from lmkjax.landmarks import heatmaps, schemes
from lmkjax.landmarks import points as plane
from lmkjax.models import network as networks
from lmkjax.training import averaged

SIZE, FRAMING = 64, plane.Framing(1.45, 0.13)
DENSE, FEW = schemes.get("dense243"), schemes.get("ibug68")
UNIT = np.random.default_rng(0).uniform(0, 1, (DENSE.count, 2)).astype(np.float32)
UNIT[DENSE.subset68[0]], UNIT[DENSE.subset68[8]] = (0, 0), (1, 1)  # its box is full


def predict(images, wanted):
    """Points inside the bright rectangle of each image, where UNIT has them."""
    points = []
    for image in np.asarray(images):
        rows, columns = (np.flatnonzero((image[..., 1] > 0.5).any(a)) for a in (1, 0))
        if not len(rows):  # a face that fills up the batch
            rows = columns = np.array([0])
        first = np.array([columns[0], rows[0]])
        sides = np.array([columns[-1], rows[-1]]) + 1 - first
        points.append(first + UNIT * sides)
    points = jnp.asarray(np.array(points, np.float32))
    members = answers.subset_of(wanted, DENSE)
    if members is None:
        raise UserError("speaks 'dense243', of which ibug68 is a part")
    points = points[:, members]
    return answers.Answer(points, jnp.full(points.shape[:2], 2.0))


def picture(width, height, box):
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = 255
    return image


def placed(box):
    box = np.array(box, np.float32)
    return box[:2] + UNIT * (box[2:] - box[:2])


def detector(**options):
    return detection.Detector.around(
        predict, scheme="dense243", input_px=SIZE, framing=FRAMING, batch=4, **options
    )


BOXES = [(30, 40, 90, 110), (200, 10, 380, 200), (5, 5, 25, 21), (60, 3, 99, 40)] * 2
PICTURES = [picture(400 + 10 * i, 220 + i, box) for i, box in enumerate(BOXES)]


def test_points_come_back_in_the_photos_own_pixels():
    points, uncertainty = detector().find(PICTURES[:7], BOXES[:7])[
        :2
    ]  # 7 is no multiple of 4
    assert points.shape == (7, 243, 2) and uncertainty.shape == (7, 243)
    for face, doubt, box in zip(points, uncertainty, BOXES[:7], strict=True):
        side = FRAMING.margin * max(box[2] - box[0], box[3] - box[1])
        # The bright rectangle is known to one pixel of the crop on each side.
        np.testing.assert_allclose(face, placed(box), atol=1.01 * side / SIZE)
        np.testing.assert_allclose(doubt, 2.0 * side / SIZE, rtol=1e-5)


def test_one_picture_and_many_give_the_same():
    many = detector().find(PICTURES, BOXES).points
    one = detector().find(PICTURES[1:2], BOXES[1:2]).points[0]
    np.testing.assert_allclose(one, many[1])


def test_a_box_that_is_wrong_moves_no_point_far():
    wrong = [(l - 9, t - 9, r + 9, b + 9) for l, t, r, b in BOXES[:2]]  # noqa: E741
    points = detector().find(PICTURES[:2], wrong).points
    for face, box in zip(points, BOXES[:2], strict=True):
        np.testing.assert_allclose(face, placed(box), atol=5)


def test_without_a_box_the_picture_is_one_face_and_looks_get_closer():
    image, box = picture(300, 200, (60, 30, 160, 140)), (60, 30, 160, 140)
    errors = []
    for rounds in (0, 1, 2):
        found = detector(rounds=rounds).find([Image.fromarray(image)])
        errors.append(np.abs(found.points[0] - placed(box)).max())
    side = FRAMING.margin * 110
    assert errors[0] < 300 / SIZE * 1.01 and errors[2] < side / SIZE * 1.01
    assert errors[2] < errors[0]
    np.testing.assert_allclose(found.boxes[0], box, atol=2 * side / SIZE)


def test_the_68_points_are_a_part_of_a_dense_scheme():
    points, uncertainty = detector().find(PICTURES[:2], BOXES[:2], scheme="ibug68")[:2]
    dense = detector().find(PICTURES[:2], BOXES[:2]).points
    np.testing.assert_array_equal(points, dense[:, DENSE.subset68])
    assert uncertainty.shape == (2, 68)


def test_points_of_a_coarser_scheme_are_found_in_a_finer_one():
    np.testing.assert_array_equal(answers.subset_of(FEW, DENSE), DENSE.subset68)
    np.testing.assert_array_equal(answers.subset_of(FEW, FEW), np.arange(68))
    assert answers.subset_of(DENSE, FEW) is None
    assert answers.subset_of(schemes.get("ibug68_surface"), DENSE) is None


SCORES = np.float32([0.9, 0.7, 0.6])


class Bright:
    """Finds the bright rectangle of a picture, too large and twice, and a dark one."""

    def __call__(self, photo):
        left, top, right, bottom = photo.getbbox() or (0, 0, 0, 0)
        large = (left - 3, top - 3, right + 6, bottom + 3)
        boxes = np.array([large, large, (300, 150, 360, 215)], np.float32)
        return looking.Found(*(x[: 3 * bool(right)] for x in (boxes, SCORES)))


def test_faces_that_are_found_are_read_each_in_its_own_box():
    blank = np.zeros((50, 60, 3), np.uint8)
    own = detector(finder=Bright())
    none, (face,) = own([blank, PICTURES[0]], scheme="ibug68")
    grey = Image.fromarray(PICTURES[0]).convert("L")
    for photo in (Image.fromarray(PICTURES[0]), PICTURES[0], grey):
        assert len(own.search(photo).boxes) == 1
    with pytest.raises(UserError, match="Wanted a picture as uint8"):
        own.search(PICTURES[0] / 255)
    assert none == [] and own(blank) == [] and own([]) == []
    assert face.score == SCORES[0]
    side = FRAMING.margin * 70
    np.testing.assert_allclose(face.box, BOXES[0], atol=2 * side / SIZE)
    expected = placed(BOXES[0])[DENSE.subset68]
    np.testing.assert_allclose(face.points, expected, atol=2 * side / SIZE)
    assert face.uncertainty.shape == (68,) and face.visibility is None
    (alone,) = own(PICTURES[0], [face.box], scheme="ibug68")
    np.testing.assert_array_equal(alone.points, face.points)
    assert alone.score == 1


def test_a_scheme_is_named_by_the_path_of_its_file_too(tmp_path):
    file, one = tmp_path / "mine.yaml", (PICTURES[:1], BOXES[:1])
    file.write_text("jaw: 17\n")
    points = detector().find(*one, scheme=str(file)).points
    np.testing.assert_array_equal(detector().find(*one, scheme=file).points, points)
    (face,) = detector()(PICTURES[0], BOXES[:1], scheme=file)
    np.testing.assert_array_equal(face.points, points[0])
    assert detector().scheme_of(file).count == 17


def test_a_head_is_fitted_to_the_scheme_of_a_file(tmp_path, monkeypatch):
    fits = pytest.importorskip("lmkjax.fitting.fits", reason='needs the extra "fit"')
    (tmp_path / "mine.yaml").write_text("jaw: 17\n")
    monkeypatch.setattr(fits, "fit", lambda points, doubt, own, visibility: own)
    own = detector().fit(PICTURES[:1], BOXES[:1], scheme=tmp_path / "mine.yaml")
    assert (own.name, own.count) == ("mine", 17)


def test_equal_places_are_made_ready_once_and_a_bounded_number_is_kept(
    tmp_path, monkeypatch, key
):
    run_of(tmp_path, monkeypatch, key, transfer_features=0, kernels="place")
    made, kept, asker = [], 3, inference.asker

    def counted(spec, query, **options):
        made.append(query)
        return asker(spec, query, **options)

    monkeypatch.setattr(inference, "asker", counted)
    monkeypatch.setattr(answers, "KEPT", kept)
    found = detection.Detector.from_checkpoint(tmp_path)
    places = [np.array([[0.0, 1.0, 8.0], [1.0, 2.0, 7.0 + i]]) for i in range(5)]

    def ask(i):
        return found.find(PICTURES[:1], BOXES[:1], scheme=places[i].copy()).points

    first = ask(0)
    np.testing.assert_array_equal(ask(0), first)
    assert len(made) == 1 and np.abs(ask(1) - first).max() > 0
    for i in (0, 2, 0, 3, 0, 4, 0):
        ask(i)
    assert len(made) == 5 and len(found._predict._asked) == kept
    ask(1)  # long ago
    assert len(made) == 6


def test_no_picture_no_face():
    points, uncertainty = detector().find([], [])[:2]
    assert points.shape == (0, 243, 2) and uncertainty.shape == (0, 243)
    assert detector().find([], scheme="ibug68").points.shape == (0, 68, 2)


def run_of(folder, monkeypatch, key, **fields):
    """The spec of a run with weights by chance, and the weights."""
    fields = {"scheme": DENSE} | fields
    spec = specs.Spec(
        input_px=32,
        stacks=1,
        features=8,
        depth=1,
        gain=16.0,
        dtype="float32",
        critic=False,
        decoder="soft_argmax",
        margin=FRAMING.margin,
        up=FRAMING.up,
        **fields,
    )
    spec.save(folder)
    shapes = jax.eval_shape(spec.start, key)
    rng = np.random.default_rng(0)
    weights = jax.tree.map(
        lambda leaf: rng.normal(0, 0.2, leaf.shape).astype(np.float32), shapes
    )
    monkeypatch.setattr(averaged, "load", lambda folder, best: weights)
    return spec, weights


def test_free_kernels_answer_for_parts_of_their_scheme_and_refuse_the_rest(
    tmp_path, monkeypatch, key
):
    run_of(tmp_path, monkeypatch, key, transfer_features=0, kernels="free")
    found = detection.Detector.from_checkpoint(tmp_path)
    one = PICTURES[:1], BOXES[:1]
    whole, doubt = found.find(*one)[:2]
    points, uncertainty = found.find(*one, scheme="ibug68")[:2]
    np.testing.assert_array_equal(points, whole[:, DENSE.subset68])
    np.testing.assert_array_equal(uncertainty, doubt[:, DENSE.subset68])
    with pytest.raises(UserError, match="speaks 'dense243'; 'dense1001' .*ibug68"):
        found.find(*one, scheme="dense1001")
    with pytest.raises(UserError, match="speaks 'dense243'; places of one's own"):
        found.find(*one, scheme=np.zeros((2, 3)))


def test_an_adapter_gives_the_68_where_free_kernels_know_none_of_them(
    tmp_path, monkeypatch, key
):
    own = schemes.get("ibug68_surface")
    assert answers.subset_of(FEW, own) is None
    fields = {"scheme": own, "transfer_features": 0, "kernels": "free"}
    run_of(tmp_path, monkeypatch, key, **fields)
    pred = np.repeat(np.random.default_rng(1).uniform(0, 32, (1, 68, 2)), 3, 0)
    pred[:, :2] = [0, 0], [32, 32]  # of a face of 32 pixels, 1/64 is half a one
    fitted = adaptation.fit(pred, pred + 0.5, indices=own.subset68, scheme=own)
    fitted = dataclasses.replace(fitted, scale=np.full(68, 3.0, np.float32))
    adaptation.save(fitted, tmp_path / adaptation.FILE)
    found = detection.Detector.from_checkpoint(tmp_path)
    one = PICTURES[:1], BOXES[:1]
    plain, adapted = found.find(*one), found.find(*one, scheme="ibug68")
    size = np.sqrt(np.prod(np.ptp(plain.points, axis=1)))
    np.testing.assert_allclose(adapted.points, plain.points + size / 64, atol=1e-3)
    np.testing.assert_allclose(adapted.uncertainty, 3 * plain.uncertainty, rtol=1e-5)


def test_a_run_becomes_a_detector(tmp_path, monkeypatch, key):
    spec, weights = run_of(tmp_path, monkeypatch, key, transfer_features=8)
    found = detection.Detector.from_checkpoint(tmp_path)
    points, uncertainty = found.find(PICTURES[:1], BOXES[:1])[:2]
    asked = inference.asker(spec)(weights)
    crops = crop_of(PICTURES[0], BOXES[0], 32)
    said = inference.predictor(spec)(weights, asked, crops)
    side = FRAMING.margin * 70
    scale = side / 32
    corner = np.array([60.0, 75.0 - FRAMING.up * side]) - side / 2
    expected = np.asarray(said.points[0]) * scale + corner
    np.testing.assert_allclose(points[0], expected, atol=1e-3)
    np.testing.assert_allclose(uncertainty[0], said.spread[0] * scale, rtol=1e-4)
    moved = found.find(PICTURES[:1], BOXES[:1], scheme="ibug68").points
    expected = np.asarray(said.transferred[0]) * scale + corner
    np.testing.assert_allclose(moved[0], expected, atol=1e-3)


@pytest.mark.parametrize("form", [{"transfer_features": 8}, {"learned_places": True}])
def test_transferred_points_are_seen_where_they_lie_on_the_head(
    form, tmp_path, monkeypatch, key
):
    fields = {"kernels": "place", "transfer_features": 0, "confidence": True} | form
    spec, weights = run_of(tmp_path, monkeypatch, key, **fields)
    said = detection.Detector.from_checkpoint(tmp_path).find(
        PICTURES[:1], BOXES[:1], scheme="ibug68"
    )
    asked = inference.asker(spec, FEW)(weights)
    crops = crop_of(PICTURES[0], BOXES[0], 32)
    direct = inference.predictor(spec)(weights, asked, crops)
    np.testing.assert_allclose(said.visibility, direct.visibility, atol=1e-5)
    assert np.abs(said.uncertainty - direct.spread).min() > 1e-3


@pytest.mark.parametrize("decoder", ["dark", *heatmaps.HEIGHTS.values()])
def test_uncertainty_is_that_of_maps_as_they_are_read(
    decoder, tmp_path, monkeypatch, key
):
    spec, weights = run_of(tmp_path, monkeypatch, key, transfer_features=0)
    spec = dataclasses.replace(spec, decoder=decoder)
    weights, crops = (
        jax.tree.map(jnp.asarray, weights),
        crop_of(PICTURES[0], BOXES[0], 32),
    )
    network = networks.Bound(spec.module(), weights, spec.own, spec.own)
    maps = network.head(network.see(crops).features[-1])
    said = inference.predictor(spec)(weights, inference.asker(spec)(weights), crops)
    expected = 4 * heatmaps.spread(maps, decoder=decoder)
    np.testing.assert_allclose(said.spread, expected, rtol=1e-3, atol=1e-4)


def crop_of(image, box, size):
    cut = crop.cut(Image.fromarray(image), np.array(box), framing=FRAMING, size=size)
    return jnp.asarray(cut[None] / np.float32(255))


def test_refusals():
    with pytest.raises(UserError, match="Unknown scheme 'x'"):
        detector().find(PICTURES[:1], BOXES[:1], scheme="x")
    with pytest.raises(UserError, match="each of 2 pictures; got 1"):
        detector().find(PICTURES[:2], BOXES[:1])
    with pytest.raises(UserError, match=r"uint8 \[h, w, 3\].*float64"):
        detector().find([np.zeros((4, 5, 3))], BOXES[:1])
    for box in ((5, 5, 5, 5), (30, 40, 25, 110), (30, 40, 30, 110)):
        with pytest.raises(UserError, match="Wanted a box as left, top"):
            detector().find(PICTURES[:1], [box])
        with pytest.raises(UserError, match="Wanted a box as left, top"):
            detector()(PICTURES[0], [box])
    with pytest.raises(UserError, match="Wanted a list of pictures"):
        detector().find(Image.fromarray(PICTURES[0]))
    with pytest.raises(UserError, match="list of boxes for each of 2 photos; got 1"):
        detector()(PICTURES[:2], [BOXES[:1]])
    with pytest.raises(UserError, match=r"a list of boxes.*got \(30, 40, 90, 110\)"):
        detector()(PICTURES[0], BOXES[0])
    with pytest.raises(UserError, match="no_run"):
        detection.Detector.from_checkpoint("no_run")
    for batch in (0, -1, 2.5):
        with pytest.raises(UserError, match=f"batch of 1 face or more; got {batch}"):
            detection.Detector.around(
                predict, scheme="dense243", input_px=SIZE, framing=FRAMING, batch=batch
            )
    with pytest.raises(UserError, match="got 'yunet'. By name: .*choose"):
        detection.Detector(finder="yunet")
    with pytest.raises(UserError, match="Unknown scheme ''"):
        detection.Detector(scheme="")
