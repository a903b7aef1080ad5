"""A folder of rendered faces: one set, replaced as one; what is another's stays."""

import json

import pytest

from lmkjax import files
from lmkjax import render as command
from lmkjax.errors import UserError
from lmkjax.studio import gallery


def render(out, count, *, sheet=False, fail=False):
    """Writes as `gallery.write` does, without drawing."""
    names = [f"{number:06d}.png" for number in range(count)]
    old, key = gallery.earlier(out, names), gallery.POINTS
    with files.together(out, instead_of=old, key=key) as (scratch, written):
        for name in names:
            (scratch / name).write_text(f"of {count}")
        if fail:
            raise RuntimeError("no memory")
        content = {"scheme": "ibug68", "seed": 0, "faces": dict.fromkeys(names)}
        (scratch / "points.json").write_text(json.dumps(content))
        if sheet:
            (scratch / "sheet.png").write_text("sheet")
    return [file.name for file in written]


def names(out):
    return sorted(file.name for file in out.iterdir())


def test_a_smaller_render_leaves_none_of_a_larger_one(tmp_path):
    assert len(render(tmp_path, 5, sheet=True)) == 7
    for other in ("sheet_hair.png", "notes.txt", "000009.png"):
        (tmp_path / other).write_text("other")
    render(tmp_path, 2)
    others = ["000009.png", "notes.txt", "points.json", "sheet_hair.png"]
    assert names(tmp_path) == ["000000.png", "000001.png", *others]
    assert (tmp_path / "000001.png").read_text() == "of 2"
    assert (tmp_path / "000009.png").read_text() == "other"


def test_a_render_that_fails_leaves_the_earlier_one(tmp_path):
    render(tmp_path, 3)
    with pytest.raises(RuntimeError):
        render(tmp_path, 2, fail=True)
    assert len(names(tmp_path)) == 4
    assert (tmp_path / "000001.png").read_text() == "of 3"


@pytest.mark.parametrize("name", ["points.json", "000001.png"])
def test_another_ones_file_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text('{"a.jpg": {"points": []}}')
    with pytest.raises(UserError, match=f"already holds '{name}'"):
        render(tmp_path, 2)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", [gallery.SHEET, gallery.CLIP])
def test_neither_are_another_ones_sheet_and_clip(tmp_path, name):
    (tmp_path / name).write_text("mine")
    told = {"scheme": "ibug68", "seed": 0, gallery.FPS: 25.0}
    with pytest.raises(UserError, match=f"already holds '{name}'"):
        gallery.write_drawn(tmp_path, pytest.fail, told, count=1, sheet=True)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("seed", ["-1", "4294967296", "99999999999999999999"])
@pytest.mark.parametrize("also", [[], ["--clip"], ["--sheet", "hair"], ["--benchmark"]])
def test_a_seed_whose_faces_would_be_another_seeds_is_refused(tmp_path, seed, also):
    out = [] if also == ["--benchmark"] else ["--out", str(tmp_path / "out")]
    with pytest.raises(UserError, match="Wanted a seed from 0 to 4294967295"):
        command.main(["--seed", seed, *also, *out])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--page --report", "--report does not go with --page"),
        ("--page --priors hats=1", "--priors does not go with --page"),
        ("--benchmark --out x", "--out does not go with --benchmark"),
        ("--report --backgrounds x", "--backgrounds does not go with --report"),
        ("--sheet hair --clip --out x", "--clip does not go with --sheet hair"),
        ("--sheet hair --looks stand_in", "--looks does not go with --sheet hair"),
        ("--ibug-300w x --out x", "--ibug-300w goes with --report"),
    ],
)
def test_a_flag_that_would_change_nothing_is_refused(words, told):
    with pytest.raises(UserError, match=f"^{told}; "):
        command.main(words.split())


def test_names_that_lead_out_of_the_folder_are_not_followed(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    content = {"scheme": "ibug68", "seed": 0, "faces": {"../a.png": 0, "a.png": 0}}
    (out / "points.json").write_text(json.dumps(content))
    for file in (tmp_path / "a.png", out / "a.png"):
        file.write_text("mine")
    render(out, 1)
    assert names(out) == ["000000.png", "a.png", "points.json"]
    assert (tmp_path / "a.png").exists()
