"""The config in a run's folder: from any folder, without a scheme's file, exported."""

import json
import pathlib
import threading

import pytest

from configs import base
from lmkjax.errors import UserError
from lmkjax.experiment import plan, record

LINES = "jaw: 17\nright_brow: 5\nleft_brow: 5\nnose_bridge: 4\n"


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder that the command runs in, with all that a run may name."""
    home = tmp_path / "project"
    for name in ("300w", "pictures", "runs/one"):
        (home / name).mkdir(parents=True)
    (home / "mine.yaml").write_text(LINES)
    monkeypatch.chdir(home)
    return home


def config_of(**fields):
    config = base.get_config("tiny").unlock()
    config.scheme = config.data.scheme = "mine.yaml"
    config.data.ibug_300w = "300w"
    config.data.backgrounds = "pictures"
    config.data.adapter = config.train.init_from = "runs/one"
    for field, value in fields.items():
        record._set(config, field.replace("__", "."), value)
    return config.lock()


def test_a_run_means_the_same_in_another_folder(there, tmp_path, monkeypatch):
    record.write(config_of(), there / "run")
    (there / "mine.yaml").unlink()
    moved = tmp_path / "elsewhere"
    (there / "run").rename(moved)
    monkeypatch.chdir(tmp_path)
    experiment = plan.build(record.recall(moved), to_train=False)
    assert experiment.faces.home == there / "data"
    assert experiment.faces.photos == there / "300w"
    assert experiment.faces.source.backgrounds == str(there / "pictures")
    assert record.recall(moved).train.init_from == str(there / "runs/one")
    assert experiment.network.scheme.name == "mine"
    assert experiment.network.scheme.count == 31


def test_processes_of_a_run_may_have_other_folders_and_loaders_alone(there):
    one = record.common(config_of())
    may = {"data__dir": "here", "data__ibug_300w": "pictures", "data__workers": 3}
    other = record.common(config_of(**may, seed=1, train__log_every=7))
    assert one.keys() == other.keys()
    assert {n for n in one if one[n] != other[n]} == {"seed", "train.log_every"}


def test_what_another_host_writes_is_seen_though_it_comes_late(there, monkeypatch):
    late = threading.Timer(0.3, (there / "run" / record.FILE).touch)
    (there / "run").mkdir()
    late.start()
    assert record.there(there / "run")
    monkeypatch.setattr(record, "SEEN_WITHIN_S", 0.1)
    assert not record.there(there / "runs/one")


def test_the_same_command_from_another_folder_goes_on(there, tmp_path, monkeypatch):
    record.write(config_of(), there / "run")
    record.check(config_of(), there / "run")
    monkeypatch.chdir(tmp_path)
    again = {
        "scheme": "project/mine.yaml",
        "data__scheme": "project/mine.yaml",
        "data__ibug_300w": "project/300w",
        "data__backgrounds": str(there / "pictures"),
        "data__adapter": "project/runs/one",
        "train__init_from": "project/runs/one",
        "train__steps": 9,
        "train__fsdp_min_size": 64,
        "eval__drawn": 3,
    }
    record.check(config_of(**again), there / "run")
    (there / "run/checkpoints/8").mkdir(parents=True)
    record.check(config_of(**again), there / "run")
    with pytest.raises(UserError, match="with another data.ibug_300w;"):
        record.check(config_of(**again | {"data__ibug_300w": "300w"}), there / "run")


def test_a_run_that_kept_no_step_makes_room_and_is_told(there, capsys):
    """Else the advice after a step that did not fit could not be followed."""
    record.write(config_of(), there / "run")
    (there / "run/checkpoints").mkdir()
    record.check(config_of(train__accumulate=2), there / "run")
    assert "another train.accumulate, which kept no step" in capsys.readouterr().out
    for kept in ("checkpoints/8", "report/results.md", "weights.npz"):
        path = there / "run" / kept
        path.parent.mkdir(exist_ok=True)
        path.touch()
        with pytest.raises(UserError, match="another train.accumulate;"):
            record.check(config_of(train__accumulate=2), there / "run")
        path.unlink()


def test_a_home_is_known_and_an_older_runs_paths_are_as_they_were(there, monkeypatch):
    monkeypatch.setenv("HOME", str(there))
    config = config_of(data__ibug_300w="~/300w")
    record.write(config, there / "run")
    stored = json.loads((there / "run/config.json").read_text())
    assert stored["data"]["ibug_300w"] == str(there / "300w")
    stored["data"]["ibug_300w"], stored["scheme"] = "300w", "mine.yaml"  # once
    (there / "run/config.json").write_text(json.dumps(stored))
    record.check(config, there / "run")


def test_an_exported_config_tells_nothing_of_this_machine(there, tmp_path):
    record.write(config_of(), there / "run")
    (there / "mine.yaml").unlink()
    out = tmp_path / "small"
    out.mkdir()
    record.export(record.recall(there / "run"), out)
    text = (out / "config.json").read_text()
    assert str(tmp_path) not in text and pathlib.Path.home().name not in text
    assert not [v for v in text.split('"') if v.startswith(("/", "~", "."))]
    experiment = plan.build(record.recall(out), to_train=False)
    assert experiment.network.scheme.count == 31 and not experiment.faces.photos


@pytest.mark.parametrize("field", record.PATHS)
def test_every_field_that_is_a_path_refuses_a_bucket(field, there):
    config = config_of(**{field.replace(".", "__"): "gs://bucket/x"})
    with pytest.raises(UserError, match=f"--config.{field}; got 'gs://bucket/x'"):
        record.settle(config)


def test_a_folder_that_is_a_file_is_no_place_for_a_run(there):
    (there / "file").touch()
    with pytest.raises(UserError, match="--workdir; .*file cannot"):
        record.check(config_of(), there / "file")
