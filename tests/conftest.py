"""Eight pretended devices, strict ranks, and what several tests share."""

import functools
import inspect
import os
import pathlib
import shutil
import tempfile

from jaxlib import version  # without JAX, which reads the environment below

EMITTERS = "xla_cpu_use_fusion_emitters"  # XLA's newer way to machine code, and slower
# From 0.11.1 on it is the only way, and a flag that XLA does not know ends the process.
CHOICE = version.__version_info__ < (0, 11, 1)
os.environ["XLA_FLAGS"] = (
    f"--{EMITTERS}=false " * CHOICE
    + os.environ.get("XLA_FLAGS", "")
    + " --xla_force_host_platform_device_count=8"
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Nearly all of the suite's time is compiling; code that runs once need not be fast.
# A training step takes 11 s so, and 7 s with the line above too.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# What one process of the suite has compiled, no other compiles again. Made by the
# first process and handed down, so nothing is written into the cache of the person
# who runs the tests; with a size, so that JAX locks what it writes.
CACHE = None
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    CACHE = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="lmkjax-")
    os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] = str(4 * 10**9)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from jax._src import compiler  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")


def numbers(compare):
    """A comparison of NumPy's that NaN does not pass, unless it says `equal_nan=True`.

    NumPy takes NaN for equal to NaN: where both sides come from what is tested, all
    of it could be lost and no test would tell.
    """

    @functools.wraps(compare)
    def compared(actual, desired, *args, **words):
        if not words.get("equal_nan"):
            for array in map(np.asarray, (actual, desired)):
                none = array.dtype.kind in "fc" and np.isnan(array).any()
                assert not none, f"not a number among them: {array}"
        return compare(actual, desired, *args, **words)

    return compared


for name in ("assert_allclose", "assert_array_equal"):
    setattr(np.testing, name, numbers(getattr(np.testing, name)))


LONG = (
    "test_commands.py",
    "test_each_learns.py",
    "test_processes.py",
    "test_two_ways.py",
    "test_devices.py",
    "test_render.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Long files come first, so that no process ends with one while another idles."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_unconfigure():
    """What was compiled goes with the process that made the folder."""
    if CACHE:
        shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture(scope="module")
def optimised():
    """XLA optimises, as it does for users; how far, for each program of the module.

    The levels are those of the options that go to XLA, but for what a program asks for
    itself, and so is the way to machine code. Nothing compiled without is used within,
    and nothing of it outside.
    """
    levels, make = [], compiler.compile_or_get_cached

    def watched(*args, **words):
        given = inspect.signature(make).bind(*args, **words).arguments
        options = given["compile_options"]
        if CHOICE and EMITTERS not in dict(options.env_option_overrides):
            options.env_option_overrides = [
                *options.env_option_overrides,
                (EMITTERS, True),
            ]
        debug = options.executable_build_options.debug_options
        levels.append(debug.xla_backend_optimization_level)
        return make(*args, **words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "compile_or_get_cached", watched)
        before = jax.config.values["jax_disable_most_optimizations"]
        jax.config.update("jax_disable_most_optimizations", False)
        jax.clear_caches()
        yield levels
        jax.config.update("jax_disable_most_optimizations", before)
        jax.clear_caches()


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder of real photos and the original head, if it lies beside us."""
    folder = pathlib.Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the folder ../shared (photos, FaceKit), which is not here")
    return folder
