"""A small network with weights by chance, and which forms this environment can make."""

import importlib.util

import jax
import numpy as np
import pytest

from lmkjax.detect import specs
from lmkjax.exporting import bundle
from lmkjax.landmarks import schemes
from lmkjax.types import purpose

RUNS = {"onnx": "onnxruntime", "stablehlo": "jax", "tflite": "ai_edge_litert"}
"""What runs each form."""


def want(form):
    """Skips a test where a form can be neither made nor run."""
    for name in (*bundle.NEEDS[form], RUNS[form]):
        if importlib.util.find_spec(name) is None:
            pytest.skip(
                f"needs {name}: pip install -c launch/{form}/constraints.txt"
                f" -e '.[{form}]' pytest in an environment of its own"
            )


@pytest.fixture(params=bundle.FORMS)
def form(request):
    want(request.param)
    return request.param


def made(**fields):
    """A network's spec and its first weights."""
    told = {"scheme": schemes.get("ibug68"), "input_px": 32, "stacks": 1}
    told |= {"features": 8, "depth": 2, "gain": 16.0, "dtype": "float32"}
    told |= {"transfer_features": 0, "critic": False, "decoder": "soft_argmax"}
    told |= {"margin": 1.45, "up": 0.13, "trained_on": "nothing", "kernels": "place"}
    told |= {"kernel_width": 16, "confidence": True, "learned_places": False}
    spec = specs.Spec(**(told | fields))
    weights = jax.jit(spec.start)(purpose(0, "weights"))
    return spec, jax.tree.map(np.asarray, weights)


@pytest.fixture(scope="session")
def network():
    return made()
