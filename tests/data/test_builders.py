"""Builders are found where they are installed, and told where they are not."""

import importlib.metadata

import pytest

from lmkjax.data import builders
from lmkjax.errors import UserError


@pytest.fixture(autouse=True)
def looked_up_anew():
    builders._installed.cache_clear()
    yield
    builders._installed.cache_clear()


def test_the_builders_of_this_repository_are_installed():
    (found,) = importlib.metadata.entry_points(group=builders.GROUP)
    assert found.value == "data_builders.build"
    with pytest.raises(UserError, match="known: ibug_300w"):
        builders.prepare("300w", data_dir="nowhere")


def test_without_builders_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: ())
    with pytest.raises(UserError, match="pip install -e"):
        builders.prepare("ibug_300w", data_dir="nowhere")
