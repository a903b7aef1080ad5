"""No product of coordinates, geometry or metrics loses digits on an accelerator.

A float32 matrix product that does not name its precision runs with factors of 8 bits
on a TPU and of 10 on a GPU. What a CPU computes does not show it; the program does.
"""

import functools
import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.adapt import adaptation, label_mlp
from lmkjax.data import geometric, photometric
from lmkjax.evaluation import nme
from lmkjax.face import drawing
from lmkjax.face.optics import camera
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks, measures
from lmkjax.landmarks import heatmaps, points, schemes
from lmkjax.losses import adversarial, landmark
from lmkjax.types import Batch

B, K, SIZE = 3, 68, 8
KEY = jax.random.key(0)
POINTS = jnp.arange(B * K * 2, dtype=jnp.float32).reshape(B, K, 2)
MATRIX = jnp.broadcast_to(jnp.eye(3), (B, 3, 3))
MAPS = jnp.zeros((B, SIZE, SIZE, K))
VALID = jnp.ones((B, K), bool)
BOX = jnp.broadcast_to(jnp.array([1.0, 1.0, 6.0, 7.0]), (B, 4))
IMAGE = jnp.zeros((B, SIZE, SIZE, 3))
FACES = Batch(IMAGE, POINTS, VALID, BOX, jnp.ones(B, bool))
FACE = jax.tree.map(lambda x: x[0], FACES)
MIRROR = jnp.asarray(schemes.get("ibug68").mirror)
CHANCE = {
    "framing": points.Framing(1.4, 0.1),
    "size": SIZE,
    "rotation_deg": 9.0,
    "scale": 0.1,
    "shift": 0.1,
}
SIGMA = {"sigma_px": 1.0}

PLANE = {
    points.centres: lambda: points.centres(4, 5),
    points.rescale: lambda: points.rescale(POINTS, old_px=4, new_px=8),
    points.flip: lambda: points.flip(POINTS, MIRROR, width=8),
    points.apply: lambda: points.apply(MATRIX, POINTS),
    points.compose: lambda: points.compose(MATRIX, MATRIX),
    points.inverse: lambda: points.inverse(MATRIX),
    points.product: lambda: points.product(POINTS, MATRIX[:, :2, :2]),
    points.einsum: lambda: points.einsum("bkc,bij->bk", POINTS, MATRIX),
    points.similarity: lambda: points.similarity(
        POINTS[:, 0], POINTS[:, 1], BOX[:, 0], BOX[:, 1]
    ),
    points.crop: lambda: points.crop(BOX, framing=points.Framing(1.4, 0.1), size=SIZE),
    points.box: lambda: points.box(POINTS),
    points.inside: lambda: points.inside(POINTS, size=SIZE),
    points.from_origin: lambda: points.from_origin(POINTS, first_pixel_centre=1.0),
    heatmaps.softmax: lambda: heatmaps.softmax(MAPS),
    heatmaps.soft_argmax: lambda: heatmaps.soft_argmax(MAPS),
    heatmaps.spread: lambda: heatmaps.spread(MAPS),
    heatmaps.means: lambda: heatmaps.means(MAPS, MAPS, exact=True),
    heatmaps.argmax: lambda: heatmaps.argmax(MAPS),
    heatmaps.dark: lambda: heatmaps.dark(MAPS),
    heatmaps.decode: lambda: heatmaps.decode(MAPS, decoder="dark"),
    geometric.warp: lambda: geometric.warp(IMAGE[0], MATRIX[0], size=SIZE),
    geometric.place: lambda: geometric.place(FACE, MATRIX[0], size=SIZE),
    geometric.random_similarity: lambda: geometric.random_similarity(
        KEY, BOX[0], **CHANCE
    ),
    geometric.flip: lambda: geometric.flip(FACE, MIRROR),
    geometric.random_flip: lambda: geometric.random_flip(KEY, FACE, MIRROR, chance=0.5),
    geometric.occlude: lambda: geometric.occlude(FACE, BOX[0], IMAGE[0]),
    geometric.random_occlude: lambda: geometric.random_occlude(KEY, FACE, chance=0.5),
    geometric.augment: lambda: geometric.augment(
        KEY, FACES, MIRROR, flip_chance=0.5, occlude_chance=0.5, **CHANCE
    ),
    geometric.centre: lambda: geometric.centre(
        FACES, size=SIZE, framing=points.Framing(1.4, 0.1)
    ),
    photometric.augment: lambda: photometric.augment(
        KEY, IMAGE, colour=1.0, blur_chance=0.5
    ),
}
METRICS = {
    nme.distance: lambda: nme.distance(POINTS, normaliser="pupil"),
    nme.per_face: lambda: nme.per_face(POINTS, POINTS, FACES.mask, normaliser="ocular"),
    nme.measure: lambda: nme.measure(
        POINTS, POINTS, FACES.mask, regions=schemes.get("ibug68").regions
    ),
    landmark.points: lambda: landmark.points(MAPS, POINTS, VALID, **SIGMA),
    landmark.kl: lambda: landmark.kl(MAPS, POINTS, VALID, **SIGMA),
    landmark.mse: lambda: landmark.mse(MAPS, POINTS, VALID, **SIGMA),
    landmark.awing: lambda: landmark.awing(MAPS, POINTS, VALID, **SIGMA),
    adversarial.reverse: lambda: adversarial.reverse(MAPS, BOX[0, 0]),
    adversarial.nuclear_norm: lambda: adversarial.nuclear_norm(POINTS),
    adversarial.discrepancy: lambda: adversarial.discrepancy(POINTS, POINTS),
    adversarial.frobenius_norm: lambda: adversarial.frobenius_norm(POINTS),
    adversarial.places: lambda: adversarial.places(MAPS, grid=4),
    adversarial.around: lambda: adversarial.around(MAPS),
    adversarial.classes: lambda: adversarial.classes(MAPS, jnp.arange(8)),
    adversarial.cross_entropy: lambda: adversarial.cross_entropy(BOX[:, 0], FACES.mask),
}
PRODUCT = re.compile(r"stablehlo\.(dot_general|convolution)")
HOST = {  # they read files, or return names; or are of NumPy alone
    adaptation: {"fit", "load", "save", "subset"},
    nme: {"name_at"},
    adversarial: {"reversal_strength"},
    measures: {"table"},
    marks: {"anchors", "places", "pool"},
}


