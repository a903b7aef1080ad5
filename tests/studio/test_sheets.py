"""Sheets: along a row only what it is about varies; each picture is in its place."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax import render as command
from lmkjax.errors import UserError
from lmkjax.studio import sheets

ROWS = [  # the first of each element; the others alike, when there is time
    pytest.param(name, i, marks=pytest.mark.slow if i else ())
    for name, rows in sheets.ELEMENTS.items()
    for i in range(len(rows))
]


@pytest.mark.parametrize(("element", "number"), ROWS)
def test_along_a_row_nothing_but_its_parts_varies(element, number):
    row = sheets.ELEMENTS[element][number]
    params = sheets.faces(row, jax.random.key(number))
    flat, _ = jax.tree.flatten_with_path(params)
    varied = {
        ".".join(step.name for step in path)
        for path, leaf in flat
        if not np.allclose(leaf, leaf[:1], atol=1e-6)
    }
    about = (*row.parts, *(part for part, _ in row.sweep))
    assert varied, "a row on which nothing happens"
    assert all(part.startswith(about) for part in varied), varied
    for part in about if row.label != "as drawn" else ():  # there sepia is rare
        assert any(name.startswith(part) for name in varied), f"{part} is held"


def test_a_sweep_goes_from_end_to_end_evenly():
    row = next(r for r in sheets.ELEMENTS["pose"] if r.label == "yaw 90")
    params = sheets.faces(row, jax.random.key(0))
    due = np.linspace(-90, 90, sheets.COLUMNS)
    np.testing.assert_allclose(np.rad2deg(params.camera.yaw_rad), due, atol=1e-3)


def test_a_gaze_passes_through_the_middle():
    row = next(r for r in sheets.ELEMENTS["eyes"] if r.label == "aside")
    amounts = sheets.faces(row, jax.random.key(0)).expression
    names = sheets.heads.load().expression_names
    out, in_ = (amounts[:, names.index(f"eyeLook{w}_L")] for w in ("Out", "In"))
    np.testing.assert_allclose(out, np.maximum(1 - np.arange(8) / 3.5, 0), atol=1e-5)
    np.testing.assert_allclose(in_, out[::-1], atol=1e-5)


@pytest.mark.parametrize("element", ["pose", "eyes"])
def test_every_picture_stands_in_its_row_and_column(element, monkeypatch, tmp_path):
    """Pictures of one brightness each, in place of the real ones."""
    sizes = []

    def draw(params, scheme, *, size, backgrounds):
        sizes.append(size)
        levels = (jnp.arange(sheets.COLUMNS) + 1) / 16
        levels = jnp.broadcast_to(levels[:, None, None, None], (8, size, size, 3))
        return types.SimpleNamespace(image=levels * (1 + (len(sizes) == 2)))

    monkeypatch.setattr(sheets.drawing, "draw", draw)
    sheet = np.asarray(sheets.draw(element, size=32, seed=0))
    rows = len(sheets.ELEMENTS[element])
    assert sheet.shape == (rows * 32, sheets.COLUMNS * 32, 3)
    assert sizes == [64 if element == "eyes" else 32] * rows
    assert sheet[28, 3 * 32 + 30, 0] == round(4 / 16 * 255)
    assert sheet[32 + 28, 3 * 32 + 30, 0] == round(8 / 16 * 255)


def test_the_command_writes_the_sheet_alone(monkeypatch, tmp_path):
    image = jnp.zeros((sheets.COLUMNS, 16, 16, 3))
    monkeypatch.setattr(
        sheets.drawing, "draw", lambda *_, **__: types.SimpleNamespace(image=image)
    )
    flags = ["--sheet", "pose", "--size", "16", "--out", str(tmp_path)]
    assert command.main(flags) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["sheet_pose.png"]


def test_an_unknown_element_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="'nose' for a sheet; known: identity, "):
        command.main(["--sheet", "nose", "--out", str(tmp_path / "out")])
    assert not list(tmp_path.iterdir())
