"""The domains of a run: rendered source faces, real (or stand-in) target faces."""

import dataclasses
import pathlib

from lmkjax.data import builders, sources, streams
from lmkjax.errors import UserError
from lmkjax.experiment.bench import measurement, testsets
from lmkjax.face import labels
from lmkjax.landmarks import points, schemes

FACE_SYNTHETICS = "face_synthetics"
SOURCES = ("synthetic_faces", "rendered", FACE_SYNTHETICS)
"""Where source faces come from: prepared, drawn inside the step, or Microsoft's."""
SURFACE = schemes.get("ibug68_surface")
"""Of FaceSynthetics' labels: the jaw's lie on the head, not on what is seen of it."""
STAND_IN = "stand-in"
"""What test sets and tables call rendered faces that take the place of photos."""
SYNTHETIC = "synthetic"
"""The test set of rendered faces of the source."""
VALIDATION = "validation"
"""The test set of target train faces held out, to choose by."""


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A set of faces that lmkjax renders.

    Attributes:
        scheme: of the landmarks that they are labelled with.
        count: faces of the train split.
        test_count: faces of the test split, all others than those.
        size: side of their pictures, pixels.
        seed: of the set.
        looks: "photo", or "stand_in": clearly different, in place of photos.
        priors: what they have otherwise, in words.
        backgrounds: a folder of pictures behind them; "" = invented ones.
    """

    scheme: schemes.Scheme
    count: int
    test_count: int
    size: int
    seed: int
    looks: str
    priors: str = ""
    backgrounds: str = ""

    def prepare(self, home: pathlib.Path) -> pathlib.Path:
        """The folder of the set, rendered if it is not there."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del fields["scheme"]  # one set serves all
        return builders.prepare("synthetic_faces", data_dir=home, **fields)

    def open(self, home: pathlib.Path) -> tuple[sources.Source, sources.Source, list]:
        """Faces to train on and to test with, in no scheme, and no notes."""
        folder = self.prepare(home)
        found = [sources.load(folder, split) for split in ("train", "test")]
        labels.check(found[0].fields, where=str(folder))
        return *found, []

    @property
    def told(self) -> str:
        """What they are, in words."""
        return "faces rendered by lmkjax"


@dataclasses.dataclass(frozen=True)
class FaceSynthetics:
    """Microsoft's rendered faces.

    Attributes:
        folder: the makers' zip, or the folder that it unpacks to.
        test_count: faces held out to test with, as the makers name no test split.
        seed: of their draw.
        scheme: of their landmarks.
    """

    folder: pathlib.Path
    test_count: int
    seed: int
    scheme: schemes.Scheme = SURFACE

    def open(self, home: pathlib.Path) -> tuple[sources.Source, sources.Source, list]:
        """Faces to train on and to test with, and which are missing or left out."""
        name = FACE_SYNTHETICS
        folder = builders.prepare(name, data_dir=home, source=str(self.folder))
        every = sources.load(folder, "train")
        train, test = sources.hold_out(every, count=self.test_count, seed=self.seed)
        return train, test, builders.describe(name, folder)

    @property
    def told(self) -> str:
        """What they are, in words."""
        return "Microsoft FaceSynthetics (non-commercial research only)"


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """Which faces a run trains and is measured on.

    Attributes:
        home: where prepared datasets are kept.
        source: rendered faces, ours or Microsoft's; None = no term reads them.
        photos: 300-W's folder; None = the stand-in takes its place.
        stand_in: rendered faces with other looks.
        to_train: whether training reads the target's train faces.
        validation: of them, held out.
        labelled: target train faces used; 0 = all.
        rendered: source train faces used; 0 = all.
        size: side of the canvases that a step cuts faces from, pixels.
        framing: how they lie around a face's box.
        data_seed: of which faces are held out.
        seed: of which faces are used.
        asked: schemes in which the source's test faces are measured; none = its own.
    """

    home: pathlib.Path
    source: Rendered | FaceSynthetics | None
    photos: pathlib.Path | None
    stand_in: Rendered
    to_train: bool
    validation: int
    labelled: int
    rendered: int
    size: int
    framing: points.Framing
    data_seed: int
    seed: int
    asked: tuple[schemes.Scheme, ...] = ()

    def described(self, names: tuple[str, ...]) -> str:
        """What a network trained on these streams has seen, in words."""
        target = (
            "300-W photos (non-commercial research only)"
            if self.photos
            else "rendered stand-in faces"
        )
        what = {"source": self.source and self.source.told, "target": target}
        return " and ".join(what[name] for name in names)


@dataclasses.dataclass(frozen=True)
class Domains:
    """The faces of a run.

    Attributes:
        source: rendered train faces, ours in no scheme; None where no term reads them.
        target: labelled train faces of the target, in 68 points; None = there are none.
        tests: the test sets.
        notes: what is missing, in words.
        train: labelled train faces by scheme, to fit on what is measured by.
    """

    source: streams.Canvases | None
    target: streams.Canvases | None
    tests: list[testsets.TestSet]
    notes: list[str]
    train: dict[schemes.Scheme, streams.Canvases]

    @property
    def told(self) -> str:
        """How many faces of what, in words: the same in all processes of a run."""
        own = [len(f) if f is not None else None for f in (self.source, self.target)]
        return f"{own} {[(test.name, len(test.canvases)) for test in self.tests]}"


