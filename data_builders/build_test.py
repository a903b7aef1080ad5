"""The build command: whole or not at all, found again, and its refusals."""

import inspect
import pathlib
import tempfile

import pytest

from data_builders import build, flags
from data_builders.ibug_300w import ibug_300w_dataset_builder as builder
from lmkjax.data import ibug_300w
from lmkjax.errors import UserError

DUMMY = pathlib.Path(__file__).parent / "ibug_300w/dummy_data"


def test_a_killed_build_is_not_taken_for_whole_and_is_swept_away(tmp_path):
    home = tmp_path / "ibug_300w" / builder.make_config(source=DUMMY).name
    half = home / "incomplete.ABC123_1.0.3"  # where TFDS writes until it is done
    half.mkdir(parents=True)
    (half / "dataset_info.json").write_text("{}")
    folder = build.prepare("ibug_300w", data_dir=tmp_path, source=DUMMY)
    assert folder == home / "1.0.3"
    assert sorted(p.name for p in home.iterdir()) == [".lock", "1.0.3"]


def test_a_failing_build_leaves_no_set(tmp_path, monkeypatch):
    def fail(photo):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ibug_300w, "encoded", fail)
        build.prepare("ibug_300w", data_dir=tmp_path, source=DUMMY)
    assert not list(tmp_path.rglob("dataset_info.json"))
    build.prepare("ibug_300w", data_dir=tmp_path, source=DUMMY)


def test_nothing_stays_in_the_folder_for_passing_things(tmp_path, monkeypatch):
    (tmp_path / "passing").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "passing"))
    build.prepare("ibug_300w", data_dir=tmp_path / "data", source=DUMMY)
    assert not list((tmp_path / "passing").iterdir())


def test_what_is_there_is_not_built_again(tmp_path):
    folder = build.prepare("ibug_300w", data_dir=tmp_path, source=DUMMY)
    before = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    build.prepare("ibug_300w", data_dir=tmp_path, source=DUMMY)
    assert {p: p.stat().st_mtime_ns for p in folder.iterdir()} == before


def test_an_unknown_dataset_is_told_the_known(tmp_path):
    with pytest.raises(UserError, match="known: ibug_300w"):
        build.prepare("300w", data_dir=tmp_path)


def test_the_command_prints_counts_and_the_folder(tmp_path, capsys):
    words = ["--source", str(DUMMY), "--data-dir", str(tmp_path)]
    assert build.main(["ibug_300w", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("300-W train: 3 of 3148")
    assert (pathlib.Path(lines[-1]) / "dataset_info.json").is_file()


def test_the_users_mistake_is_told(tmp_path):
    words = ["--source", str(tmp_path / "no"), "--data-dir", str(tmp_path)]
    with pytest.raises(UserError, match="there is no such folder"):
        build.main(["ibug_300w", *words])


@pytest.mark.parametrize("name", flags.DATASETS)
def test_each_datasets_flags_are_what_its_config_takes(name):
    words = ["--source=x"] if name != "synthetic_faces" else []
    options = vars(build.parser().parse_args([name, *words]))
    taken = inspect.signature(build._builder(name).make_config).parameters
    assert set(options) - {"name", "data_dir"} == set(taken)
