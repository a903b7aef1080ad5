"""The launch files: sound scripts, valid YAML, numbers that agree, a clean notebook."""

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from lmkjax.experiment import config_file, plan, ranges
from lmkjax.landmarks import schemes

ROOT = pathlib.Path(__file__).parents[2]
LAUNCH = ROOT / "launch"
POD = [LAUNCH / "tpu_pod.sh", "--name", "pod", "--zone", "us-west4-a"]
TRAIN = ["--workdir", "/mnt/runs/daln", "--repo", "https://host/lmkjax"]
SLURM = ["bash", LAUNCH / "slurm.sbatch"]
JOBSETS = sorted((LAUNCH / "gke").glob("*.yaml"))


@pytest.fixture
def call(tmp_path):
    """Calls a script where no command of a cluster may be run."""
    for name in ("gcloud", "srun", "sbatch", "scontrol"):
        fake = tmp_path / name
        fake.write_text('#!/bin/sh\necho "RAN $0 $*" >&2\nexit 9\n')
        fake.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run(*command):
        return subprocess.run(
            [str(c) for c in command], env=env, capture_output=True, text=True
        )

    return run


@pytest.mark.parametrize("name", ["tpu_pod.sh", "slurm.sbatch"])
def test_shellcheck_finds_nothing(name):
    tool = shutil.which("shellcheck", path=pathlib.Path(sys.executable).parent)
    tool = tool or shutil.which("shellcheck")
    if not tool:
        pytest.skip("needs shellcheck: pip install -e '.[test]'")
    done = subprocess.run([tool, LAUNCH / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_list_without_words_is_spelt_as_the_bash_of_macos_wants_it():
    """3.2 under `set -u` ends at the words of a list that holds none."""
    text = (LAUNCH / "tpu_pod.sh").read_text()
    empty = set(re.findall(r"\b(\w+)=\(\)", text))
    filled = set(re.findall(r"\{#(\w+)\[@\]\} == 0\)\); then \1=", text))
    bare = re.sub(r'\$\{(\w+)\[@\]\+"\$\{\1\[@\]\}"\}', "", text)
    used = set(re.findall(r'"\$\{(\w+)\[@\]\}"', bare))
    assert "spot" in empty and not used & (empty - filled)


def test_a_dry_run_on_a_pod_prints_every_command_and_runs_none(call):
    done = call(*POD, *TRAIN, "--spot", "--dry-run", "--", "--config", "configs/x.py")
    assert done.returncode == 0, done.stderr
    assert "RAN" not in done.stderr
    create, install, train = (x for x in done.stdout.splitlines() if x[0] == "+")
    assert "queued-resources create pod" in create and "--spot" in create
    assert "v5litepod-16" in create
    assert "--worker all" in install and "launch/constraints.txt" in install
    assert "lmkjax.train" in train and "configs/x.py" in train
    # Saved when its slice is taken away, a run is not done: 0 would end the script.
    assert "--stopped-code\\ 75" in train
    assert "/mnt/runs/daln" in train


def test_a_dry_run_of_giving_back_deletes_only_in_words(call):
    done = call(*POD, "--delete", "--dry-run")
    assert done.stdout.startswith("+ gcloud compute tpus queued-resources delete pod")
    assert "RAN" not in done.stderr and done.returncode == 0


def test_a_command_that_fails_ends_the_script(call):
    done = call(*POD, *TRAIN)
    assert done.returncode == 9
    assert "create pod" in done.stderr and " ssh " not in done.stderr


# A cloud of one slice: its state is a file; the first training is cut off, or has time
# to save itself.
CLOUD = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >> calls
case "$*" in
  *describe*) cat state 2>/dev/null || exit 1;;
  *create*) echo ACTIVE > state;;
  *delete*) rm state;;
  *lmkjax.train*) [ -f was_cut ] || { touch was_cut; echo SUSPENDED > state; CUT; }
