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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "huge"], "--size"),
        (["--batch", "0"], "--batch wants 1 or more"),
        (["--rounds", "0"], "--rounds wants 1 or more"),
        (["--landmarks", "5", "0"], r"--landmarks wants numbers from 1 on; got \[5, 0"),
        (["--landmarks"], "--landmarks wants numbers from 1 on"),
    ],
)
def test_what_makes_no_sense_is_told(words, said):
    with pytest.raises(UserError, match=said):
        beside_torch.main(words)


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