def head():
    return heads.load()


def vertices(amount=0.0):
    own = head()
    return own.vertices(
        jnp.full(own.modes, amount), jnp.zeros(len(own.expression_names))
    )


def eye():
    number = jnp.asarray(0.1)
    return camera.Camera(number, number, number, number + 60, jnp.zeros(2), number)


def view():
    return camera.frame(POINTS[0], eye(), size=SIZE)


def linear():
    params = {
        "centre": np.zeros(2 * K, np.float32),
        "linear": np.eye(2 * K, dtype=np.float32),
        "offset": np.zeros(2 * K, np.float32),
        "whiten": np.ones((2 * K, 5), np.float32),
        "narrow/kernel": np.ones((5, 7), np.float32),
        "narrow/bias": np.ones(7, np.float32),
        "widen/kernel": np.ones((7, 2 * K), np.float32),
        "widen/bias": np.ones(2 * K, np.float32),
    }
    return adaptation.Adapter(params, {})


SPACE = {
    camera.rotation: lambda: camera.rotation(eye()),
    camera.project: lambda: camera.project(vertices(), eye()),
    camera.frame: view,
    camera.to_pixels: lambda: camera.to_pixels(vertices(), view()),
    camera.rays: lambda: camera.rays(view(), size=SIZE),
    marks.locate: lambda: marks.locate(
        vertices(),
        vertices()[:, :2],
        marks.anchors(schemes.get("ibug68"), head()),
        head(),
    ),
    marks.sample: lambda: marks.sample(
        KEY, marks.pool(head()), marks.Draw(skin=3, head=1, curves=2, contour=2)
    ),
    marks.on_jaw: lambda: marks.on_jaw(BOX[0] / 8),
    marks.seen: lambda: marks.seen(vertices()[:5], IMAGE[0, ..., 0], IMAGE[0, ..., 1]),
    measures.measure: lambda: measures.measure(head(), vertices()),
    measures.identity: lambda: measures.identity(head(), {"jaw_width": 1.0}),
    measures.hold: lambda: measures.hold(
        head(), jnp.zeros(head().modes), {"jaw_width": jnp.ones(())}
    ),
    adaptation.apply: lambda: adaptation.apply(linear(), POINTS + 0),
}


def rounded_products(work) -> list[str]:
    """The products in a program whose factors an accelerator would round."""
    lowered = jax.jit(lambda nothing: jax.tree.leaves(work())).lower(0.0).as_text()
    lines = [line for line in lowered.splitlines() if PRODUCT.search(line[:200])]
    exact = ("[HIGHEST, HIGHEST]", "xi32>", "xui32>", "xi1>")
    return [line.strip() for line in lines if not any(word in line for word in exact)]


@pytest.fixture(autouse=True)
def as_a_user_has_it():
    """Whatever a test may have set, as a program starts."""
    assert jax.config.jax_default_matmul_precision is None


@pytest.mark.parametrize(
    "function", [*PLANE, *METRICS, *SPACE], ids=lambda f: f"{f.__module__}.{f.__name__}"
)
def test_its_products_keep_all_digits(function):
    work = {**PLANE, **METRICS, **SPACE}[function]
    assert not rounded_products(work)


@pytest.mark.parametrize(
    "module",
    [points, heatmaps, geometric, nme, landmark, adversarial, camera, marks, measures],
    ids=lambda m: m.__name__,
)
def test_no_function_is_left_out(module):
    here = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(inspect.unwrap(value) if callable(value) else None)
        and getattr(value, "__module__", "") == module.__name__
        and not name.startswith("_")
    ]
    known = {f.__name__ for f in [*PLANE, *METRICS, *SPACE]}
    assert here and not set(here) - known - HOST.get(module, set())


def test_a_whole_face_is_sampled_and_drawn_with_all_digits():
    scheme = schemes.get("ibug68")

    def work():
        face = sample.sample(KEY, measures={"jaw_width": 1.0})
        return drawing.render(face, scheme, size=16)

    assert not rounded_products(work)


def test_the_label_mlp_keeps_all_digits():
    module = label_mlp.LabelMLP(hidden=7, scores=5, landmarks=6)
    first = functools.partial(module.init, KEY)
    params = jax.eval_shape(first, POINTS)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), params)
    assert not rounded_products(lambda: module.apply(zeros, POINTS))


def test_a_product_that_names_no_precision_is_found():
    assert rounded_products(lambda: POINTS @ MATRIX[:, :2, :2])
    assert rounded_products(lambda: jnp.einsum("bkc,bcd->bkd", POINTS, MATRIX[:, :2]))


def test_the_spread_far_from_the_origin_keeps_its_digits():
    """E[x^2] - E[x]^2 of a Gaussian of 1.5 cells at 200 loses three of its digits."""
    size, sigma = 256, 1.5
    at = np.arange(size) + 0.5
    bell = -((at - 200.2) ** 2) / (2 * sigma**2)
    logits = jnp.asarray(bell[:, None] + bell[None], jnp.float32)[None, ..., None]
    low = logits - logits.max()
    assert float(heatmaps.spread(low)[0, 0]) == pytest.approx(1.5, abs=1e-4)