def prepare(spec: DataSpec) -> Domains:
    """Both domains, built where they are not there yet.

    Raises:
        UserError: the folder of 300-W is not as wanted.
    """

    def canvases(source: sources.Source) -> streams.Canvases:
        return streams.Canvases(source, framing=spec.framing, size=spec.size)

    # The target first: a wrong folder is told before minutes of rendering.
    train, target_tests, notes = (_photos if spec.photos else _stand_in)(spec)
    source, tests, by_scheme = None, [], {}
    if spec.source:
        own, held, told = spec.source.open(spec.home)
        own = sources.subset(own, count=spec.rendered, seed=spec.seed)
        source, notes = canvases(own), notes + told
        scheme = spec.source.scheme
        by_scheme[scheme] = canvases(_labelled(own, scheme))
        tests += [
            testsets.TestSet(name, canvases(faces), own, alone=bool(spec.asked))
            for name, faces, own in _asked(spec, held)
        ]

    if train is not None:
        count, seed = spec.validation, spec.seed
        if not spec.to_train and count >= len(train):
            told = f"No {VALIDATION} faces: the run held {count} out, here are"
            notes, count = [*notes, f"{told} {len(train)} train faces"], 0
        train, validation = sources.hold_out(train, count=count, seed=spec.data_seed)
        if count:
            target_tests |= {VALIDATION: validation}
        train = canvases(sources.subset(train, count=spec.labelled, seed=seed))
    for i, (name, faces) in enumerate(target_tests.items()):
        tests.append(
            testsets.TestSet(name, canvases(faces), measurement.IBUG68, i == 0)
        )
    by_scheme |= {measurement.IBUG68: train} if train is not None else {}
    return Domains(source, train, tests, notes, by_scheme)


def _asked(spec: DataSpec, held: sources.Source):
    """The source's test faces, named and labelled, in each scheme that is asked for."""
    if not spec.asked:
        yield SYNTHETIC, _labelled(held, spec.source.scheme), spec.source.scheme
    for scheme in spec.asked:
        if not held.unlabelled and scheme != spec.source.scheme:
            raise UserError(
                f"Wanted faces in scheme '{scheme.name}'; these, {spec.source.told},"
                f" are labelled in '{spec.source.scheme.name}' alone."
            )
        if scheme.count < 2:
            raise UserError(
                f"Scheme '{scheme.name}' is one point: there is no length to measure"
                " its errors by. Add curves to it."
            )
        yield f"{SYNTHETIC} {scheme.name}", _labelled(held, scheme), scheme


def _photos(spec: DataSpec):
    """300-W: train or None, the test sets that are there, and which are not."""
    name, home = "ibug_300w", spec.home
    folder = builders.prepare(name, data_dir=home, source=str(spec.photos))
    notes = builders.describe(name, folder)
    there = sources.splits(folder)
    tests = [name for name in ("common", "challenging", "private") if there.get(name)]
    loaded = {name: sources.load(folder, name) for name in tests}
    if there.get("train"):
        return sources.load(folder, "train"), loaded, notes
    if spec.to_train:
        raise UserError(
            f"{spec.photos}: wanted 300-W's train photos (afw, helen/trainset,"
            " lfpw/trainset) to train on; none are there."
        )
    notes.append(
        "Without 300-W's train photos there is no mean face of them, and no adapter."
    )
    return None, loaded, notes


def _labelled(source: sources.Source, scheme: schemes.Scheme) -> sources.Source:
    """Faces with the landmarks of a scheme; those of others' have theirs already."""
    if not source.unlabelled:
        return source
    return source.labelled(labels.marker(scheme))


def _stand_in(spec: DataSpec):
    """Rendered faces with other looks, labelled with 68 points as a person would."""
    train, test, _ = spec.stand_in.open(spec.home)
    scheme = spec.stand_in.scheme
    note = (
        "No --config.data.ibug_300w: the target is a rendered stand-in for photos;"
        " figures on it say nothing of real faces."
    )
    return _labelled(train, scheme), {STAND_IN: _labelled(test, scheme)}, [note]


def check_schemes(
    own: schemes.Scheme,
    source: schemes.Scheme,
    *,
    kind: str | None,
    adapted: bool,
    photos: bool,
) -> None:
    """Refuses a network that the labels do not teach.

    Args:
        own: the network's scheme.
        source: of the source's labels.
        kind: of the source, of `SOURCES`; None = it is not read.
        adapted: whether an adapter rewrites its labels.
        photos: whether the 68 labels of real faces are to teach the network's scheme.

    Raises:
        UserError: naming the field that does not fit, and what would do.
    """
    for field, scheme in (("scheme", own), ("data.scheme", source)):
        if scheme.lone:
            raise UserError(
                f"--config.{field}={scheme.name}: training mirrors faces, and point"
                f" '{scheme.lone[0]}' has no partner on the other side of the head."
                " Add it; or train another scheme, and ask for this one in `predict`."
            )
    if own not in (source, measurement.IBUG68):
        raise UserError(
            f"--config.scheme={own.name} wants labels that --config.data.scheme="
            f"{source.name} does not give; make them equal, or scheme ibug68."
        )
    if kind and own != source and source.subset68 is None and not adapted:
        raise UserError(
            f"--config.scheme={own.name} wants the 68 iBug points, which"
            f" --config.data.scheme={source.name} does not hold; make them equal."
        )
    if kind == FACE_SYNTHETICS and source != SURFACE:
        raise UserError(
            f"--config.data.source={FACE_SYNTHETICS} is labelled in"
            f" --config.data.scheme={SURFACE.name}; got '{source.name}'."
        )
    if photos and own != measurement.IBUG68:
        raise UserError(
            "Real faces carry 68 points: terms.supervised.streams with 'target' wants"
            f" --config.scheme=ibug68; got '{own.name}'. For a dense scheme use"
            " terms.label_transfer, or data.pseudo_labels."
        )
