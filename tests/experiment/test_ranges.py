"""Every field has its range, and a value outside is told in one line."""

import math

import pytest

from configs import base
from lmkjax.errors import UserError
from lmkjax.experiment import plan, ranges

FIELDS = ranges.fields(base.get_config("tiny"))
WRONG = (-1, 0.5, 1.0, 2**70, -(2.0**-20), 1e9, math.nan, math.inf, "float23", "", ())
"""Outside the range of every field but of a text, one or the other."""

GUESSED = {"data.pseudo_labels": "shipped"}
GUESSED |= {"terms.supervised.streams": ("source", "target")}


def tried(field, value):
    """A config with a field set past all checks of its type."""
    config = base.get_config("tiny").unlock()
    *parts, name = field.split(".")
    part = config
    for step in parts:
        part = part[step]
    with part.ignore_type():
        part[name] = value
    return config


def test_every_field_of_base_has_its_range_and_no_other_has():
    assert set(ranges.RANGES) == set(FIELDS)


@pytest.mark.parametrize("size", base.SIZES)
def test_every_default_lies_in_its_range(size):
    ranges.check(base.get_config(size))


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_value_outside_is_told_with_field_wish_and_value(field):
    outside = [v for v in (*WRONG, None) if not ranges.RANGES[field].holds(v)]
    assert outside
    for value in outside:
        config = tried(field, value)
        value = ranges.fields(config)[field]  # -1 is -1.0 where numbers are
        with pytest.raises(UserError) as told:
            plan.build(config)
        said = str(told.value)
        assert said.startswith(f"--config.{field}={value}: wanted ")
        assert said.endswith(f"; got {value!r}.") and "\n" not in said


