"""Other systems' points on 300-W, for `lmkjax evaluate --predictions`.

Each runs in an environment of its own, which knows nothing of lmkjax; the second
command in ours. The faces are those of the test set, by their true boxes:

    python3.11 -m venv o && o/bin/pip install mediapipe==0.10.14 'numpy<2' dlib-bin \
        face_recognition_models 'setuptools<81'
    o/bin/python tests/beside_others.py points mediapipe 300w mediapipe.json
    python -m tests.beside_others adapt mediapipe.json mediapipe68.json
    lmkjax evaluate --predictions mediapipe68.json \
        --data 300w/helen/testset 300w/lfpw/testset

MediaPipe's 468 points (`mediapipe478`: with irises, eyes and lips by networks of their
own) become the 68 as ours do, through an adapter fitted to train photos; `--direct`
takes the nearest of them as they are. dlib's 68 need none (and may have one: they were
trained on these train photos).
"""

import argparse
import functools
import json
import pathlib
import time

import numpy as np
from PIL import Image

TRAIN, TEST = ("helen/trainset", "lfpw/trainset"), ("helen/testset", "lfpw/testset")
MARGINS = (2.0, 1.5, 3.0)
"""How much of the photo, in sides of the true box, is handed over; tried in turn."""
NEAREST = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454),
    *(389, 71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2),
    *(326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, 61, 39, 37),
    *(0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)
"""The points of MediaPipe's mesh that lie nearest to the 68 of iBug."""


def mediapipe(*, refined=False):
    """A crop [h w 3] to MediaPipe's 468, refined 478, points in it, or None."""
    import mediapipe

    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True,
        max_num_faces=1,
        refine_landmarks=refined,
        min_detection_confidence=0.2,
    )

    def look(crop, box):
        found = mesh.process(crop).multi_face_landmarks
        if not found:
            return None
        size = np.array(crop.shape[1::-1])
        return np.array([[p.x, p.y] for p in found[0].landmark]) * size

    return look


def dlib():
    """A crop [h w 3] to dlib's 68 points in it; by its own detector's box."""
    import dlib
    import face_recognition_models

    find = dlib.get_frontal_face_detector()
    read = dlib.shape_predictor(face_recognition_models.pose_predictor_model_location())

    def look(crop, box):
        near = [r for r in find(crop, 1) if _centre_in(r, box)]
        if not near:
            return None
        shape = read(crop, max(near, key=lambda r: r.area()))
        # dlib counts pixels by their centres from 0.
        return np.array([[p.x, p.y] for p in shape.parts()]) + 0.5

    return look


SYSTEMS = {
    "mediapipe": mediapipe,
    "mediapipe478": functools.partial(mediapipe, refined=True),
    "dlib": dlib,
}


def _centre_in(rectangle, box):
    x, y = rectangle.center().x, rectangle.center().y
    return box[0] < x < box[2] and box[1] < y < box[3]


def points(options) -> None:
    """Writes what a system says of each face of 300-W."""
    look = SYSTEMS[options.system]()
    told, missed, spent, count = {}, {}, 0.0, 0
    for part in (*TRAIN, *TEST):
        files = sorted((options.data / part).glob("*.pts"))
        for file in [f for f in files if "_mirror" not in f.stem]:
            truth = _read(file)
            photo = Image.open(_photo(file)).convert("RGB")
            found = None
            for margin in MARGINS:
                crop, box, corner = _cut(photo, truth, margin)
                begin = time.perf_counter()
                found = look(crop, box)
                spent, count = spent + time.perf_counter() - begin, count + 1
                if found is not None:
                    break
            name = f"{part}/{file.stem}"
            told[name] = {"truth": truth.tolist()}
            if found is None:
                missed[part] = missed.get(part, 0) + 1
            else:
                told[name]["points"] = np.round(found + corner, 3).tolist()
    content = {"ms": spent / count * 1000, "missed": missed, "faces": told}
    options.out.write_text(json.dumps(content))
    print(f"{len(told)} faces, not found {missed}; {content['ms']:.1f} ms a look")


def _read(file):
    """The 68 true points, in pixels from the outer corner: the file counts from 1."""
    text = file.read_text()
    rows = text[text.index("{") + 1 : text.index("}")].split()
    return np.array(rows, float).reshape(68, 2) - 0.5


def _photo(file):
    return next(
        file.with_suffix(ending)
        for ending in (".jpg", ".png")
        if file.with_suffix(ending).is_file()
    )


def _cut(photo, truth, margin):
    """The square about a face's box, the box in it, and where its corner is."""
    low, high = truth.min(0), truth.max(0)
    half = (high - low).max() * margin / 2
    middle = (low + high) / 2
    corner = np.floor(middle - half).astype(int)
    side = int(np.ceil(2 * half))
    crop = photo.crop((*corner, *(corner + side)))
    box = np.concatenate([low - corner, high - corner])
    return np.ascontiguousarray(np.asarray(crop)), box, corner


def adapt(options) -> None:
    """Writes the 68 points of test faces; a face that was not found is a failure."""
    from lmkjax.adapt import adaptation
    from lmkjax.landmarks import schemes

    content = json.loads(options.points.read_text())["faces"]
    count = max(len(own["points"]) for own in content.values() if "points" in own)
    indices = np.arange(68) if count == 68 else np.array(NEAREST)
    own = np.asarray(schemes.get("ibug68").mirror)
    adapter = None
    if not options.direct:
        taught = [
            (face["points"], face["truth"])
            for name, face in content.items()
            if name.startswith(TRAIN) and "points" in face
        ]
        pred, target = (np.array(x, np.float32) for x in zip(*taught, strict=True))
        mirror = (own, own) if count == 68 else None  # a mesh's is not told
        adapter = adaptation.fit(pred, target, indices=indices, mirror=mirror)
        print(f"adapter of {len(pred)} faces: {adapter.errors}")
    written = {}
    for name, face in content.items():
        if not name.startswith(TEST):
            continue
        if "points" not in face:
            middle = np.mean(face["truth"], 0, keepdims=True)
            written[name] = np.repeat(middle, 68, 0).tolist()
            continue
        found = np.array([face["points"]], np.float32)
        if adapter is None:
            found = found[:, indices]
        else:
            found = np.asarray(adaptation.apply(adapter, found))
        written[name] = found[0].tolist()
    options.out.write_text(json.dumps(written))
    print(f"{len(written)} faces: {options.out}")


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("points")
    verb.add_argument("system", choices=SYSTEMS)
    verb.add_argument("data", type=pathlib.Path)
    verb.add_argument("out", type=pathlib.Path)
    verb.set_defaults(run=points)
    verb = verbs.add_parser("adapt")
    verb.add_argument("points", type=pathlib.Path)
    verb.add_argument("out", type=pathlib.Path)
    verb.add_argument("--direct", action="store_true")
    verb.set_defaults(run=adapt)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
