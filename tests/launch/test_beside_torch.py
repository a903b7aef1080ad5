"""PyTorch beside ours: the same network, and one clear line where it is not there."""

import importlib.util
import json
import sys

import pytest

from launch import beside_torch
from lmkjax.errors import UserError


def test_without_pytorch_a_line_says_what_would_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match="pip install torch"):
        beside_torch.main(["--size", "tiny"])


@pytest.mark.slow
def test_the_twin_makes_the_same_maps(capsys):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch, in an environment of its own")
    words = ["--size", "tiny", "--batch", "2", "--landmarks", "5", "--rounds", "1"]
    assert beside_torch.main([*words, "--eager-only"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["what"], line["way"]) for line in lines] == [
        ("train", "ours"),
        ("train", "PyTorch"),
        ("predict", "ours"),
        ("predict", "PyTorch"),
    ]
    assert all(line["faces_per_s"] > 0 and line["maps_apart"] < 1e-4 for line in lines)
