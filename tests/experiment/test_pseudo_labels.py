"""Pseudo-labels are what a network says, in the canvases' pixels; a run keeps them."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from lmkjax.data import crop, sources, streams
from lmkjax.detect import detection
from lmkjax.errors import UserError
from lmkjax.experiment import pseudo_labels
from lmkjax.landmarks import points, schemes

DENSE = schemes.get("dense490")
RUN = detection.shipped()
pytestmark = pytest.mark.usefixtures("optimised")


class Photos:
    """Rendered faces that no training has drawn, as a prepared set hands them out."""

    def __init__(self):
        with np.load(pathlib.Path(__file__).parents[1] / "detect/rendered.npz") as kept:
            self.images, self.dense = kept["images"], kept["points"]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        data = io.BytesIO()
        Image.fromarray(self.images[index]).save(data, "PNG")
        own = self.dense[index, DENSE.subset68]
        return {"image": data.getvalue(), "points": own, "name": b"%d" % index}


@pytest.fixture(scope="module")
def canvases():
    source = sources.Source("rendered/train", Photos(), np.arange(6))
    return streams.Canvases(source, framing=points.Framing(2.2, 0.1), size=150)


@pytest.fixture(scope="module")
def told(canvases):
    return pseudo_labels.tell(RUN, canvases, DENSE, batch=4)


def test_a_known_detectors_answers_come_back_as_labels(canvases, told):
    """The points of the detector itself, which are near the truth."""
    detector = detection.Detector.from_checkpoint(RUN, flip=True)
    photos, source = Photos(), canvases.source
    boxes = np.stack([source.record(i).box for i in range(6)])
    found = detector.find(list(photos.images), boxes).points
    for i in range(6):
        corner, side = crop.square(boxes[i], framing=canvases.framing)
        own = (found[i] - corner) * (150 / side)
        truth = (photos.dense[i] - corner) * (150 / side)
        eyes = np.linalg.norm(truth[DENSE.subset68[36]] - truth[DENSE.subset68[45]])
        # The canvas has fewer pixels than the photo, so both see other pictures.
        assert np.median(np.linalg.norm(told[i] - own, axis=-1)) < 0.02 * eyes
        assert np.median(np.linalg.norm(told[i] - truth, axis=-1)) < 0.06 * eyes


def test_a_run_keeps_the_labels_that_it_began_with(
    canvases, told, tmp_path, monkeypatch
):
    monkeypatch.setattr(pseudo_labels, "tell", lambda *given, **words: told)
    first = pseudo_labels.kept(tmp_path, RUN, canvases, DENSE)
    monkeypatch.setattr(pseudo_labels, "tell", None)  # a second time would be refused
    again = pseudo_labels.kept(tmp_path, RUN, canvases, DENSE)
    np.testing.assert_array_equal(first, told)
    np.testing.assert_array_equal(again, told)
    assert [f.name for f in tmp_path.iterdir()] == [pseudo_labels.FILE]


def test_labels_of_other_faces_and_a_broken_file_are_told(
    canvases, told, tmp_path, monkeypatch
):
    monkeypatch.setattr(pseudo_labels, "tell", lambda *given, **words: told)
    pseudo_labels.kept(tmp_path, RUN, canvases, DENSE)
    few = canvases.source.take(np.arange(3))
    fewer = streams.Canvases(few, framing=canvases.framing, size=150)
    with pytest.raises(UserError, match="490 points of each of 3 .* labels of 6 other"):
        pseudo_labels.kept(tmp_path, RUN, fewer, DENSE)
    with pytest.raises(UserError, match=r"68 points .*points \[6, 490, 2\]. Delete"):
        pseudo_labels.kept(tmp_path, RUN, canvases, schemes.get("ibug68"))
    file = tmp_path / pseudo_labels.FILE
    whole = file.read_bytes()
    head = 30 + len("points.npy") + whole[28] + 256 * whole[29]
    for broken in (whole[:100], whole[:head] + bytes([255] * 8) + whole[head + 8 :]):
        file.write_bytes(broken)
        with pytest.raises(UserError, match="made anew"):
            pseudo_labels.kept(tmp_path, RUN, canvases, DENSE)
