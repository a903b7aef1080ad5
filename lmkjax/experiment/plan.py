"""A config becomes objects, once: from here down nothing sees a config."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping

import ml_collections

from lmkjax import files
from lmkjax.adapt import adaptation
from lmkjax.data import changes, workers
from lmkjax.detect import specs
from lmkjax.errors import UserError
from lmkjax.experiment import datasets, init_from, ranges
from lmkjax.experiment.bench import measurement
from lmkjax.face import drawing, labels
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options
from lmkjax.face.shape import marks
from lmkjax.landmarks import heatmaps, points, schemes
from lmkjax.losses import landmark
from lmkjax.objectives import (
    daln,
    discriminator,
    disparity,
    label_transfer,
    likelihood,
    mean_teacher,
    objective,
    supervised,
)
from lmkjax.training import loop, optim
from lmkjax.types import host_seed

IBUG68 = schemes.get("ibug68")


@dataclasses.dataclass(frozen=True)
class Training:
    """How long and in which parts a run trains.

    Attributes:
        optimizer: how weights move.
        length: by steps or by the clock.
        intervals: of logging and saving.
        validate_every: steps between looks at held-out faces; 0 = never.
        accumulate: parts of a batch worked on one after another.
        fsdp_min_size: parameters of at least as many numbers are shared out; 0 = none.
        gradient_norms: tell how long each term's gradient is.
        init_from: a run whose averaged weights this one begins with.
    """

    optimizer: optim.Moves
    length: loop.Length
    intervals: loop.Intervals
    validate_every: int
    accumulate: int
    fsdp_min_size: int
    gradient_norms: bool
    init_from: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything that a run is made of.

    Attributes:
        seed: of weights, order and augmentation.
        network: what the network is.
        faces: which faces are trained and measured on.
        shares: faces of each stream in a step.
        terms: what a step makes small, name to (weight, term).
        augment: how faces are changed by chance.
        drawn: the source's faces, where they are drawn inside the step.
        places: of the source, drawn anew in each step; None = its scheme's landmarks.
        adapter: what rewrites the source's labels.
        pseudo_labels: a run that labels the target's faces; None = they have their own.
        loading: what the host puts into making batches.
        training: how long and in which parts.
        measuring: how weights are measured.
    """

    seed: int
    network: specs.Spec
    faces: datasets.DataSpec
    shares: Mapping[str, int]
    terms: Mapping[str, tuple[float, objective.Term]]
    augment: changes.Change
    drawn: drawing.Drawn | None
    places: marks.Draw | None
    adapter: adaptation.Adapter | None
    pseudo_labels: pathlib.Path | None
    loading: workers.Loading
    training: Training
    measuring: measurement.Measuring


