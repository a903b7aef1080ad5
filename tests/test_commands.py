"""The commands as a person types them: train, evaluate, predict, on a tiny run."""

import functools
import itertools
import json
import pathlib
import re

import jax
import numpy as np
import pytest
from PIL import Image

from lmkjax import cli, evaluate, predict, train
from lmkjax.adapt import adaptation
from lmkjax.detect import detection
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, datasets, plan
from lmkjax.training import averaged, mesh

ROOT = pathlib.Path(__file__).parents[1]
NORMALISERS = {"ocular", "pupil", "box"}


@pytest.fixture(scope="module", autouse=True)
def one_device():
    """As a newcomer has it.

    Steps for eight compile four times as long, and are held against those of one in
    tests/training.
    """
    one = functools.partial(mesh.build, jax.devices()[:1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mesh, "build", one)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of the main job at size tiny, and where its data lie."""
    base = tmp_path_factory.mktemp("main job")
    workdir, data = base / "run", base / "data"
    command = ["--config", f"{ROOT}/configs/daln.py:tiny", "--workdir", str(workdir)]
    assert train.main([*command, f"--config.data.dir={data}"]) == 0
    return workdir, data


def test_the_main_job_leaves_a_report_of_the_form_promised(trained):
    workdir, _ = trained
    for name in ("config.json", "metrics.jsonl", "network.json", "adapter.npz"):
        assert (workdir / name).is_file(), name
    line = json.loads((workdir / "metrics.jsonl").read_text().splitlines()[0])
    assert line["step"] == 1 and np.isfinite(line["loss"])
    results = json.loads((workdir / "report/results.json").read_text())
    assert {"rows", "command", "hardware", "seed", "commit", "data"} <= set(results)
    rows = results["rows"]
    keys = {"test_set", "labels", "normaliser", "nme", "auc_08", "fr_08", "faces"}
    assert all(keys <= set(row) for row in rows)
    found = {(row["test_set"], row["labels"]) for row in rows}
    assert {("stand-in", way) for way in ("subset", "adapted", "transfer")} <= found
    assert ("synthetic", "direct") in found and ("stand-in", "mean_face") in found
    assert "stand-in, boxes shifted 15 %" in {row["test_set"] for row in rows}
    assert {row["normaliser"] for row in rows} == NORMALISERS
    assert {row["faces"] for row in rows if row["test_set"] == "stand-in"} == {8}
    means = {r["points"] for r in rows if r["labels"] == "mean_face"}
    assert means == {243, 68}  # each of train faces of its own scheme
    assert "stand-in" in results["data"]
    pictures = {f.name for f in (workdir / "report").glob("*.png")}
    assert {"curve_stand_in.png", "faces_stand_in.png"} <= pictures


def shown(folder):
    """The pictures that the notebook shows out of a folder, as paths in it."""
    text = (ROOT / "launch/colab.ipynb").read_text()
    return re.findall(rf'Image\(\\"{folder}/([^"]+)\\"', text)


def test_the_run_has_the_pictures_that_the_notebook_shows(trained):
    assert shown("runs/colab")
    for name in shown("runs/colab"):
        assert (trained[0] / name).is_file(), name


def test_a_run_measured_again_says_the_same(trained, tmp_path):
    workdir, _ = trained
    out = tmp_path / "again"
    assert evaluate.main(["--workdir", str(workdir), "--out", str(out)]) == 0
    again = json.loads((out / "results.json").read_text())["rows"]
    before = json.loads((workdir / "report/results.json").read_text())["rows"]
    assert [(r["test_set"], r["labels"]) for r in again] == [
        (r["test_set"], r["labels"]) for r in before
    ]
    for a, b in zip(again, before, strict=True):
        np.testing.assert_allclose(a["nme"], b["nme"], rtol=1e-4)


def test_a_run_is_measured_on_one_test_set_and_with_the_mirrored_faces(
    trained, tmp_path
):
    words = ["--workdir", str(trained[0]), "--test-set", "stand-in"]
    nmes = []
    for more in ([], ["--flip"]):
        out = tmp_path / f"{len(more)}"
        assert evaluate.main([*words, *more, "--out", str(out)]) == 0
        rows = json.loads((out / "results.json").read_text())["rows"]
        assert {row["test_set"].split(",")[0] for row in rows} == {"stand-in"}
        nmes.append(
            [r["nme"] for r in rows if r["labels"] in ("mean_face", "transfer")]
        )
    moved = np.array(nmes[0]) != np.array(nmes[1])
    assert moved.any() and not moved.all()  # the mean face looks at no picture


def test_rendered_faces_are_measured_in_any_scheme_and_by_what_they_are(
    trained, tmp_path
):
    workdir, _ = trained
    before = json.loads((workdir / "report/results.json").read_text())["groups"]
    assert {row["by"] for row in before} == {"yaw", "skin", "age"}
    words = ["--workdir", str(workdir), "--out", str(tmp_path / "out")]
    words += ["--test-set", "synthetic", "--scheme"]
    assert evaluate.main([*words, "ibug68", "dense1001"]) == 0
    content = json.loads((tmp_path / "out/results.json").read_text())
    ways = {(r["test_set"], r["labels"], r["points"]) for r in content["rows"]}
    assert ("synthetic dense1001", "direct", 1001) in ways
    assert ("synthetic ibug68", "transfer", 68) in ways
    assert {name for name, _, _ in ways} == {"synthetic dense1001", "synthetic ibug68"}
    # The groups of a whole set weighed by their faces are its mean.
    (row,) = [
        r
        for r in content["rows"]
        if (r["labels"], r["normaliser"]) == ("direct", "box")
    ]
    for by in ("yaw", "skin", "age"):
        own = [r for r in content["groups"] if r["by"] == by]
        own = [r for r in own if r["labels"] == "direct"]
        faces = [r["faces"] for r in own]
        assert sum(faces) == 16
        mean = np.average([r["box"] for r in own], weights=faces)
        np.testing.assert_allclose(mean, row["nme"], rtol=1e-5)
    with pytest.raises(UserError, match="'tip' is one point"):
        evaluate.main([*words, "tip: {points: {tip: [0, 0, 11]}}"])


def test_rendered_faces_are_measured_in_a_scheme_without_the_68(trained, tmp_path):
    words = ["--workdir", str(trained[0]), "--out", str(tmp_path / "out")]
    words += ["--test-set", "synthetic"]
    words += ["--scheme", "ears: {right_ear: 9, left_ear: 9}"]
    assert evaluate.main(words) == 0
    content = json.loads((tmp_path / "out/results.json").read_text())
    rows = {r["normaliser"]: r for r in content["rows"]}
    assert {(r["test_set"], r["points"]) for r in rows.values()} == {
        ("synthetic ears", 18)
    }
    assert rows["box"]["faces"] == 16 and rows["box"]["nme"] > 0
    assert rows["ocular"]["nme"] is None and rows["ocular"]["faces"] == 0
    assert any(group["box"] for group in content["groups"])


@pytest.fixture(scope="module")
def tuned(trained, tmp_path_factory):
    """The main job's network, fine-tuned with few faces and some held out."""
    workdir = tmp_path_factory.mktemp("fine-tuned") / "run"
    words = ["--config", f"{ROOT}/configs/fine_tuning.py:tiny"]
    words += ["--workdir", str(workdir), f"--config.data.dir={trained[1]}"]
    words += [f"--config.train.init_from={trained[0]}", "--config.train.steps=3"]
    words += ["--config.data.target_faces=12", "--config.data.validation_faces=9"]
    words += ["--config.train.validate_every=2"]
    assert train.main(words) == 0
    return workdir


def test_a_fine_tuned_run_says_what_its_first_weights_had_seen(tuned):
    seen = json.loads((tuned / "network.json").read_text())["trained_on"]
    assert seen.startswith("rendered stand-in faces; began with weights trained on")
    assert "faces rendered by lmkjax" in seen
    assert seen in json.loads((tuned / "report/results.json").read_text())["data"]


def test_held_out_faces_are_measured_in_time_and_as_the_report_measures_them(tuned):
    lines = (tuned / "metrics.jsonl").read_text().splitlines()
    told = {r["step"]: r.get("validation_nme") for r in map(json.loads, lines)}
    assert list(told) == [1, 2, 3] and told[1] is None
    rows = json.loads((tuned / "report/results.json").read_text())["rows"]
    last = [r for r in rows if r["test_set"] == "validation" and r["faces"] == 9]
    assert {r["labels"] for r in last} == {"direct", "mean_face"}
    direct = [r["nme"] for r in last if r["labels"] == "direct"]
    np.testing.assert_allclose(told[3], direct[0], rtol=1e-5)  # ocular comes first
    assert (tuned / "report/validation.png").is_file()


def test_the_weights_best_on_held_out_faces_are_there_for_every_verb(
    tuned, trained, tmp_path, capsys
):
    lines = (tuned / "metrics.jsonl").read_text().splitlines()
    told = [r["validation_nme"] for r in map(json.loads, lines) if r["step"] > 1]
    words = ["--workdir", str(tuned), "--best", "--out"]
    out = tmp_path / "again"
    assert evaluate.main([*words, str(out), "--test_set", "validation"]) == 0
    rows = json.loads((out / "results.json").read_text())["rows"]
    found = [r["nme"] for r in rows if r["labels"] == "direct"]
    np.testing.assert_allclose(found[0], min(told), rtol=1e-5)
    assert cli.dispatch(["export", *words, str(tmp_path / "small")]) == 0
    one = averaged.load(tmp_path / "small")["hourglass"]
    other = averaged.load(tuned, best=True)["hourglass"]
    jax.tree.map(np.testing.assert_array_equal, one, other)
    with pytest.raises(UserError, match="validation_faces"):
        predict.main(
            ["--workdir", str(trained[0]), "--best", "--images", f"{tuned}/report"]
            + ["--out", str(tmp_path / "found")]
        )


def test_as_many_real_faces_as_asked_for_are_trained_on_and_none_held_out(trained):
    words = [f"--config.data.dir={trained[1]}", "--config.data.target_faces=12"]
    words += ["--config.data.validation_faces=9"]
    file = f"{ROOT}/configs/real_only.py"
    config = config_file.load_config(file, words, size="tiny")
    faces = datasets.prepare(plan.build(config).faces)
    (held,) = (t for t in faces.tests if t.name == datasets.VALIDATION)
    own, apart = (set(c.source.names) for c in (faces.target, held.canvases))
    assert (len(own), len(apart), len(own & apart)) == (12, 9, 0)


def faces_of(name, data, *words):
    """The train faces of a config, by stream, and those held out, as names."""
    words = [f"--config.data.dir={data}", *words]
    file = f"{ROOT}/configs/{name}.py"
    config = config_file.load_config(file, words, size="tiny")
    faces = datasets.prepare(plan.build(config).faces)
    held = [t.canvases for t in faces.tests if t.name == datasets.VALIDATION]
    found = {"source": faces.source, "target": faces.target, "held": (*held, None)[0]}
    return {n: set(of.source.names) for n, of in found.items() if of is not None}


def test_few_labels_are_nested_draws_of_each_seed_and_the_same_faces_stay_out(trained):
    def draw(count, seed):
        words = [f"--config.data.target_faces={count}", f"--config.seed={seed}"]
        words += ["--config.data.validation_faces=9"]
        return faces_of("real_only", trained[1], *words)

    few, more, every = (draw(count, 0) for count in (5, 12, 0))
    assert [len(of["target"]) for of in (few, more, every)] == [5, 12, 23]
    assert few["target"] < more["target"] < every["target"]
    other = draw(5, 1)
    assert other["target"] != few["target"] and other["target"] < every["target"]
    assert other["held"] == few["held"] and not few["held"] & every["target"]


def test_as_many_rendered_faces_as_asked_for_are_trained_on(trained):
    few, more = (
        faces_of("synthetic_only", trained[1], f"--config.data.source_faces={count}")
        for count in (6, 20)
    )
    assert len(few["source"]) == 6 and few["source"] < more["source"]


def test_an_adapter_is_fitted_anew_on_as_many_real_faces_as_asked_for(
    trained, tmp_path
):
    words = ["--workdir", str(trained[0]), "--test-set", "stand-in", "--out"]
    found = []
    for more in ([], ["--target-faces", "12"], ["--target-faces=12", "--seed=1"]):
        out = tmp_path / str(len(found))
        assert evaluate.main([*words, str(out), *more]) == 0
        found.append(adaptation.load(out / adaptation.FILE).params["offset"])
    assert all((a != b).any() for a, b in itertools.combinations(found, 2))
    own = adaptation.load(trained[0] / adaptation.FILE).params["offset"]
    np.testing.assert_allclose(found[0], own, rtol=1e-4, atol=1e-5)


def test_a_folder_of_another_run_is_refused(trained):
    workdir, data = trained
    command = ["--config", f"{ROOT}/configs/daln.py:tiny", "--workdir", str(workdir)]
    with pytest.raises(UserError, match="model.features"):
        train.main([*command, f"--config.data.dir={data}", "--config.model.features=4"])


def test_an_exported_run_finds_the_points_of_the_run(trained, tmp_path):
    workdir, _ = trained
    small = tmp_path / "small"
    assert cli.dispatch(["export", "--workdir", str(workdir), "--out", str(small)]) == 0
    assert {f.name for f in small.iterdir()} == {
        "config.json",
        "network.json",
        "weights.npz",
    }
    noise = np.random.default_rng(1).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    found = [
        detection.Detector.from_checkpoint(folder).find([noise], scheme="dense243")
        for folder in (workdir, small)
    ]
    np.testing.assert_array_equal(found[0].points, found[1].points)
    with pytest.raises(UserError, match="there already"):
        cli.dispatch(["export", "--workdir", str(workdir), "--out", str(small)])


def test_points_are_found_on_a_photo_by_the_run(trained, tmp_path):
    workdir, _ = trained
    noise = np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    photo = "000000.png"
    Image.fromarray(noise).save(tmp_path / photo)
    (tmp_path / "boxes.json").write_text(f'{{"{photo}": [20, 10, 50, 40]}}')
    out = tmp_path / "found"
    words = ["--workdir", str(workdir), "--images", str(tmp_path / photo)]
    words += ["--boxes", str(tmp_path / "boxes.json"), "--scheme", "dense243"]
    assert predict.main([*words, "--out", str(out)]) == 0
    text = json.loads((out / "points.json").read_text())
    face = text[photo]
    assert np.shape(face["points"]) == (243, 2)
    assert len(face["uncertainty"]) == 243
    (overlay,) = shown("found")
    assert (out / overlay).is_file()


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_that_is_no_run_is_named(folder, tmp_path):
    with pytest.raises(UserError, match="Wanted a trained run"):
        evaluate.main(["--workdir", str(tmp_path / folder)])


def test_a_folder_that_is_no_300w_is_named(tmp_path):
    words = ["--config", f"{ROOT}/configs/real_only.py:tiny"]
    words += ["--workdir", str(tmp_path / "run"), f"--config.data.dir={tmp_path}"]
    with pytest.raises(UserError, match="300-W"):
        train.main([*words, f"--config.data.ibug_300w={tmp_path / 'nowhere'}"])

    assert not (tmp_path / "run").exists()  # nothing that the mended command meets


@pytest.mark.parametrize("name", ["mixing", "data_adaptation", "fine_tuning"])
def test_a_run_that_another_needs_is_asked_for(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where there is no runs/synthetic_only
    with pytest.raises(UserError, match="runs/synthetic_only"):
        train.main(["--config", f"{ROOT}/configs/{name}.py:tiny"])
    assert not (tmp_path / "runs").exists()
