"""Flags: one spelling for all commands, one line for what is not understood, no JAX."""

import subprocess
import sys

import pytest

from lmkjax import cli, render
from lmkjax.errors import UserError


def test_the_version_is_told():
    said = subprocess.check_output(
        [sys.executable, "-m", "lmkjax", "--version"], text=True
    )
    assert said.split()[0] == "lmkjax" and said.split()[1][0].isdigit()


@pytest.fixture
def parser():
    made = cli.Parser(prog="lmkjax paint", passes="--config.")
    made.add_argument("--test-set", type=int, default=3, help="how many")
    return made


@pytest.mark.parametrize("words", (["--test_set=4"], ["--test_set", "4"]))
def test_underscores_are_still_read(parser, words):
    assert parser.parse_args(words).test_set == 4


def test_only_the_name_of_a_flag_is_respelt(parser):
    parser.add_argument("--out")
    assert parser.parse_args(["--out=a_b", "--test-set=1"]).out == "a_b"
    _, rest = parser.parse_known_args(["--config.a_b=c_d", "--config.x_y", "1"])
    assert rest == ["--config.a_b=c_d", "--config.x_y", "1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tset-set=4"], "Unknown flag '--tset-set'. Did you mean '--test-set'"),
        (["--test=4"], "Unknown flag '--test'"),  # no abbreviation
        (["--test-set=x"], "--test-set: invalid int value: 'x'"),
        (["photo.jpg"], "Unknown argument 'photo.jpg'"),
        (["--config.x=1", "photo.jpg"], "Unknown argument 'photo.jpg'"),
    ],
)
def test_what_is_not_understood_is_told(parser, words, told):
    with pytest.raises(UserError) as caught:
        parser.parse_args(words)
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)
    assert "`lmkjax paint --help`" in str(caught.value)


def test_help_tells_a_default_once(parser):
    assert parser.format_help().count("how many (default: 3)") == 1


def test_an_unknown_verb_is_named():
    with pytest.raises(UserError, match="paint.*known: train"):
        cli.dispatch(["paint"])
    with pytest.raises(UserError, match="Did you mean 'predict'"):
        cli.dispatch(["predikt"])


def test_every_command_declares_its_flags_alike(capsys):
    """Hyphens only; and an error of the flags is a UserError."""
    for verb in cli.VERBS:
        with pytest.raises(SystemExit):
            cli.dispatch([verb, "--help"])
        flags = [w for w in capsys.readouterr().out.split() if w.startswith("--")]
        ours = [flag for flag in flags if not flag.startswith("--config.")]
        assert ours and not [flag for flag in ours if "_" in flag], verb
        with pytest.raises(UserError, match=f"lmkjax {verb} --help"):
            cli.dispatch([verb, "--no-such-flag"])


def test_the_elements_that_help_tells_are_those_there_are():
    from lmkjax.studio import sheets

    assert render.ELEMENTS == tuple(sheets.ELEMENTS)
