"""`lmkjax evaluate`: predictions to a table and a report, and what it refuses."""

import json
import re

import numpy as np
import pytest

from lmkjax import evaluate
from lmkjax.errors import UserError
from lmkjax.evaluation import predictions


@pytest.fixture
def predicted(tmp_path):
    """Two faces, and predictions 1 px beside the truth, counted from 0."""
    folder, content = tmp_path / "lfpw/testset", {}
    folder.mkdir(parents=True)
    for name in ("image_1", "image_2"):
        points = np.random.default_rng(len(content)).uniform(0, 99, (68, 2))
        rows = "\n".join(f"{x:.6f} {y:.6f}" for x, y in points)
        (folder / f"{name}.pts").write_text(f"version: 1\n{{\n{rows}\n}}\n")
        content[f"{name}.png"] = (points - 1 + [1, 0]).tolist()
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps(content))
    return ["--predictions", str(file), "--data", str(folder)]


def test_predictions_become_a_table_and_a_report(predicted, tmp_path, capsys):
    out = tmp_path / "report"
    args = [*predicted, "--first-pixel-centre", "0", "--threshold", "10"]
    assert evaluate.main([*args, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "lfpw/testset" in shown and "ocular" in shown
    content = json.loads((out / "results.json").read_text())
    assert content["seed"] is None and "theirs.json" in content["data"]
    rows = {row["normaliser"]: row for row in content["rows"]}
    assert set(rows) == {"ocular", "pupil", "box"}
    assert rows["box"]["faces"] == 2 and "auc_10" in rows["box"]
    np.testing.assert_allclose(rows["box"]["nme"], 100 / 97, rtol=0.05)
    names = {"results.json", "results.md", "results.csv", "curve.png"}
    assert {path.name for path in out.iterdir()} == names


def test_a_broken_pts_file_is_named_and_nothing_is_written(predicted, tmp_path):
    (tmp_path / "lfpw/testset/image_2.pts").write_text("1 2\n3 4\n")
    with pytest.raises(UserError, match=r"image_2\.pts: wanted 68 points.*found 2"):
        evaluate.main([*predicted, "--out", str(tmp_path / "report")])
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "--workdir --predictions is required"),
        (["--predictions", "a.json"], "wants --data"),
        (["--workdir", "a", "--predictions", "b"], "not allowed"),
        (["--workdir", "a", "--threshold", "0"], "above 0"),
        (["--workdir", "a", "--threshold", "nan"], "above 0 to 100"),
        (["--workdir", "a", "--colour", "red"], "--colour"),
        (["--workdir", "a", "--data", "b"], "--data goes with --predictions"),
        (["--workdir", "a", "--by-turn"], "--by-turn goes with --predictions"),
        (
            ["--workdir", "a", "--first-pixel-centre", "0"],
            "--first-pixel-centre goes with --predictions",
        ),
        (["--workdir", "a", "--seed", "-1"], "--seed wants 0 to 2147483646; got -1"),
        (["--workdir", "a", "--seed", str(2**32)], "--seed wants 0 to 2147483646"),
    ],
)
def test_a_wrong_command_line_is_refused(args, words):
    with pytest.raises(UserError, match=re.escape(words)):
        evaluate.main(args)


@pytest.mark.parametrize(
    "words",
    ["--test-set c", "--ibug-300w c", "--flip", "--views 4", "--best"]
    + ["--batch 4", "--target-faces 0", "--seed 0"],
)
def test_what_only_a_run_has_is_refused_of_predictions(words):
    flag = words.split()[0]
    with pytest.raises(UserError, match=f"{flag} goes with --workdir"):
        evaluate.main(["--predictions", "a", "--data", "b", *words.split()])


def test_a_folder_of_others_is_refused_before_anything_is_measured(
    predicted, tmp_path, monkeypatch
):
    monkeypatch.setattr(predictions, "compare", None)
    out = tmp_path / "mine"
    out.mkdir()
    (out / "results.json").write_text("[1, 2]")
    with pytest.raises(UserError, match=r"already holds 'results\.json'"):
        evaluate.main([*predicted, "--out", str(out)])
    assert (out / "results.json").read_text() == "[1, 2]"


def test_predictions_count_from_half_and_fail_above_eight_unless_told(
    predicted, tmp_path
):
    for out in (tmp_path / "report", tmp_path / "report"):  # the second replaces it
        assert evaluate.main([*predicted, "--out", str(out)]) == 0
    rows = json.loads((out / "results.json").read_text())["rows"]
    assert {row["scheme"] for row in rows} == {"ibug68"} and "fr_08" in rows[0]
    moved = np.hypot(0.5, 0.5)  # not 1: they were counted from 0
    box = next(row for row in rows if row["normaliser"] == "box")
    np.testing.assert_allclose(box["nme"], 100 * moved / 97, rtol=0.05)


def test_help_shows_an_example_and_says_what_the_numbers_are(capsys):
    with pytest.raises(SystemExit) as caught:
        evaluate.main(["--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert "examples:" in shown and "NME is" in shown and "(1, 1)" in shown
