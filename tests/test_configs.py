"""Every config reads at every size, and states only what base knows."""

import json
import pathlib

import pytest

from configs import base
from lmkjax.detect import detection
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, plan, ranges, record

ROOT = pathlib.Path(__file__).parents[1]
NAMES = sorted(f.stem for f in (ROOT / "configs").glob("[!_]*.py") if f.stem != "base")
STREAMS = {  # LAYOUT's table: what each way of training reads
    "synthetic_only": ("source",),
    "real_only": ("target",),
    "data_adaptation": ("source",),
    "mixing": ("source", "target"),
    "fine_tuning": ("target",),
    "regda": ("source", "target"),
    "mean_teacher": ("source", "target"),
    "pseudo_labels": ("source", "target"),
    "label_transfer": ("source", "target"),
    "discriminator": ("source", "target"),
    "daln_unsupervised": ("source", "target"),
    "daln": ("source", "target"),
    "best": ("source", "target"),
}


def load(name, *overrides, size="tiny"):
    return config_file.load_config(f"{ROOT}/configs/{name}.py", overrides, size=size)


def test_sizes_are_known_on_both_sides():
    assert base.SIZES == ranges.SIZES  # configs import nothing of lmkjax


def test_every_way_of_training_has_its_config():
    assert set(NAMES) == set(STREAMS)


@pytest.mark.parametrize("size", base.SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_a_config_fits_together_at_every_size(name, size):
    config = load(name, size=size)
    experiment = plan.build(config, to_train=False)
    assert tuple(experiment.shares) == STREAMS[name]
    assert sum(experiment.shares.values()) == config.train.batch


@pytest.mark.parametrize("name", NAMES)
def test_a_config_opens_with_the_command_that_runs_it(name):
    text = (ROOT / "configs" / f"{name}.py").read_text()
    assert f"python -m lmkjax.train --config configs/{name}.py" in text
    assert len(text.splitlines()) <= 40


def test_daln_compares_equal_batches():
    shares = plan.build(load("daln", size="laptop")).shares
    assert shares["source"] == shares["target"]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("--config.train.minuts=1", 'Did you mean "minutes"'),
        ("--config.train.batch=many", "train.batch"),
        ("--config.scheme=ibug67", "ibug67"),
        ("--config.scheme=dense1001", "data.scheme"),
        ("--config.heatmaps.loss=l3", "heatmaps.loss"),
        ("--config.heatmaps.loss=awing", "heatmaps.decoder"),
        ("--config.heatmaps.decoder=guess", "heatmaps.decoder"),
        ("--config.terms.daln.form=cubist", "terms.daln.form"),
        ("--config.model.heatmap_px=16", "input_px"),
        ("--config.terms.supervised.streams=('target',)", "label_transfer"),
        ("--config.train.steps=-1", "train.steps"),
        ("--unknown=3", "unknown"),
    ],
)
def test_a_wrong_field_is_named(override, said):
    with pytest.raises(UserError, match=said):
        plan.build(load("synthetic_only", override))


def test_a_missing_file_and_an_unknown_size_are_named():
    with pytest.raises(UserError, match="nowhere.py"):
        config_file.load_config("nowhere.py", [], size="tiny")
    with pytest.raises(UserError, match="huge"):
        load("daln", size="huge")


def test_a_run_older_than_a_field_is_recalled_and_taken_up_again(tmp_path):
    as_they_were = ["train.validate_every=0", "crop.up=0.0"]
    as_they_were += ["model.kernels=free", "model.kernel_width=128"]
    as_they_were += ["terms.confidence.weight=0.0", "terms.daln.count=0"]
    as_they_were += [f"places.{n}=0" for n in ("skin", "head", "curves", "contour")]
    config = load("daln", *(f"--config.{word}" for word in as_they_were))
    record.write(config, tmp_path)
    file = tmp_path / "config.json"
    stored = json.loads(file.read_text())
    for part, fields in record.LATER.items():
        for name, inner in fields.items():
            if isinstance(inner, dict) and set(inner) < set(stored[part][name]):
                for one in inner:
                    del stored[part][name][one]
            else:
                del stored[part][name]
    file.write_text(json.dumps(stored))
    again, whole = record.recall(tmp_path), json.loads(config.to_json_best_effort())
    assert json.loads(again.to_json_best_effort()) == whole
    stored["seed"] = 7  # then of the rendered set too
    del stored["data"]["seed"]
    file.write_text(json.dumps(stored))
    assert record.recall(tmp_path).data.seed == 7
    record.write(config, tmp_path)
    record.check(config, tmp_path)
    config.data.priors = "hats=0"
    (tmp_path / "checkpoints/8").mkdir(parents=True)
    with pytest.raises(UserError, match="another data.priors"):
        record.check(config, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"data": 3}'])
def test_a_config_that_is_none_is_told(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="config.json"):
        record.recall(tmp_path)


def test_shipped_weights_have_a_config_of_today():
    config = record.recall(detection.shipped())
    assert tuple(plan.build(config, to_train=False).shares) == ("source",)
