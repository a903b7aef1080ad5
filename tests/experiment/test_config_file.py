"""A config's file: whatever is wrong in it is told with its line; ours stays ours."""

import pathlib
import sys

import pytest

from configs import base
from lmkjax.errors import UserError
from lmkjax.experiment import config_file

ROOT = pathlib.Path(__file__).parents[2]
OWN = '"""Mine."""\n\nfrom configs import base\n\n\ndef get_config(size):\n'
WHOLE = OWN + "    return base.get_config(size)\n"


def load(file, *overrides):
    return config_file.load_config(str(file), overrides, size="tiny")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\ndef get_config(size)\n", r"mine\.py, line 2: SyntaxError"),
        ("a = 1\nimport nowhere\n", r"mine\.py, line 2: ModuleNotFoundError.*nowhere"),
        ("from configs import nothing\n", r"mine\.py, line 1: ImportError.*nothing"),
        ("a = 1 / 0\n", r"mine\.py, line 1: ZeroDivisionError"),
        ("a = 1\n", r"mine\.py: wanted `def get_config\(size='laptop'\)`"),
        ("get_config = 3\n", r"mine\.py: wanted `def get_config"),
        ("def get_config():\n    return 1\n", r"mine\.py.*TypeError.*argument"),
        ("def get_config(size):\n    pass\n", r"returned NoneType.*return config"),
        ("def get_config(size):\n    return {}\n", "returned dict"),
        (OWN + "    base.get_config(size).trian = 1\n", "line 7: .*mean .train"),
        (OWN + "    base.get_config(size).seed = 'a'\n", r"line 7: TypeError"),
        (OWN + "    return open('gone')\n", r"line 7: FileNotFoundError.*gone"),
        ("\0", r"mine\.py"),
    ],
)
def test_an_error_in_the_file_is_told_with_its_line(text, said, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as told:
        load(file)
    assert "\n" not in str(told.value)


def test_an_error_in_what_the_file_imports_is_told_where_it_is(tmp_path):
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "part.py").write_text("\n\nhalf = 1 / 0\n")
    (folder / "mine.py").write_text("from configs import part\n")
    with pytest.raises(UserError, match=r"part\.py, line 3: ZeroDivisionError"):
        load(folder / "mine.py")


@pytest.mark.parametrize("package", [True, False])
def test_a_folder_configs_of_the_users_own_hides_none_of_ours(
    package, tmp_path, monkeypatch
):
    own = tmp_path / "configs"
    own.mkdir()
    if package:
        (own / "__init__.py").touch()
    (own / "base.py").write_text("raise SystemError('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    whole = base.get_config("tiny").to_dict()
    config = load(ROOT / "configs/synthetic_only.py")  # it imports configs.base
    assert config.to_dict() == whole
    elsewhere = tmp_path / "mine.py"
    elsewhere.write_text(WHOLE)
    assert load(elsewhere).to_dict() == whole
    (own / "base.py").unlink()
    (own / "more.py").write_text("STEPS = 7\n")
    text = WHOLE.replace("import base", "import base, more")
    (own / "mine.py").write_text(text)  # in there it has its own beside ours
    assert load(own / "mine.py").to_dict() == whole


def test_a_base_beside_the_file_is_its_own_and_the_message_says_so(tmp_path):
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "mine.py").write_text(WHOLE)
    (folder / "base.py").write_text("FIELDS = 3\n")
    with pytest.raises(UserError, match=r"line 7: .*base\.py hides lmkjax's own"):
        load(folder / "mine.py")


def test_a_config_imports_what_lies_beside_it_and_no_other_configs_does(tmp_path):
    for name, steps in (("one", 3), ("two", 4)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "my_steps.py").write_text(f"STEPS = {steps}\n")
        (tmp_path / name / "numpy.py").write_text("raise SystemError\n")
        text = "import numpy\nimport my_steps\n" + OWN
        text += "    config = base.get_config(size)\n"
        text += "    config.train.steps = my_steps.STEPS\n    return config\n"
        (tmp_path / name / "mine.py").write_text(text)
        assert load(tmp_path / name / "mine.py").train.steps == steps
    assert "my_steps" not in sys.modules
    assert not [path for path in sys.path if path.startswith(str(tmp_path))]


def test_what_was_imported_as_configs_before_is_so_afterwards(tmp_path):
    before = sys.modules["configs.base"]
    load(ROOT / "configs/daln.py")
    assert sys.modules["configs.base"] is before is base


def test_a_size_stands_behind_the_last_colon():
    assert config_file.split("a.py:tiny") == ("a.py", "tiny")
    assert config_file.split("a.py") == ("a.py", "")
    assert config_file.split(r"C:\runs\a.py") == (r"C:\runs\a.py", "")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nowhere.py", "nowhere.py"),
        (".", "a .py"),
        ("README.md", "a .py"),
        ("gs://b/a.py", "bucket"),
    ],
)
def test_what_is_no_file_of_a_config_is_told(file, said):
    with pytest.raises(UserError, match=said):
        load(file)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("--config.train.batch=many", "train.batch"),
        ("--config.train.batch", "train.batch"),
        ("--config.train.minuts=1", 'Did you mean "minutes"'),
        ("--config.optimizer.ema=", "ema"),
        ("--config.eval.flip=perhaps", "flip"),
        ("--config.train=3", "train"),
        ("--config.train.=3", "train"),
        ("--config.size=full", r"configs/daln\.py:full"),
        ("--config=3", "config"),
        ("more", "more"),
    ],
)
def test_an_override_that_is_none_is_told_in_one_line(override, said):
    with pytest.raises(UserError, match=said) as told:
        load(ROOT / "configs/daln.py", override)
    assert "\n" not in str(told.value)