@pytest.mark.parametrize(
    "field", sorted(n for n, v in FIELDS.items() if isinstance(v, float))
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1"])
def test_a_number_is_finite_and_a_number(field, value):
    assert not ranges.RANGES[field].holds(value)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("train.save_every", 0, "a whole number from 1 on"),
        ("train.log_every", 0, "a whole number from 1 on"),
        ("optimizer.ema", 2, "a number from 0 to below 1"),
        ("model.dtype", "float23", r"one of \['float32', 'bfloat16', 'float16'\]"),
        ("optimizer.learning_rate", math.nan, "a number above 0 to 10"),
        ("eval.failure", 0, "a number above 0 to 100"),
        ("crop.canvas", 0.9, "a number from 1 to 10"),
        ("heatmaps.sigma_px", 0.05, "a number from 0.1 to 1024"),
        ("data.seed", 2**31 - 1, "a whole number from 0 to 2147483646"),
        ("seed", 2**32, "a whole number from 0 to 2147483646"),
        ("seed", True, "a whole number"),
        ("terms.supervised.streams", ("source", "sauce"), "a tuple of names out of"),
        ("terms.supervised.streams", "source", "a tuple of names out of"),
        ("terms.supervised.streams", ("source", "source"), "a tuple of names"),
        ("data.faces", 0, "a whole number from 1 on"),
        ("augment.flip", 1.5, "a number from 0 to 1"),
        ("data.ibug_300w", None, "a text"),
        ("data.dir", "", "a text that is not empty"),
        ("eval.flip", 1, "True or False"),
        ("eval.views", 9, "a whole number from 1 to 8"),
    ],
)
def test_what_is_wanted_is_told(field, value, said):
    with pytest.raises(UserError, match=said):
        ranges.check(tried(field, value))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"terms.daln.weight": 0.1, "data.source_share": 0.25}, "source_share=0.5"),
        ({"terms.daln.weight": 0.1, "train.batch": 7}, "even batch"),
        ({"terms.label_transfer.weight": 1.0, "train.batch": 1}, "of each stream"),
        ({"model.depth": 4}, "model.depth=4 wants a multiple of 16"),
        ({"terms.supervised.weight": 0.0}, "Wanted a term"),
        ({"data.validation_faces": 32}, "stand_in_faces=32: wanted at least 33"),
        ({"data.target_faces": 33}, "stand_in_faces=32: wanted at least 33"),
        ({"data.source_faces": 33}, "source_faces=33: wanted at most data.faces=32"),
        ({"data.source": "rendered", "data.source_faces": 3}, "wanted 0, or another"),
        ({"train.steps": 0}, "train.steps and --config.train.minutes"),
        ({"train.minutes": 1.0}, "train.steps and --config.train.minutes"),
        ({"heatmaps.loss": "awing"}, "heatmaps.decoder"),
        (
            {"model.heatmap_px": 2, "model.input_px": 8, "heatmaps.decoder": "dark"},
            "heatmap_px=2: heatmaps.decoder=dark reads 3 x 3 cells",
        ),
        (
            {"model.heatmap_px": 6, "model.input_px": 24}
            | {"terms.discriminator.weight": 0.1},
            "terms.discriminator wants a multiple of 4; got 6",
        ),
        (
            {"model.heatmap_px": 6, "model.input_px": 24}
            | {"terms.label_transfer.weight": 0.1},
            "terms.label_transfer wants a multiple of 4; got 6",
        ),
        ({"model.heatmap_px": 16}, "input_px"),
        ({"data.priors": "hats=2"}, "hats"),
        ({"data.dir": "gs://b/data"}, "data.dir.*bucket"),
        ({"data.backgrounds": "s3://b"}, "data.backgrounds.*bucket"),
        ({"train.init_from": "gs://b"}, "train.init_from.*bucket"),
        ({"data.adapter": "gs://b"}, "data.adapter.*bucket"),
        (
            {"terms.mean_teacher.weight": 1.0, "model.kernels": "free"},
            "model.kernels=free: terms.mean_teacher .* wanted 'place'",
        ),
        ({"data.pseudo_labels": "a"}, "streams with 'target'"),
        (GUESSED | {"data.pseudo_labels": "gs://b"}, "data.pseudo_labels.*bucket"),
        (GUESSED | {"terms.label_transfer.weight": 1.0}, "label_transfer.weight=0"),
        (
            {"data.pseudo_labels": "a", "terms.supervised.streams": ("target",)}
            | {"terms.confidence.weight": 0.1},
            "terms.confidence.weight=0.1 learns .* wanted 'source' too",
        ),
        ({"data.ibug_300w": "gs://b"}, "data.ibug_300w.*bucket"),
    ],
)
def test_fields_that_contradict_each_other_are_told(fields, said):
    config = base.get_config("tiny").unlock()
    for field, value in fields.items():
        *parts, name = field.split(".")
        part = config
        for step in parts:
            part = part[step]
        part[name] = value
    with pytest.raises(UserError, match=said) as told:
        plan.build(config)
    assert "\n" not in str(told.value)


def test_a_config_without_a_field_is_told():
    config = base.get_config("tiny").unlock()
    del config.train.batch
    with pytest.raises(UserError, match=r"without train\.batch"):
        ranges.check(config)


@pytest.mark.parametrize("term", ["confidence", "daln", "disparity", "mean_teacher"])
@pytest.mark.parametrize("loss", ["mse", "awing"])
def test_what_reads_maps_as_logits_wants_a_loss_of_logits(term, loss):
    config = base.get_config("tiny").unlock()
    config.terms[term].weight = 0.1
    config.heatmaps.loss, config.heatmaps.decoder = loss, "dark"
    said = f"terms.{term}.weight=0.1 reads maps as logits.*heatmaps.loss={loss} "
    with pytest.raises(UserError, match=said):
        ranges.check(config)
    config.heatmaps.loss = "kl"
    ranges.check(config)


def test_learned_places_need_no_map_that_can_be_halved():
    config = base.get_config("tiny").unlock()
    config.model.heatmap_px, config.model.input_px = 6, 24
    config.terms.label_transfer.weight = 0.1
    config.terms.label_transfer.form = "places"
    ranges.check(config)
