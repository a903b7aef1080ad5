"""The API reference: every module has its page, and a fault of a docstring ends it."""

import warnings

import pdoc
import pytest

import lmkjax
from launch import reference
from lmkjax.errors import UserError
from tests import programs


def test_every_module_is_in_the_reference_and_no_docstring_has_a_fault(tmp_path):
    assert reference.main(["--out", str(tmp_path / "api")]) == 0
    pages = {f.relative_to(tmp_path / "api") for f in tmp_path.rglob("*.html")}
    package = programs.ROOT / "lmkjax"
    modules = [f for f in package.rglob("*.py") if not f.name.startswith("__")]
    wanted = {f.relative_to(programs.ROOT).with_suffix(".html") for f in modules}
    assert len(wanted) > 100 and wanted <= pages
    front = (tmp_path / "api/lmkjax.html").read_text()
    assert all(f'id="{name}"' in front for name in lmkjax.FACE)
    assert "tight around the 68 iBug points" in front  # what `find` says of boxes


def test_a_fault_is_told_and_nothing_is_left(tmp_path, monkeypatch):
    def faulty(*names, output_directory):
        warnings.warn("no such name", stacklevel=1)

    monkeypatch.setattr(pdoc, "pdoc", faulty)
    with pytest.raises(UserError, match="no such name"):
        reference.main(["--out", str(tmp_path / "api")])
    assert not list(tmp_path.iterdir())
