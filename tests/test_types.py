"""Chance: each purpose has keys of its own, and keys are made in one place."""

import ast
import itertools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lmkjax import types
from lmkjax.face.priors import sample
from lmkjax.studio import gallery
from lmkjax.training import mesh, state

ROOT = pathlib.Path(__file__).parents[1]
HOME = ROOT / "lmkjax" / "types.py"
FILES = [
    file
    for room in ("lmkjax", "launch", "data_builders")
    for file in sorted((ROOT / room).rglob("*.py"))
    if not file.stem.endswith("_test")
]
MAKERS = {"key", "PRNGKey", "split", "fold_in"}
NUMBERS = np.arange(64, dtype=np.uint32)


def calls(file):
    """The functions called in a file, as they are written, with their arguments."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.args


def purposes():
    """Every purpose that the code names, those of streams and terms included."""
    names = {"source", "target", "supervised", "label_transfer", "daln"}
    names |= {"discriminator", "mean_teacher", "mild", "disparity", *sample.PARTS}
    for file, kind in itertools.product(FILES, ("purpose", "purposes")):
        for called, arguments in calls(file):
            if called.rpartition(".")[2] == kind:
                rest = arguments[1:]
                names |= {a.value for a in rest if isinstance(a, ast.Constant)}
    return sorted(names)


def rows(keys):
    return [tuple(row) for row in np.asarray(jax.random.key_data(keys))]


@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_no_two_purposes_and_no_number_of_one_have_the_same_key(seed):
    names = purposes()
    assert {"weights", "steps", "faces", "parts", "sheet"} <= set(names)
    own = types.purposes(seed, *names)
    found = rows(own) + [r for key in own for r in rows(types.each_of(key, NUMBERS))]
    # Nor is it one that who splits or folds the bare seed would have.
    found += rows(types.each_of(jax.random.key(seed), NUMBERS))
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_keys_are_made_in_one_place(file):
    made = [
        called
        for called, _ in calls(file)
        if called.rpartition(".")[2] in MAKERS and "random" in called
    ]
    assert file == HOME or not made, "wants lmkjax.types.purpose, each_of or one_of"


def test_no_module_is_imported_to_make_keys_under_another_name():
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "") != "jax.random", file


def test_the_first_weights_are_drawn_from_no_faces_key(key):
    """The fault that was: half of a seed, split, made the weights, and so face 0."""
    weights = []

    def init(key):
        weights.append(jax.random.key_data(key))
        return {"w": jax.random.normal(key, (5, 3))}

    first = state.create(
        state.Start(init, optax.sgd(1.0)), mesh.build(jax.devices()[:1]), seed=4
    )
    faces = gallery.keys(4, 0, 64)
    drawn = jax.vmap(lambda k: jax.random.normal(k, (5, 3)))(faces)
    assert not (drawn == jnp.asarray(first.params["w"])[None]).all((1, 2)).any()
    assert tuple(jax.random.key_data(first.key)) not in rows(faces)


def test_a_face_of_a_seed_stays_that_face():
    """By hand, the checksum of "faces" written down: many machines draw one set."""
    wanted = jax.random.fold_in(jax.random.key(3), np.uint32(3369938827))
    wanted = jax.random.fold_in(wanted, 9)
    assert rows(types.faces_of(3, NUMBERS))[9] == rows(wanted[None])[0]


def test_numbers_beyond_two_to_the_31_are_other_faces():
    near, far = types.faces_of(0, np.array([5, 2**31 + 5], np.uint32))
    assert rows(jnp.stack([near])) != rows(jnp.stack([far]))
    listed = gallery.keys(0, 2**31, 6)
    assert rows(listed[5:]) == rows(jnp.stack([far]))


def test_seeds_of_the_host_differ_by_name_and_by_seed():
    seeds = [types.host_seed(s, n) for s in range(64) for n in ("parts", "mlp")]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < 2**32