esac
"""


SAVED = 'case "$*" in *"--stopped-code 75"*) exit 75;; *) exit 0;; esac'


@pytest.mark.parametrize("cut", ["exit 255", SAVED], ids=["cut", "saved"])
def test_after_a_pre_emption_a_new_slice_goes_on(cut, call, tmp_path):
    (tmp_path / "gcloud").write_text(CLOUD.replace("CUT", cut))
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    done = call(*POD, *TRAIN)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "calls").read_text().splitlines()
    did = [
        word
        for line in lines
        for word in ("create", "delete", "pip install", "lmkjax.train")
        if word in line
    ]
    assert did == [*("create", "pip install", "lmkjax.train", "delete"), *did[:3]]


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ([*POD[:1], "--zone", "z"], "Wanted --name"),
        (POD, "Wanted --workdir"),
        ([*POD, "--nmae", "x"], "Unknown flag --nmae"),
        ([*POD, "--type"], "--type wants a value"),
        (SLURM, "Wanted the run's folder"),
        ([*SLURM, "--config", "configs/daln.py"], "Wanted the run's folder"),
    ],
)
def test_a_mistake_is_told(command, word, call):
    done = call(*command)
    assert done.returncode == 2
    assert word in done.stderr


def test_a_copy_without_an_origin_asks_for_the_repository(call, tmp_path):
    shutil.copy(POD[0], tmp_path / "alone.sh")
    done = call(tmp_path / "alone.sh", *POD[1:], "--workdir", "/mnt/x", "--dry-run")
    assert done.returncode == 2 and "Wanted --repo" in done.stderr


def test_a_dry_run_under_slurm_prints_the_command(call):
    done = call(*SLURM, "--dry-run", "runs/daln", "--config", "configs/daln.py:full")
    assert done.returncode == 0 and "RAN" not in done.stderr
    assert re.match(r"\+ srun .*-m lmkjax.train --workdir runs/daln", done.stdout)
    assert "configs/daln.py:full" in done.stdout


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("over", [False, True])
def test_a_slurm_job_is_queued_again_until_this_run_is_over(tmp_path, earlier, over):
    report, tools = tmp_path / "run/report/results.md", tmp_path / "tools"
    report.parent.mkdir(parents=True)
    tools.mkdir()
    if earlier:
        report.touch()
        os.utime(report, (0, 0))  # of a run of fewer steps
    end = f"touch {report}" if over else "true"
    for name, line in (("srun", f"sleep 0.05; {end}"), ("scontrol", 'echo "$@"')):
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "SLURM_JOB_ID": "7"}
    done = subprocess.run(
        [*SLURM, tmp_path / "run"], env=env, capture_output=True, text=True, check=True
    )
    assert ("requeue 7" in done.stdout) == (not over)
    assert {path.name for path in tmp_path.iterdir()} == {"run", "tools"}


def pods(jobset):
    """The Jobs of a JobSet, as Kubernetes would meet them, and their containers."""
    for replicated in jobset["spec"]["replicatedJobs"]:
        spec = replicated["template"]["spec"]
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}}
        yield job | {"spec": spec}, spec["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("file", JOBSETS, ids=lambda f: f.name)
def test_a_jobset_is_valid_and_its_numbers_agree(file):
    validate = pytest.importorskip("kubernetes_validate")
    jobset = yaml.safe_load(file.read_text())
    assert jobset["apiVersion"].startswith("jobset.x-k8s.io/")
    for job, container in pods(jobset):
        validate.validate(job, validate.latest_version(), strict=True)
        with pytest.raises(validate.ValidationError):
            wrong = job["spec"] | {"paralellism": 4}
            validate.validate(
                job | {"spec": wrong}, validate.latest_version(), strict=True
            )
        spec, args = job["spec"], container["args"]
        assert spec["parallelism"] == spec["completions"]
        if "--processes" in args:
            count = int(args[args.index("--processes") + 1])
            assert count == spec["parallelism"]
            host = args[args.index("--coordinator") + 1].partition(":")[0]
            name = jobset["metadata"]["name"]
            assert host == f"{name}-train-0-0.{name}"
        assert (ROOT / args[args.index("--config") + 1]).is_file()
        assert "--stopped-code=75" in args  # else a pod that is moved would be done
        shared = args[args.index("--workdir") + 1]
        mounts = [m["mountPath"] for m in container["volumeMounts"]]
        assert any(shared.startswith(mount + "/") for mount in mounts)


def test_a_tpu_slice_has_as_many_hosts_as_its_topology():
    jobset = yaml.safe_load((LAUNCH / "gke" / "jobset-tpu.yaml").read_text())
    job, container = next(pods(jobset))
    pod = job["spec"]["template"]["spec"]
    x, y = pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"].split("x")
    chips = container["resources"]["limits"]["google.com/tpu"]
    assert int(x) * int(y) == chips * job["spec"]["parallelism"]


@pytest.mark.parametrize("name", ["gke", "beam"])
def test_the_image_copies_what_is_there(name):
    text = (LAUNCH / name / "Dockerfile").read_text()
    copied = " ".join(re.findall(r"^COPY (.*) \S+$", text, re.M)).split()
    assert {"lmkjax", "pyproject.toml"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name


def test_every_file_is_told_of():
    text = (LAUNCH / "README.md").read_text()
    kinds = {".sh", ".sbatch", ".yaml", ".ipynb"}
    files = [file for file in LAUNCH.rglob("*") if file.suffix in kinds]
    assert {file.suffix for file in files} == kinds
    for file in files:
        assert file.name in text or file.stem.split("-")[0] in text, file.name


@pytest.fixture(scope="module")
def notebook():
    nbformat = pytest.importorskip("nbformat")
    found = nbformat.read(LAUNCH / "colab.ipynb", as_version=4)
    nbformat.validate(found)
    return found


def test_the_notebook_holds_no_logic_and_no_outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        assert not cell.outputs and cell.execution_count is None
        plain = "".join(
            line for line in cell.source.splitlines(True) if line[0] not in "!%"
        )
        if cell.source.startswith("%%"):
            continue
        for node in ast.walk(ast.parse(plain)):
            assert not isinstance(
                node, ast.FunctionDef | ast.ClassDef | ast.For | ast.While | ast.If
            ), cell.source


def test_the_notebooks_own_scheme_is_one(notebook, tmp_path):
    (cell,) = (c for c in notebook.cells if c.source.startswith("%%writefile"))
    first, text = cell.source.split("\n", 1)
    (tmp_path / first.split()[1]).write_text(text)
    assert schemes.get(str(tmp_path / first.split()[1])).count == 9 + 30 + 20


def test_the_notebooks_training_fits_each_size_that_it_names(notebook):
    (cell,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
    names = {}
    exec(cell.source, names)
    sizes = re.findall(r'"(tiny|laptop|full)"', cell.source)
    assert set(sizes) == set(ranges.SIZES)
    for size in sizes:
        file = str(ROOT / "configs/daln.py")
        config = config_file.load_config(file, names["LENGTH"], size=size)
        assert plan.build(config, to_train=False).training.length.minutes == 1


@pytest.mark.slow
def test_the_notebook_runs_and_shows_pictures(notebook, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    kept = []
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = (
                'SIZE = "tiny"\nFACES = "4"\nLENGTH = ["--config.train.steps=2"]'
            )
        if "install" in cell.metadata.get("tags", ()):
            continue
        kept.append(cell)
    notebook.cells = kept
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    nbclient.NotebookClient(
        notebook, timeout=400, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [
        output.data["image/png"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in getattr(output, "data", {})
    ]
    assert len(shown) == 4
    assert all(len(picture) > 5000 for picture in shown)
