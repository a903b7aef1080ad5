"""The domains of a run: rendered source faces, real (or stand-in) target faces."""

import dataclasses
import pathlib

import ml_collections

from data_builders import build
from data_builders.ibug_300w import ibug_300w_dataset_builder as ibug_300w
from lmkjax.data import sources, streams
from lmkjax.experiment import measurement

STAND_IN = "stand-in"
"""What test sets and tables call rendered faces that take the place of photos."""
SYNTHETIC = "synthetic"
"""The test set of rendered faces of the source."""


@dataclasses.dataclass(frozen=True)
class Domains:
    """The faces of a run.

    Attributes:
        source: rendered train faces; None where no term reads them from disk.
        target: labelled train faces of the target, in 68 points.
        tests: the test sets.
        real: whether the target is 300-W; if not it is a stand-in.
        notes: what is missing, in words.
    """

    source: streams.Canvases | None
    target: streams.Canvases
    tests: list[measurement.TestSet]
    real: bool
    notes: list[str]

    def described(self, names: tuple[str, ...]) -> str:
        """What a network trained on these streams has seen, in words."""
        target = (
            "300-W photos (non-commercial research only)"
            if self.real
            else "rendered stand-in faces"
        )
        what = {"source": "faces rendered by lmkjax", "target": target}
        return " and ".join(what[name] for name in names)


def prepare(
    data: ml_collections.ConfigDict,
    crop: ml_collections.ConfigDict,
    *,
    input_px: int,
    seed: int,
    names: tuple[str, ...],
) -> Domains:
    """Both domains, built where they are not there yet.

    Args:
        data: the config's `data`.
        crop: the config's `crop`.
        input_px: side of the network's pictures.
        seed: of the rendered faces and of every draw.
        names: the streams that are trained on.

    Raises:
        UserError: the folder of 300-W is not as wanted.
    """
    size = round(input_px * crop.canvas)

    def canvases(source: sources.Source) -> streams.Canvases:
        return streams.Canvases(source, margin=crop.margin * crop.canvas, size=size)

    # The target first: a wrong folder is told before minutes of rendering.
    real = bool(data.ibug_300w)
    train, target_tests, notes = (_photos if real else _stand_in)(data, size, seed)
    source, tests = None, []
    if "source" in names:
        folder = _rendered(
            data,
            data.scheme,
            data.faces,
            data.test_faces,
            size,
            seed,
            looks="photo",
            priors=data.priors,
            backgrounds=data.backgrounds,
        )
        if data.source == "synthetic_faces":
            source = canvases(sources.load(folder, "train"))
        held = canvases(sources.load(folder, "test"))
        tests.append(measurement.TestSet(SYNTHETIC, held, data.scheme))

    train, validation = sources.hold_out(train, count=data.validation_faces, seed=seed)
    if data.validation_faces:
        target_tests = {"validation": validation} | target_tests
    train = sources.subset(train, count=data.target_faces, seed=seed)
    for i, (name, faces) in enumerate(target_tests.items()):
        tests.append(
            measurement.TestSet(name, canvases(faces), measurement.IBUG68, i == 0)
        )
    return Domains(source, canvases(train), tests, real, notes)


def _photos(data, size, seed):
    """300-W: train, the test sets that are there, and which are not."""
    folder = build.prepare(
        "ibug_300w", data_dir=data.dir, source=str(pathlib.Path(data.ibug_300w))
    )
    notes = ibug_300w.describe(folder)
    there = sources.splits(folder)
    tests = [name for name in ("common", "challenging", "private") if there.get(name)]
    loaded = {name: sources.load(folder, name) for name in tests}
    return sources.load(folder, "train"), loaded, notes


def _stand_in(data, size, seed):
    """Rendered faces with other looks, labelled with 68 points as a person would."""
    folder = _rendered(
        data,
        measurement.IBUG68,
        data.stand_in_faces,
        max(1, data.test_faces // 2),
        size,
        seed + 1,
        looks="stand_in",
        priors="",
        backgrounds="",
    )
    note = (
        "No --config.data.ibug_300w: the target is a rendered stand-in for photos;"
        " figures on it say nothing of real faces."
    )
    tests = {STAND_IN: sources.load(folder, "test")}
    return sources.load(folder, "train"), tests, [note]


def _rendered(data, scheme, count, test_count, size, seed, **looks):
    """A prepared set of rendered faces."""
    return build.prepare(
        "synthetic_faces",
        data_dir=data.dir,
        scheme=scheme,
        count=count,
        test_count=test_count,
        size=size,
        seed=seed,
        **looks,
    )
