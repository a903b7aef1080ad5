"""Every field of a config: which values it may have."""

import dataclasses
import math
import numbers
from collections.abc import Callable, Collection, Iterator
from typing import Any

import ml_collections

from lmkjax.detect import specs, views
from lmkjax.errors import UserError
from lmkjax.experiment import datasets
from lmkjax.landmarks import heatmaps
from lmkjax.losses import adversarial, landmark
from lmkjax.models import critic
from lmkjax.objectives import daln, label_transfer, mean_teacher

SIZES = ("tiny", "laptop", "full")
STREAMS = ("source", "target")
DTYPES = ("float32", "bfloat16", "float16")
LOSSES = {
    "points": landmark.points,
    "kl": landmark.kl,
    "mse": landmark.mse,
    "awing": landmark.awing,
}
DRAWN = ("mse", "awing")
"""Losses for which a network draws heatmaps of height 1."""
OF_LOGITS = ("confidence", "daln", "disparity", "mean_teacher")
"""Terms that take the softmax of a map."""
MOST_FACES = 2**31 - 1  # a face's number is below; those of test sets begin there


@dataclasses.dataclass(frozen=True)
class Range:
    """The values that a field may have.

    Attributes:
        said: them, in words.
        holds: whether a value is one of them.
    """

    said: str
    holds: Callable[[Any], bool]


def whole(low: int, high: int = MOST_FACES) -> Range:
    """Whole numbers from `low` to `high`."""

    def holds(value):
        is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        return is_whole and low <= value <= high

    upper = "" if high == MOST_FACES else f" to {high}"
    return Range(f"a whole number from {low}{upper or ' on'}", holds)


