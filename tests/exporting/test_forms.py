"""Other systems say of a crop what the network says, for any number of faces."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from lmkjax.adapt import adaptation
from lmkjax.detect import answers
from lmkjax.errors import UserError
from lmkjax.exporting import bundle, forms, program
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from tests.exporting import conftest

FEW = schemes.Scheme(
    "few", (("nose_bridge", 5), ("jaw", 9), ("right_iris", 4), ("left_iris", 4))
)
CLOSE_PX = 0.01


def noise(faces):
    """Pictures of nothing."""
    return np.random.default_rng(0).random((faces, 32, 32, 3), np.float32)


def run(form, file, names, outputs, arrays):
    """What a file says of arrays, in its own system."""
    if form == "stablehlo":
        return export.deserialize(bytearray(file.read_bytes())).call(*arrays)
    if form == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        return session.run(list(outputs), dict(zip(names, arrays, strict=True)))
    from ai_edge_litert import interpreter

    runner = interpreter.Interpreter(str(file)).get_signature_runner()
    every = [runner(**{names[0]: one[None]}) for one in arrays[0]]
    return [np.concatenate([said[name] for said in every]) for name in outputs]


def says_the_same(form, made, arrays, ours, folder):
    """Whether a program's file says what the network says."""
    file = folder / "network"
    bundle.FORMS[form](made, file)
    names = [one.name for one in made.inputs]
    found = run(form, file, names, made.outputs, arrays)
    assert made.outputs == ("points", "uncertainty", "visibility")
    for one, other in zip(found, ours, strict=True):
        assert np.shape(one) == np.shape(other)
        np.testing.assert_allclose(one, other, atol=CLOSE_PX, rtol=0)


def test_a_scheme_is_answered_for_several_faces(form, network, tmp_path):
    spec, weights = network
    images = noise(3)
    ours = answers.Predictor(spec, weights, None, flip=False)(jnp.asarray(images), FEW)
    assert np.ptp(np.asarray(ours.points), axis=(0, 1)).min() > 0.1  # they differ
    made = program.of_scheme(spec, weights, FEW)
    says_the_same(form, made, [images], ours, tmp_path)


@pytest.mark.parametrize("form", ["onnx", "stablehlo"])
def test_places_are_answered_however_many(form, network, tmp_path):
    conftest.want(form)
    spec, weights = network
    images, places = noise(2), marks.places(FEW)
    ours = answers.Predictor(spec, weights, None, flip=False)(jnp.asarray(images), FEW)
    arrays = [images, places.xyz, places.part, places.share]
    says_the_same(form, program.of_places(spec, weights), arrays, ours, tmp_path)


def test_a_label_adapter_goes_with_the_program(network, tmp_path):
    spec, weights = network
    random = np.random.default_rng(1)
    faces = random.normal(size=(12, 68, 2)) * 5 + 16
    adapter = adaptation.fit(faces, faces + random.normal(size=faces.shape), steps=0)
    images, ibug68 = noise(2), schemes.get("ibug68")
    ours = answers.Predictor(spec, weights, adapter, flip=False)
    ours = ours(jnp.asarray(images), ibug68)
    bare = answers.Predictor(spec, weights, None, flip=False)(
        jnp.asarray(images), ibug68
    )
    assert np.abs(np.asarray(ours.points - bare.points)).max() > 10 * CLOSE_PX
    made = program.of_scheme(spec, weights, ibug68, adapter=adapter)
    says_the_same("stablehlo", made, [images], ours, tmp_path)
    with pytest.raises(UserError, match="answers in ibug68"):
        program.of_scheme(spec, weights, FEW, adapter=adapter)


def test_a_network_of_one_scheme_takes_no_places_and_no_other_scheme():
    spec, weights = conftest.made(kernels="free")
    with pytest.raises(UserError, match="'ibug68' alone"):
        program.of_places(spec, weights)
    with pytest.raises(UserError, match="'few' is no part of it"):
        program.of_scheme(spec, weights, FEW)


def test_what_a_network_has_not_learned_is_no_output():
    spec, weights = conftest.made(confidence=False, dtype="bfloat16")
    made = program.of_scheme(spec, weights, FEW)
    assert made.outputs == ("points", "uncertainty")
    assert made.spec.dtype == "float32"  # other systems run no bfloat16 on a CPU


def test_tflite_takes_no_open_number_of_places(network, tmp_path):
    made = program.of_places(*network)
    with pytest.raises(UserError, match="--scheme"):
        forms.tflite(made, tmp_path / "network")
    assert not list(tmp_path.iterdir())
