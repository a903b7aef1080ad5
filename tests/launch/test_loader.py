"""The loader's figure: one line of JSON."""

import json
import pathlib
import runpy

import pytest

from data_builders import build
from lmkjax.errors import UserError

ROOT = pathlib.Path(__file__).parents[2]
DUMMY = ROOT / "data_builders/ibug_300w/dummy_data"


def test_one_line_tells_faces_per_second_and_the_workers(tmp_path, capsys):
    folder = build.prepare("ibug_300w", data_dir=tmp_path, source=DUMMY)
    flags = ["--data-dir", str(folder), "--batch", "4", "--size", "16"]
    main = runpy.run_path(str(ROOT / "launch/loader.py"))["main"]
    assert main([*flags, "--workers", "3", "--seconds", "0.05"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["faces_per_s"] > 0 and told["workers"] == 3 and told["cores"] >= 1
    with pytest.raises(UserError, match="prepared dataset"):
        main(["--data-dir", str(tmp_path)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--batch", "0"], "--batch wants 1 or more; got 0"),
        (["--size", "0"], "--size wants 1 or more"),
        (["--ahead", "0"], "--ahead wants 1 or more"),
        (["--workers", "-1"], "--workers wants 0 or more; got -1"),
        (["--processes", "-1"], "--processes wants 0"),
        (["--margin", "0"], "--margin wants a number above 0"),
        (["--seconds", "nan"], "--seconds wants a number above 0; got nan"),
        (["--up", "nan"], "--up wants a share"),
    ],
)
def test_a_number_that_makes_no_sense_is_told(words, said):
    main = runpy.run_path(str(ROOT / "launch/loader.py"))["main"]
    with pytest.raises(UserError, match=said):
        main(["--data-dir", "nowhere", *words])