def number(
    low: float,
    high: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> Range:
    """Finite numbers from `low` to `high`; `above` and `below` leave the ends out."""

    def holds(value):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            return False
        return (low < value if above else low <= value) and (
            math.isfinite(value) and (value < high if below else value <= high)
        )

    said = f"a number {'above' if above else 'from'} {low:g}"
    upper = "" if math.isinf(high) else f" to {'below ' * below}{high:g}"
    return Range(said + (upper or " on" * (not above)), holds)


def one_of(names: Collection[str]) -> Range:
    """One of some names."""
    names = list(names)
    return Range(f"one of {names}", lambda value: value in names)


def some_of(names: Collection[str]) -> Range:
    """A tuple of some names, at least one and none twice."""
    names = list(names)

    def holds(value):
        if not isinstance(value, tuple | list) or not value:
            return False
        return all(name in names for name in value) and len(set(value)) == len(value)

    return Range(f"a tuple of names out of {names}, such as ('{names[0]}',)", holds)


TEXT = Range("a text", lambda value: isinstance(value, str))
NAME = Range("a text that is not empty", lambda v: isinstance(v, str) and v.strip())
FLAG = Range("True or False", lambda value: isinstance(value, bool))
SHARE, POSITIVE, AT_LEAST_0 = number(0, 1), number(0, above=True), number(0)

RANGES = {
    "size": one_of(SIZES),
    "seed": whole(0, 2**31 - 2),
    "scheme": NAME,
    "data.dir": NAME,
    "data.seed": whole(0, 2**31 - 2),  # the next one is the stand-in's
    "data.ibug_300w": TEXT,
    "data.source": one_of(datasets.SOURCES),
    "data.face_synthetics": TEXT,
    "data.priors": TEXT,
    "data.backgrounds": TEXT,
    "data.scheme": NAME,
    "data.faces": whole(1),
    "data.test_faces": whole(1),
    "data.source_faces": whole(0),
    "data.stand_in_faces": whole(1),
    "data.validation_faces": whole(0),
    "data.target_faces": whole(0),
    "data.source_share": number(0, 1, above=True, below=True),
    "data.workers": whole(0, 4096),
    "data.processes": whole(0, 1024),
    "data.ahead": whole(1, 1024),
    "data.adapter": TEXT,
    "data.pseudo_labels": TEXT,
    "places.skin": whole(0, 2**14),
    "places.head": whole(0, 2**14),
    "places.curves": whole(0, 2**14),
    "places.contour": whole(0, 2**14),
    "crop.margin": number(0.5, 10),
    "crop.up": number(-0.5, 0.5),
    "crop.canvas": number(1, 10),
    "model.input_px": whole(8, 4096),
    "model.heatmap_px": whole(2, 1024),
    "model.stacks": whole(1, 64),
    "model.features": whole(1, 2**16),
    "model.depth": whole(1, 10),
    "model.dtype": one_of(DTYPES),
    "model.transfer_features": whole(1, 2**16),
    "model.kernels": one_of(specs.KERNELS),
    "model.kernel_width": whole(1, 2**16),
    "heatmaps.loss": one_of(LOSSES),
    "heatmaps.sigma_px": number(0.1, 1024),  # below, no cell shows a Gaussian
    "heatmaps.gain": POSITIVE,
    "heatmaps.decoder": one_of(heatmaps.DECODERS),
    "terms.supervised.weight": AT_LEAST_0,
    "terms.supervised.streams": some_of(STREAMS),
    "terms.label_transfer.weight": AT_LEAST_0,
    "terms.label_transfer.form": one_of(label_transfer.FORMS),
    "terms.confidence.weight": AT_LEAST_0,
    "terms.daln.weight": AT_LEAST_0,
    "terms.daln.form": one_of(daln.FORMS),
    "terms.daln.count": whole(0),
    "terms.daln.norm": one_of(adversarial.NORMS),
    "terms.daln.group": whole(0),
    "terms.daln.queue": whole(0, 2**16),
    "terms.daln.ramp": SHARE,
    "terms.discriminator.weight": AT_LEAST_0,
    "terms.discriminator.ramp": SHARE,
    "terms.disparity.weight": AT_LEAST_0,
    "terms.disparity.count": whole(0),
    "terms.disparity.begin": SHARE,
    "terms.disparity.ramp": SHARE,
    "terms.mean_teacher.weight": AT_LEAST_0,
    "terms.mean_teacher.form": one_of(mean_teacher.FORMS),
    "terms.mean_teacher.keep": number(0, 1, above=True),
    "terms.mean_teacher.ramp": SHARE,
    "terms.mean_teacher.mild": number(0, 10),
    "terms.mean_teacher.strong": number(0, 10),
    "terms.mean_teacher.style": SHARE,
    "augment.rotation_deg": number(0, 180),
    "augment.scale": number(0, 1),
    "augment.shift": number(0, 1),
    "augment.flip": SHARE,
    "augment.colour": number(0, 10),
    "augment.occlude": SHARE,
    "augment.blur": SHARE,
    "optimizer.learning_rate": number(0, 10, above=True),
    "optimizer.warmup_steps": whole(0),
    "optimizer.weight_decay": number(0, 1),
    "optimizer.clip_norm": POSITIVE,
    "optimizer.ema": number(0, 1, below=True),
    "train.batch": whole(1),
    "train.accumulate": whole(1),
    "train.steps": whole(0),
    "train.minutes": AT_LEAST_0,
    "train.init_from": TEXT,
    "train.log_every": whole(1),
    "train.save_every": whole(1),
    "train.validate_every": whole(0),
    "train.fsdp_min_size": whole(0, 2**63 - 1),
    "train.gradient_norms": FLAG,
    "eval.batch": whole(1),
    "eval.flip": FLAG,
    "eval.views": whole(1, views.MOST),
    "eval.failure": number(0, 100, above=True),
    "eval.drawn": whole(0, 1000),
}
"""The range of each field of `configs/base.py`."""


def fields(config: ml_collections.ConfigDict, prefix: str = "") -> dict[str, Any]:
    """All fields with their values, by names such as "train.batch"."""
    found = {}
    for name, value in config.items():
        if isinstance(value, ml_collections.ConfigDict):
            found |= fields(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def check(config: ml_collections.ConfigDict) -> None:
    """Refuses a value outside its field's range, and values that contradict others.

    Raises:
        UserError: naming the field, what was wanted and what came.
    """
    there = fields(config)
    if missing := sorted(RANGES.keys() - there.keys()):
        raise UserError(
            f"Wanted a config with every field of configs/base.py; without"
            f" {', '.join(missing)}. Begin it with `base.get_config(size)`."
        )
    for field, fine in RANGES.items():
        if not fine.holds(there[field]):
            told = f"--config.{field}={there[field]}"
            raise UserError(f"{told}: wanted {fine.said}; got {there[field]!r}.")
    for contradictions in (_of_maps, _of_terms, _of_data):
        for wrong in contradictions(config):
            raise UserError(wrong)


def _of_maps(config: ml_collections.ConfigDict) -> Iterator[str]:
    """What does not fit together of the network's maps and what reads them."""
    model, terms, told = config.model, config.terms, config.heatmaps
    cells = model.heatmap_px
    by_place = terms.daln.form == daln.LANDMARK
    coarse = min(daln.DALN.grid, cells) if by_place else 1
    if told.loss in DRAWN and told.decoder == "soft_argmax":
        yield (
            f"heatmaps.loss '{told.loss}' learns maps of height 1, which soft_argmax"
            " cannot read; set --config.heatmaps.decoder=dark or argmax."
        )
    if told.decoder != "soft_argmax" and cells < heatmaps.WINDOW:
        yield (
            f"--config.model.heatmap_px={cells}: heatmaps.decoder={told.decoder} reads"
            f" {heatmaps.WINDOW} x {heatmaps.WINDOW} cells of a map; got {cells}."
        )
    if model.input_px != 4 * cells:
        yield (
            f"Wanted model.input_px = 4 x model.heatmap_px; got {model.input_px} and"
            f" {cells}."
        )
    unet = terms.label_transfer.form == label_transfer.UNET
    critics = 2**critic.Critic.depth
    halved = [(True, 2**model.depth, f"model.depth={model.depth}")]
    halved += [(terms.label_transfer.weight and unet, 4, "terms.label_transfer")]
    halved += [(terms.discriminator.weight, critics, "terms.discriminator")]
    halved += [(terms.daln.weight, coarse, "terms.daln")]
    halved += [(config.augment.blur, 2, "augment.blur")]
    for there, parts, why in halved:
        if there and cells % parts:
            yield (
                f"--config.model.heatmap_px={cells}: --config.{why} wants a multiple of"
                f" {parts}; got {cells}."
            )


def _of_terms(config: ml_collections.ConfigDict) -> Iterator[str]:
    """... of what a step makes small."""
    model, terms, loss = config.model, config.terms, config.heatmaps.loss
    if not any(term.weight for term in terms.values()):
        setting = "--config.terms.supervised.weight=1"
        yield f"Wanted a term to make small; all --config.terms are 0. Set {setting}."
    if terms.mean_teacher.weight and model.kernels != specs.PLACE:
        yield (
            f"--config.model.kernels={model.kernels}: terms.mean_teacher asks for any"
            f" place of a head: wanted '{specs.PLACE}'."
        )
    for name in OF_LOGITS if loss in DRAWN else ():
        if terms[name].weight:
            yield (
                f"--config.terms.{name}.weight={terms[name].weight} reads maps as"
                f" logits, and --config.heatmaps.loss={loss} learns heatmaps: wanted"
                " the loss 'points' or 'kl', or the weight 0."
            )


def _of_data(config: ml_collections.ConfigDict) -> Iterator[str]:
    """... of the faces."""
    data, terms = config.data, config.terms
    taught = set(terms.supervised.streams)
    if data.pseudo_labels and (terms.label_transfer.weight or "target" not in taught):
        yield (
            f"--config.data.pseudo_labels={data.pseudo_labels} stand in place of the"
            " target's own labels: wanted terms.supervised.streams with 'target', and"
            " terms.label_transfer.weight=0, which reads the target's own."
        )
    if data.pseudo_labels and terms.confidence.weight and not taught - {"target"}:
        yield (
            f"--config.terms.confidence.weight={terms.confidence.weight} learns how far"
            " off points are, and data.pseudo_labels are points that a network found:"
            " wanted 'source' too in terms.supervised.streams, or the weight 0."
        )
    if (data.source == datasets.FACE_SYNTHETICS) != bool(data.face_synthetics):
        yield (
            f"--config.data.source={data.source} with --config.data.face_synthetics="
            f"'{data.face_synthetics}': wanted source '{datasets.FACE_SYNTHETICS}' and"
            " its folder or zip, or neither."
        )
    if data.source == datasets.FACE_SYNTHETICS and (data.priors or data.backgrounds):
        yield (
            f"--config.data.source={data.source} is rendered already; data.priors and"
            " data.backgrounds change nothing there: leave them out."
        )
    if data.source_faces and data.source == "rendered":
        yield (
            f"--config.data.source_faces={data.source_faces}: with data.source=rendered"
            " no face is seen twice; wanted 0, or another source."
        )
    if data.source == "synthetic_faces" and data.source_faces > data.faces:
        yield (
            f"--config.data.source_faces={data.source_faces}: wanted at most"
            f" data.faces={data.faces}."
        )
    used = data.validation_faces + max(data.target_faces, 1)
    if not data.ibug_300w and used > data.stand_in_faces:
        yield (
            f"--config.data.stand_in_faces={data.stand_in_faces}: wanted at least"
            f" {used}, of which data.validation_faces={data.validation_faces} are held"
            f" out and data.target_faces={data.target_faces} trained on."
        )
