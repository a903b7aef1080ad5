"""Reports: the JSON that was promised, tables, and where numbers come from."""

import csv
import json
import math
import platform
import subprocess

import pytest

from lmkjax.errors import UserError
from lmkjax.evaluation import tables

PROVENANCE = tables.Provenance(
    command="python -m lmkjax.train --config configs/daln.py",
    hardware="a test's imagination",
    seed=3,
    commit="0123456789ab",
    data="synthetic_faces; stand-in (rendered with other looks)",
)


def row(test_set, labels, normaliser, nme, *, points=68, scheme="ibug68", **regions):
    return {
        "test_set": test_set,
        "labels": labels,
        "normaliser": normaliser,
        "nme": nme,
        "auc_08": 0.5,
        "fr_08": 0.125,
        "faces": 554,
        "points": points,
        "scheme": scheme,
        "regions": regions,
    }


ROWS = [
    row("stand-in", "subset", "ocular", 4.25, jaw=8.0, nose=2.0),
    row("stand-in", "subset", "pupil", 5.5, jaw=9.0, nose=3.0),
    row("stand-in", "mean_face", "ocular", math.inf, jaw=math.nan, nose=1.0),
    row("stand-in", "mean_face", "pupil", 11.0, jaw=1.0, nose=1.0),
    row("synthetic", "direct", "ocular", 3.0),
]


def test_points_without_eyes_are_told_by_the_normaliser_that_they_have():
    none = {"nme": math.nan, "faces": 0, "auc_08": math.nan, "fr_08": math.nan}
    own = {"points": 15, "scheme": "mine"}
    rows = [
        row("synthetic", "direct", "ocular", math.nan, nose=math.nan, **own) | none,
        row("synthetic", "direct", "box", 2.5, nose=1.25, **own),
    ]
    numbers, regions = tables.tables(rows)
    assert numbers.cells == [["direct", "-", "2.50", "-", "-", "554", "15"]]
    assert regions.title == "synthetic: box NME % by region"
    assert regions.cells == [["direct", "1.25", "15"]]


def test_json_holds_what_was_promised(tmp_path):
    tables.write(tmp_path / "new" / "report", ROWS, PROVENANCE)
    content = json.loads((tmp_path / "new/report/results.json").read_text())
    assert list(content) == [
        "rows",
        "groups",
        "command",
        "hardware",
        "seed",
        "commit",
        "data",
    ]
    first = content["rows"][0]
    assert [first[name] for name in list(first)[:7]] == [
        "stand-in",
        "subset",
        "ocular",
        4.25,
        0.5,
        0.125,
        554,
    ]
    assert list(first)[:7] == (
        ["test_set", "labels", "normaliser", "nme", "auc_08", "fr_08", "faces"]
    )
    assert content["seed"] == 3 and content["rows"][2]["nme"] is None
    assert content["rows"][2]["regions"] == {"jaw": None, "nose": 1.0}


def test_markdown_names_the_stand_in_and_shows_both_normalisers(tmp_path):
    tables.write(tmp_path, ROWS, PROVENANCE)
    text = (tmp_path / "results.md").read_text()
    assert "## stand-in\n" in text and "## stand-in: ocular NME % by region" in text
    assert "| subset | 4.25 | 5.50 | 0.500 | 0.125 | 554 | 68 |" in text
    assert "| mean_face | - | 11.00 |" in text
    assert "- command: `python -m lmkjax.train --config configs/daln.py`" in text
    assert "## synthetic: " not in text  # it has no regions