def build(
    config: ml_collections.ConfigDict,
    *,
    to_train: bool = True,
    workdir: pathlib.Path | None = None,
) -> Experiment:
    """The objects that a config asks for.

    Args:
        config: an experiment, see `configs/base.py`.
        to_train: False leaves out what training alone needs of other folders.
        workdir: of the run, which may have begun: what it has kept there of other runs
            is not asked of their folders again.

    Raises:
        UserError: naming the field that does not fit, and what would do.
    """
    ranges.check(config)
    own, source = schemes.get(config.scheme), schemes.get(config.data.scheme)
    places = _places(config, own, source)
    terms = _terms(config, places)
    read = {stream for _, term in terms.values() for stream in term.streams}
    names = tuple(name for name in ranges.STREAMS if name in read)
    data, train = config.data, config.train
    datasets.check_schemes(
        own,
        source,
        kind=data.source if "source" in names else None,
        adapted=bool(data.adapter),
        photos="target" in _known(config),
    )
    if to_train and data.face_synthetics:
        _there(data.face_synthetics)
    priors = options.choose("photo", data.priors)
    faces = _faces(config, source, names, options.tell(priors, "photo"))
    begin = init_from.folder(train.init_from) if to_train else None
    labeller, drawn, adapter = None, None, None
    if to_train and data.pseudo_labels:
        labeller = init_from.folder(data.pseudo_labels, field="data.pseudo_labels")
    if to_train and "source" in names:
        folder, stack = _folder(data.backgrounds, "data.backgrounds"), None
        if data.source == "rendered":
            stack = backdrop.load(folder) if folder else None
            # Not the seed itself: a prepared set may have the same one.
            seed = host_seed(config.seed, "faces drawn in the step")
            drawn = drawing.Drawn(faces.size, priors, stack, seed)
        elif folder:  # told before minutes of rendering the target
            backdrop.find(folder)
    if to_train and data.adapter:
        folder = _folder(data.adapter, "data.adapter")
        adapter = init_from.adapter(folder, own, source, workdir=workdir)
    others = {"labeller": labeller, "begin": begin, "workdir": workdir}
    seen = init_from.trained_on(faces.described(names), **others)
    return Experiment(
        seed=config.seed,
        network=_network(config, own, seen),
        faces=faces,
        shares=_shares(config, names),
        terms=terms,
        augment=changes.Change(**config.augment),
        drawn=drawn,
        places=places,
        adapter=adapter,
        pseudo_labels=labeller,
        loading=workers.Loading(data.workers, data.ahead, data.processes),
        training=Training(
            optimizer=optim.Moves(**config.optimizer),
            length=loop.Length(train.steps, train.minutes),
            intervals=loop.Intervals(train.log_every, train.save_every),
            validate_every=train.validate_every,
            accumulate=train.accumulate,
            fsdp_min_size=train.fsdp_min_size,
            gradient_norms=train.gradient_norms,
            init_from=begin,
        ),
        measuring=measurement.Measuring(**config.eval),
    )


def _known(config) -> tuple[str, ...]:
    """The supervised streams whose labels are no guesses of a network."""
    guessed = {"target"} if config.data.pseudo_labels else set()
    return tuple(n for n in config.terms.supervised.streams if n not in guessed)


def _seen(config, own, source) -> bool:
    """Whether labels that teach it tell what can be seen: those of rendered faces."""
    ours = config.data.source != datasets.FACE_SYNTHETICS
    kept = own == source and not config.data.adapter
    drawn = {"source"} if ours and kept else set()
    drawn |= set() if config.data.ibug_300w else {"target"}
    return bool(drawn & set(_known(config)))


def _places(config, own, source) -> marks.Draw | None:
    """What is drawn of the source's places, where its labels are not rewritten."""
    draw = marks.Draw(**config.places)
    ours = config.data.source != datasets.FACE_SYNTHETICS
    kept = own == source and not config.data.adapter
    by_place = config.model.kernels == specs.PLACE
    return draw if draw.count and ours and kept and by_place else None


def _shares(config, names: tuple[str, ...]) -> dict[str, int]:
    """How many faces of each stream a step sees."""
    batch, share = config.train.batch, config.data.source_share
    if len(names) == 1:
        return {names[0]: batch}
    source = round(batch * share)
    told = f"--config.data.source_share={share} of --config.train.batch={batch}"
    if source in (0, batch):
        raise UserError(f"{told}: wanted a face of each stream; got {source} sources.")
    if config.terms.daln.weight and 2 * source != batch:
        raise UserError(
            f"{told}: DALN wants as many source as target faces, so an even batch and"
            f" source_share=0.5; got {source} and {batch - source}."
        )
    return {"source": source, "target": batch - source}


