"""What must be installed for what: pyproject.toml, the code and its errors agree."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib

import pytest
from packaging import requirements, utils

from lmkjax import errors
from tests import programs

ROOT = programs.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
MODULES = {"pillow": "PIL", "pyyaml": "yaml", "orbax-checkpoint": "orbax"}
MODULES |= {"absl-py": "absl", "tensorboardx": "tensorboardX", "opencv-python": "cv2"}
"""Of packages whose module has another name."""


def needs(lines):
    """Each package of some lines of pyproject.toml, with what is wanted of it."""
    wanted = map(requirements.Requirement, lines)
    return {utils.canonicalize_name(one.name): one for one in wanted}


def closure(extra):
    """An extra's packages, and those of the extras that it takes along."""
    own = needs(EXTRAS[extra])
    for inner in own.pop("lmkjax").extras if "lmkjax" in own else ():
        own |= closure(inner)
    return own


def module(package):
    return MODULES.get(package, package.replace("-", "_"))


BASE = {module(name) for name in needs(PROJECT["dependencies"])}


def brought(extra):
    """Modules that an extra brings."""
    return {module(name) for name in closure(extra)}


@pytest.mark.parametrize("extra", errors.EXTRAS)
def test_the_errors_know_every_package_of_an_extra(extra):
    own = {module(name) for name in needs(EXTRAS[extra]) if name != "lmkjax"}
    own = {"libtpu"} if extra == "tpu" else own  # by jax[tpu]
    assert set(errors.EXTRAS[extra]) == own and not own & BASE


@pytest.mark.parametrize(
    "file",
    [
        file
        for room in programs.ROOMS
        for file in sorted((ROOT / room).rglob("*.py"))
        if not file.name.endswith("_test.py")
    ],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_every_package_that_is_imported_is_asked_for(file):
    known = BASE.union(*errors.EXTRAS.values(), programs.ROOMS)
    known |= {"pillow_heif", "torch"}  # used where they are there
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    assert found <= known | sys.stdlib_module_names


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("launch/constraints.txt", ("train", "test")),
        ("launch/beam/constraints.txt", ("beam",)),
        ("launch/onnx/constraints.txt", ("onnx",)),
        ("launch/tflite/constraints.txt", ("tflite",)),
        ("launch/demo/constraints.txt", ("demo",)),
    ],
)
def test_each_package_has_a_version_that_was_tried(file, extras):
    lines = [x.partition("#")[0].strip() for x in (ROOT / file).read_text().split("\n")]
    pins = [requirements.Requirement(line) for line in lines if line]
    wanted = needs(PROJECT["dependencies"])
    for extra in extras:
        wanted |= closure(extra)
    tried = {utils.canonicalize_name(pin.name) for pin in pins}
    assert set(wanted) <= tried
    for pin in pins:
        (version,) = (str(one.version) for one in pin.specifier)
        one = wanted.get(utils.canonicalize_name(pin.name))
        assert one is None or one.specifier.contains(version), pin


def test_the_readmes_commands_install_what_they_call():
    """CI runs the second; the first ends with a training, which draws its report."""
    text = (ROOT / "README.md").read_text()
    train, test = re.findall(r"^python3 -m venv \S+ && (.*)$", text, re.M)
    assert "-e '.[train]'" in train and "lmkjax.train" in train
    assert "-e '.[test]'" in test and "pytest" in test
    assert brought("report") | brought("data") < brought("train") < brought("test")


@pytest.mark.parametrize(
    ("file", "extra"),
    [
        ("launch/tpu_pod.sh", "'.[train,tpu]'"),
        ("launch/gke/Dockerfile", '".[train,${EXTRA}]"'),
        ("launch/beam/Dockerfile", "'.[beam]'"),
        ("launch/colab.ipynb", "-e .[train]"),
    ],
)
def test_each_machine_installs_what_it_runs(file, extra):
    assert extra in (ROOT / file).read_text()


WITHOUT = """
import importlib, os, sys, warnings
warnings.simplefilter("ignore")
import flax.linen, jax, optax, orbax.checkpoint, scipy.interpolate  # what all have
from lmkjax import cli

program, hidden, *words = sys.argv[1:]
for names in hidden.split(";"):
    print("hidden", names, file=sys.stderr, flush=True)
    if not (child := os.fork()):
        sys.modules.update(dict.fromkeys(names.split(",")))
        cli.run(lambda _: importlib.import_module(program).main(words))
    print("code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr)
"""
OPTIONAL = sorted(set().union(*errors.EXTRAS.values()))
CASES = [  # a program's words, which extra it wants, and how it ends with all there
    ("lmkjax.train", "--config /none.py", "train", "there is no"),
    ("lmkjax.evaluate", "--workdir /none", "train", "trained run"),
    ("lmkjax.evaluate", "--predictions /none --data /none", "report", "/none"),
    ("lmkjax.export", "--workdir /none --out /none/x", "train", "trained run"),
    ("lmkjax.export", "--to onnx --out /none/x", "onnx", "/none"),
    ("lmkjax.export", "--to tflite --out /none/x", "tflite", "/none"),
    ("lmkjax.predict", "--images /none --out /none/x", "", "/none"),
    ("lmkjax.predict", "--fit --images /none --out /none/x", "fit", "/none"),
    ("lmkjax.render", "--sheet nothing --out /none/x", "", "nothing"),
    ("lmkjax.render", "--page --out /dev/null/x", "report", "Cannot write"),
    ("lmkjax.render", "--report --count 0", "report", "face"),
    ("lmkjax.studio.manual.__main__", "--picture s3://x", "", "s3://x"),
    ("lmkjax.studio.facekit.__main__", "--source /none --out x", "", "/none"),
    ("data_builders.build", "ibug_300w --source /none", "data", "no such folder"),
    ("data_builders.synthetic_faces.beam", "--count=-1", "beam", "at least one"),
    ("launch.loader", "--data-dir /none", "train", "prepared dataset"),
    ("launch.pods", "--slices v5e:2x2 --size tiny", "tpu", "| slice |"),
]


def endings(program, words, hidden):
    """How a program ends without packages: per comma-joined names, code and lines."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, program, ";".join(hidden), *words.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    parts = re.split(r"^hidden (.*)$", done.stderr, flags=re.M)[1:]
    found = {}
    for names, text in zip(parts[::2], parts[1::2], strict=True):
        *said, code = text.strip().splitlines()
        found[names] = int(code.removeprefix("code ")), said
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("program", "words", "extra", "otherwise"),
    CASES,
    ids=[f"{program} {words.split()[0]}" for program, words, *_ in CASES],
)
def test_without_a_package_one_line_says_what_brings_it(
    program, words, extra, otherwise
):
    wanted = {"libtpu"} if extra == "tpu" else brought(extra) if extra else set()
    every, others = ",".join(OPTIONAL), ",".join(sorted({*OPTIONAL} - wanted))
    found = endings(program, words, [every, others, *sorted(wanted)])
    if extra:
        code, said = found[every]
        assert code == 2 and len(said) == 1, said
        named = re.search(r'pip install "lmkjax\[(\w+)\]"', said[0])[1]
        assert named == extra or "launch" in program and named in EXTRAS, said
    absent = {name for name in wanted if not importlib.util.find_spec(name)}
    for names, (code, said) in found.items():
        refused = re.search("Wanted the package '(.*)', which", said[-1])
        if refused:
            assert code == 2 and len(said) == 1, said
            assert refused[1].replace("-", "_") in {*names.split(","), *absent}
        else:
            assert otherwise in said[-1] and not absent, said