def test_csv_has_a_line_per_row(tmp_path):
    tables.write(tmp_path, ROWS, PROVENANCE)
    with (tmp_path / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(ROWS)
    assert (
        lines[0]["points"] == "68"
        and lines[0]["nme_jaw"] == "8.0"
        and lines[2]["nme"] == ""
    )


def test_rows_of_other_points_have_lines_of_their_own():
    rows = [
        row("synthetic", "mean_face", "ocular", 12.0, points=490, nose=3.0),
        row("synthetic", "mean_face", "ocular", 16.0, points=68, nose=4.0),
    ]
    numbers, regions = tables.tables(rows)
    assert numbers.columns[-1] == regions.columns[-1] == "points"
    assert [[cells[1], cells[-1]] for cells in numbers.cells] == [
        ["12.00", "490"],
        ["16.00", "68"],
    ]
    assert [c[1:] for c in regions.cells] == [["3.00", "490"], ["4.00", "68"]]


def test_rows_of_as_many_points_of_another_scheme_have_lines_of_their_own(tmp_path):
    rows = [
        row(
            "synthetic", "mean_face", "ocular", 12.0, scheme="ibug68_surface", nose=3.0
        ),
        row("synthetic", "mean_face", "ocular", 16.0, scheme="ibug68", nose=4.0),
        row("synthetic", "direct", "ocular", 2.0, points=490, scheme="dense490"),
    ]
    numbers, regions = tables.tables(rows)
    told = ["68 ibug68_surface", "68 ibug68", "490"]
    assert [[cells[1], cells[-1]] for cells in numbers.cells] == [
        *(["12.00", told[0]], ["16.00", told[1]], ["2.00", told[2]])
    ]
    assert [cells[-1] for cells in regions.cells] == told
    tables.write(tmp_path, rows, PROVENANCE)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["rows"][0]["scheme"] == "ibug68_surface"
    assert "ibug68_surface" in (tmp_path / "results.csv").read_text()


def test_what_json_cannot_say_is_null_at_any_depth():
    given = {"a": [math.nan, (1.0, {"b": -math.inf})], "c": "nan", "d": 2}
    assert tables.finite(given) == {"a": [None, [1.0, {"b": None}]], "c": "nan", "d": 2}


@pytest.mark.parametrize(
    ("names", "stranger"),
    [
        (["curve_holiday.png"], "curve_holiday.png"),
        (["results.json"], "results.json"),
        (["results.md"], "results.md"),
        (["notes.txt"], "notes.txt"),
    ],
)
def test_a_folder_that_holds_no_report_is_refused(names, stranger, tmp_path):
    for name in names:
        (tmp_path / name).write_text('{"rows": "somebody else\'s"}')
    with pytest.raises(UserError, match=f"new folder for --out.*'{stranger}'"):
        tables.refuse_strangers(tmp_path, beside=["curve_*.png"])


def test_a_folder_of_a_report_is_taken_unless_it_holds_more(tmp_path):
    tables.refuse_strangers(tmp_path / "new")
    tables.refuse_strangers(tmp_path)
    tables.write(tmp_path, ROWS, PROVENANCE)
    (tmp_path / "curve_a.png").touch()
    tables.refuse_strangers(tmp_path, beside=["curve_*.png"])
    with pytest.raises(UserError, match=r"'curve_a\.png'"):
        tables.refuse_strangers(tmp_path)


def test_writing_leaves_nothing_but_the_files(tmp_path):
    tables.write(tmp_path, ROWS, PROVENANCE)
    tables.write(tmp_path, ROWS[:1], PROVENANCE)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["results.csv", "results.json", "results.md"]
    assert len(json.loads((tmp_path / "results.json").read_text())["rows"]) == 1


def test_the_terminal_shows_the_same_numbers(capsys):
    tables.show(ROWS)
    shown = capsys.readouterr().out
    assert "stand-in" in shown and "4.25" in shown and "5.50" in shown


def test_the_terminal_shows_a_folders_name_as_it_is(capsys):
    tables.show([row("photos [old] :cat:", "direct", "ocular", 4.25)])
    assert "photos [old] :cat:" in capsys.readouterr().out


def test_the_machine_is_described_without_its_name():
    text = tables.hardware()
    assert " core" in text and "no accelerator" in text
    assert platform.node() not in text


def test_the_commit_is_gits_or_unknown(monkeypatch):
    assert len(tables.commit().split()[0]) >= 7

    def fail(*words, **options):
        raise subprocess.CalledProcessError(128, words)

    monkeypatch.setattr(subprocess, "run", fail)
    assert tables.commit() == "unknown"
