"""The set made by Beam: to the byte the set of one process, however many workers."""

import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest

from data_builders import build
from data_builders.synthetic_faces import synthetic_faces_dataset_builder as faces
from lmkjax.data import sources

if importlib.util.find_spec("apache_beam") is None:
    pytest.skip(
        "needs Apache Beam, in an environment of its own: pip install -c"
        " launch/beam/constraints.txt -e '.[beam]'",
        allow_module_level=True,
    )

# What TFDS asks of the older protobuf that Beam wants, where it reads a set again.
pytestmark = pytest.mark.filterwarnings("ignore:label.. is deprecated")

ROOT = pathlib.Path(__file__).parents[2]
SMALL = {"count": 100, "test_count": 40, "size": 32}
SMALL |= {"faces_per_file": 32}
EMBEDDED = ("--runner=PortableRunner", "--job_endpoint=embed")
EMBEDDED += ("--environment_type=LOOPBACK",)


def run(data_dir, *flags, options=SMALL):
    """The command as a user types it, in a process of its own."""
    words = [f"--{k.replace('_', '-')}={v}" for k, v in options.items()]
    command = [sys.executable, "-m", "data_builders.synthetic_faces.beam"]
    command += ["--data-dir", str(data_dir), *words, *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def content(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def made(data_dir, *flags):
    done = run(data_dir, *flags)
    assert done.returncode == 0, done.stderr[-3000:]
    return pathlib.Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The set as the build command makes it."""
    home = tmp_path_factory.mktemp("one")
    return build.prepare("synthetic_faces", data_dir=home, **SMALL)


@pytest.mark.parametrize(
    "flags",
    [("--workers=1",), ("--workers=2",), ("--workers=3",), ("--", *EMBEDDED)],
    ids=["one", "two", "three", "as Flink and Spark are spoken to"],
)
def test_files_are_the_same_whatever_the_workers(flags, one, tmp_path):
    folder = made(tmp_path, *flags)
    assert folder.relative_to(tmp_path) == one.relative_to(one.parents[2])
    assert content(folder) == content(one)
    names = [str(i) for i in range(100)]
    assert sources.load(folder, "train").names == names
    assert len(list(folder.glob("synthetic_faces-train*"))) == 4
    # What Beam made is found where a training looks, and not built again.
    options = SMALL | {"faces_per_file": faces.Config.faces_per_file}
    assert build.prepare("synthetic_faces", data_dir=tmp_path, **options) == folder


def test_a_killed_job_goes_on(one, tmp_path):
    folder = tmp_path / one.relative_to(one.parents[2])
    folder.mkdir(parents=True)
    kept, *_ = names = sorted(p.name for p in one.glob("synthetic_faces-*"))
    for name in names[:3]:
        (folder / name).write_bytes((one / name).read_bytes())
    (folder / "synthetic_faces-train.array_record-00000-of-00002").write_text("old")
    before = (folder / kept).stat().st_mtime_ns
    assert made(tmp_path, "--workers=1") == folder
    assert content(folder) == content(one)
    assert (folder / kept).stat().st_mtime_ns == before


def test_a_half_made_set_is_not_taken_for_whole(one, tmp_path):
    folder = tmp_path / one.relative_to(one.parents[2])
    folder.mkdir(parents=True)
    (folder / "synthetic_faces-train.array_record-00000-of-00004").write_text("half")
    assert build.prepare("synthetic_faces", data_dir=tmp_path, **SMALL) == folder
    assert content(folder) == content(one)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--looks=odd",), "error: Unknown looks 'odd'"),
        (("--workers=2", "--", "--runner=FlinkRunner"), "error: Wanted --workers or"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(flags, told, tmp_path):
    done = run(tmp_path, *flags, options={})
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(told)


def test_the_lines_for_clusters_hold_flags_that_beam_knows():
    text = (ROOT / "launch" / "README.md").read_text().replace("\\\n", " ")
    lines = re.findall(
        r"^python -m data_builders\.synthetic_faces\.beam (.*)", text, re.M
    )
    runners = set()
    for line in lines:
        _, _, own = line.partition(" -- ")
        flags = set(re.findall(r"--(\w+)=", own))
        runners |= set(re.findall(r"--runner=(\w+)", own))
        program = (
            "import sys; from apache_beam.options import pipeline_options as p;"
            "print(*p.PipelineOptions().get_all_options())"
        )
        known = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True
        ).stdout.split()
        assert flags <= set(known), flags - set(known)
    assert runners == {"DataflowRunner", "FlinkRunner", "SparkRunner"}