def _faces(config, source, names, priors) -> datasets.DataSpec:
    """Which faces are trained and measured on."""
    data, size = config.data, round(config.model.input_px * config.crop.canvas)
    rendered = functools.partial(datasets.Rendered, size=size)
    on_disk = data.source != "rendered"
    chosen = rendered(
        source,
        data.faces if on_disk else data.test_faces,  # enough for a mean face
        data.test_faces,
        seed=data.seed,
        looks="photo",
        priors=priors,
        backgrounds=str(_folder(data.backgrounds, "data.backgrounds") or ""),
    )
    if data.source == datasets.FACE_SYNTHETICS:
        folder = _folder(data.face_synthetics, "data.face_synthetics")
        chosen = datasets.FaceSynthetics(folder, data.test_faces, data.seed)
    return datasets.DataSpec(
        home=files.local(data.dir, flag="--config.data.dir"),
        source=chosen if "source" in names else None,
        photos=_folder(data.ibug_300w, "data.ibug_300w"),
        stand_in=rendered(
            IBUG68,
            data.stand_in_faces,
            max(1, data.test_faces // 2),
            seed=data.seed + 1,
            looks="stand_in",
        ),
        to_train="target" in names or data.validation_faces > 0,
        validation=data.validation_faces,
        labelled=data.target_faces,
        rendered=data.source_faces,
        size=size,
        framing=points.Framing(config.crop.margin, config.crop.up).wider(
            config.crop.canvas
        ),
        data_seed=data.seed,
        seed=config.seed,
    )


def _folder(path: str, field: str) -> pathlib.Path | None:
    """A path that a field gives; None where it is empty."""
    return files.local(path, flag=f"--config.{field}") if path else None


def _there(path: str) -> None:
    """Refuses FaceSynthetics that are not there, before anything is made."""
    if not _folder(path, "data.face_synthetics").exists():
        raise UserError(
            f"--config.data.face_synthetics={path}: wanted the makers' zip or its"
            " folder; there is none."
        )


def _network(config, own, seen) -> specs.Spec:
    """The network that a config asks for."""
    model, terms, decoder = config.model, config.terms, config.heatmaps.decoder
    if config.heatmaps.loss in ranges.DRAWN:
        decoder = heatmaps.HEIGHTS[decoder]
    form = terms.label_transfer.form if terms.label_transfer.weight else None
    return specs.Spec(
        scheme=own,
        input_px=model.input_px,
        stacks=model.stacks,
        features=model.features,
        depth=model.depth,
        gain=config.heatmaps.gain,
        dtype=model.dtype,
        transfer_features=model.transfer_features * (form == label_transfer.UNET),
        critic=bool(terms.discriminator.weight),
        decoder=decoder,
        margin=config.crop.margin,
        up=config.crop.up,
        trained_on=seen,
        kernels=model.kernels,
        kernel_width=model.kernel_width,
        confidence=bool(terms.confidence.weight),
        visibility=_seen(config, own, schemes.get(config.data.scheme)),
        learned_places=form == label_transfer.PLACES,
        rival=bool(terms.disparity.weight),
    )


def _terms(config, places) -> dict[str, tuple[float, objective.Term]]:
    """What a step makes small; a term of weight 0 is not there."""
    terms = config.terms
    loss = functools.partial(
        ranges.LOSSES[config.heatmaps.loss], sigma_px=config.heatmaps.sigma_px
    )
    own = tuple(terms.supervised.streams)
    kept = set(terms.mean_teacher) - {"weight", "form"}
    taught = {name: terms.mean_teacher[name] for name in kept}
    whole = terms.mean_teacher.form == mean_teacher.LABELS
    by_place = config.model.kernels == specs.PLACE
    found = {
        "supervised": supervised.Supervised(loss, own),
        "label_transfer": label_transfer.LabelTransfer(loss),
        "confidence": likelihood.Likelihood(_known(config)),
        "daln": daln.DALN(
            form=terms.daln.form,
            # Free kernels answer for all of their landmarks at once.
            count=terms.daln.count * by_place,
            norm=terms.daln.norm,
            ramp=terms.daln.ramp,
            group=terms.daln.group,
            queue=terms.daln.queue,
        ),
        "disparity": disparity.Disparity(
            config.heatmaps.sigma_px,
            count=terms.disparity.count * by_place,
            begin=terms.disparity.begin,
            ramp=terms.disparity.ramp,
        ),
        "mean_teacher": mean_teacher.MeanTeacher(
            loss
            if whole
            else functools.partial(landmark.points, sigma_px=1.0, entropy=0.0),
            ask=functools.partial(labels.ask, places) if places else None,
            decoder=config.heatmaps.decoder,
            **taught,
        ),
        "discriminator": discriminator.Discriminator(ramp=terms.discriminator.ramp),
    }
    weights = {name: terms[name].weight for name in found}
    return {n: (weights[n], term) for n, term in found.items() if weights[n]}
