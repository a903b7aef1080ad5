"""What laws are tried on: faces mirrored, bare and turned, and rays through them."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.face import composition, drawing, picture
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks, surface
from lmkjax.landmarks import schemes


def geometry(
    params: sample.FaceParams, scheme: schemes.Scheme, *, size: int
) -> picture.Geometry:
    """The heads of many faces with their landmarks, in NumPy's arrays."""
    shapes = _heads(params, size)
    points = _landmarks(shapes, params.camera, scheme)
    return jax.tree.map(np.asarray, shapes.replace(points=points))


# What takes long to compile, the heads, knows no scheme; one after another, for
# a thousand heads at once would fill the memory.
@functools.partial(jax.jit, static_argnums=1)
def _heads(params, size):
    ibug68 = schemes.get("ibug68")
    return jax.lax.map(lambda p: drawing.geometry(p, ibug68, size=size), params)


@functools.partial(jax.jit, static_argnums=2)
def _landmarks(shapes, eyes, scheme):
    return jax.lax.map(lambda a: drawing.landmarks(*a, scheme), (shapes, eyes))


def see(
    params: sample.FaceParams, scheme: schemes.Scheme, *, size: int
) -> tuple[picture.Geometry, np.ndarray, np.ndarray]:
    """The heads of many faces, and what their own depth hides of them.

    Returns:
        The heads, what became of each landmark [n k], and the depth [n h w] in cm;
        NumPy's arrays.
    """
    shapes = geometry(params, scheme, size=size)
    depth = _depth(shapes, size)
    states = _states(shapes.points, depth)
    return shapes, np.asarray(states), np.asarray(depth)


@functools.partial(jax.jit, static_argnums=1)
def _depth(shapes, size):
    return jax.lax.map(lambda s: composition.see_head(s, size=size).depth, shapes)


@jax.jit
@jax.vmap
def _states(points, depth):
    return marks.seen(points, depth, jnp.full_like(depth, jnp.inf))


def mirrored(params: sample.FaceParams) -> sample.FaceParams:
    """The parameters of the same faces in a mirror, but for what noise breaks up."""
    swap = jax.vmap(heads.load().mirrored)
    identity, expression = swap(params.identity, params.expression)
    pose, lamps = params.camera, params.light
    across = jnp.array([-1.0, 1.0, 1.0])
    odd = jnp.array([1.0, -1, 1, 1, -1, 1, 1, -1, 1])  # of light.irradiance's basis
    return params.replace(
        sides=jax.tree.map(jnp.negative, params.sides),
        identity=identity,
        expression=expression,
        camera=pose.replace(
            yaw_rad=-pose.yaw_rad,
            roll_rad=-pose.roll_rad,
            shift=pose.shift * across[None, :2],
        ),
        light=lamps.replace(
            directions=lamps.directions * across[None, None],
            environment=lamps.environment * odd[None, :, None],
        ),
    )


def bare(params: sample.FaceParams) -> sample.FaceParams:
    """The same heads without hair, props, spots and grain."""
    taken = params.sensor
    return params.replace(
        hair=params.hair.replace(cover=params.hair.cover * 0),
        skin=params.skin.replace(
            mottle=_none(params.skin.mottle),
            beard=_none(params.skin.beard),
            moles=_none(params.skin.moles),
        ),
        props=_none(params.props),
        sensor=taken.replace(
            shot_noise=taken.shot_noise * 0,
            colour_noise=taken.colour_noise * 0,
            motion=taken.motion * 0,
            coarse=taken.coarse * 0 + 1,
            jpeg=taken.jpeg * 0,
        ),
    )


def _none(part):
    return jax.tree.map(jnp.zeros_like, part)


def turned(params: sample.FaceParams, yaw_deg: float) -> sample.FaceParams:
    """The same faces, all with this yaw."""
    yaw = jnp.full_like(params.camera.yaw_rad, math.radians(yaw_deg))
    return params.replace(camera=params.camera.replace(yaw_rad=yaw))


@dataclasses.dataclass(frozen=True)
class Rays:
    """Rays from the camera through one picture, at one head's triangles.

    Attributes:
        corners: of the triangles, x and y in pixels and depth in cm [t 3 3].
    """

    corners: np.ndarray

    @classmethod
    def through(cls, shape: picture.Geometry, number: int) -> "Rays":
        """Rays at head `number` of several."""
        pixels = shape.pixels[number].astype(np.float64)
        return cls(pixels[surface.load(shape.surface.head).triangles])

    @functools.cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Each triangle's least and greatest x and y, and a hair's breadth more."""
        low, high = (f(self.corners[:, :, :2], axis=1) for f in (np.min, np.max))
        slack = 0.01 * (high - low)
        return low - slack, high + slack

    def near(self, spot: np.ndarray, reach_px: float) -> "Rays":
        """The same with those triangles alone that rays around `spot` may meet."""
        low, high = self._bounds
        met = (low <= spot + reach_px) & (spot - reach_px <= high)
        return Rays(self.corners[met.all(1)])

    def pierce(self, spot: np.ndarray) -> np.ndarray:
        """Depths at which the ray through the picture's `spot` meets the head, cm."""
        (x0, y0), (x1, y1), (x2, y2) = (
            self.corners[:, j, :2].T - spot[:, None] for j in range(3)
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        area = np.where(np.abs(area) < 1e-12, np.nan, area)
        weights = np.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], 1)
        weights /= area[:, None]
        hit = (weights > -1e-3).all(1)
        return 1 / (weights[hit] / self.corners[hit, :, 2]).sum(1)
