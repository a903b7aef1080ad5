"""Light on a surface: a low-order environment, a few lamps and their shadows."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float

from lmkjax.face.optics import barrier, raster
from lmkjax.landmarks import points as plane
from lmkjax.types import typed

MAP_PX = 72
REACH_CM = 19.0
"""The shadow map's side in pixels, and how far it reaches from the head's origin."""
TILES = 7500
"""Room for the map's tiles: 1.4 times what any of 500 heads with hair needed."""


@struct.dataclass
class Light:
    """What shines on a face; colours are linear RGB, directions point to the light.

    Attributes:
        environment: irradiance as a polynomial of the normal: 1, x, y, z, xy, yz,
            3 z^2 - 1, xz, x^2 - y^2.
        directions: of the lamps, unit vectors in the camera's axes.
        colours: of the lamps.
        softness: 0 = the first lamp is a point, 1 = wide: blurs its shadow.
        shadow: depth of the shadows that it casts, 0 to 1.
        occlusion: depth of the dark in what the sky does not reach, 0 to 1.
    """

    environment: Float[Array, "*b 9 3"]
    directions: Float[Array, "*b l 3"]
    colours: Float[Array, "*b l 3"]
    softness: Float[Array, "*b"]
    shadow: Float[Array, "*b"]
    occlusion: Float[Array, "*b"]


@typed
def irradiance(
    normals: Float[Array, "*n 3"], environment: Float[Array, "9 3"]
) -> Float[Array, "*n 3"]:
    """What the environment gives to a surface of each normal; never below 0."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    one = jnp.ones_like(x)
    basis = [one, x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    channels = [
        sum(b * environment[i, c] for i, b in enumerate(basis)) for c in range(3)
    ]
    return jnp.maximum(jnp.stack(channels, -1), 0.0)


@typed
def diffuse(
    normals: Float[Array, "*n 3"],
    shadow: Float[Array, "*n"],
    occlusion: Float[Array, "*n"],
    light: Light,
    *,
    wrap: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Float[Array, "*n 3"]:
    """The light that arrives at a matt surface.

    Args:
        normals: unit vectors.
        shadow: share of the first lamp that arrives.
        occlusion: share of the environment that arrives.
        light: the lights.
        wrap: how far, per channel, light creeps round into the shade, as it does
            under skin, the red the furthest.
    """
    total = irradiance(normals, light.environment) * occlusion[..., None]
    for i in range(light.directions.shape[0]):
        cosine = _dot(normals, light.directions[i])
        reach = shadow if i == 0 else 0.35 + 0.65 * occlusion
        channels = [
            jnp.maximum((cosine + w) / (1 + w), 0.0) * reach * light.colours[i, c]
            for c, w in enumerate(wrap)
        ]
        total += jnp.stack(channels, -1)
    return total


@typed
def gloss(
    normals: Float[Array, "*n 3"],
    views: Float[Array, "*n 3"],
    shadow: Float[Array, "*n"],
    light: Light,
    *,
    power: float,
) -> Float[Array, "*n 3"]:
    """The lamps' highlights on a surface that reflects all; the caller scales them.

    Args:
        normals: unit vectors.
        views: unit vectors to the camera.
        shadow: share of the first lamp that arrives.
        light: the lights.
        power: the higher, the smaller and brighter the highlight.
    """
    peaks = []
    for i in range(light.directions.shape[0]):
        way = jnp.broadcast_to(light.directions[i], views.shape)
        half = way + views
        size = jax.lax.rsqrt((half**2).sum(-1) + 1e-9)
        cosine = jnp.maximum((normals * half).sum(-1) * size, 1e-4)
        lit = jnp.clip(4 * _dot(normals, light.directions[i]), 0.0, 1.0)
        peak = (power + 8) / 25 * jnp.exp(power * jnp.log(cosine)) * lit
        peaks.append(peak * shadow if i == 0 else peak)
    # Else each channel would work the highlights out anew.
    peaks = barrier.barrier(peaks)
    channels = [
        sum(peak * light.colours[i, c] for i, peak in enumerate(peaks))
        for c in range(3)
    ]
    return jnp.stack(channels, -1)


def unit(vector: jax.Array) -> jax.Array:
    """Vectors of length 1 that point the same way; one of length 0 stays."""
    return vector * jax.lax.rsqrt((vector**2).sum(-1, keepdims=True) + 1e-9)


def _dot(normals, direction):
    return sum(normals[..., i] * direction[i] for i in range(3))


@typed
def lamp_view(
    points: Float[Array, "v 3"], direction: Float[Array, " 3"]
) -> Float[Array, "v 3"]:
    """Points as a far lamp sees them: x, y in pixels of its shadow map, depth in cm.

    Args:
        points: turned vertices, cm.
        direction: to the lamp, unit vector.
    """
    up = jnp.where(jnp.abs(direction[1]) < 0.9, jnp.eye(3)[1], jnp.eye(3)[0])
    right = jnp.cross(up, direction)
    right *= jax.lax.rsqrt((right**2).sum() + 1e-9)
    axes = jnp.stack([right, jnp.cross(direction, right)])
    flat = plane.product(points, axes.T)
    scale = MAP_PX / (2 * REACH_CM)
    place = jnp.stack([flat[:, 0], -flat[:, 1]], -1) * scale + MAP_PX / 2
    return jnp.concatenate(
        [place, 60.0 - plane.product(points, direction)[:, None]], -1
    )


@typed
def shadows(
    points: Float[Array, "v 3"],
    triangles: np.ndarray,
    light: Light,
    *,
    keep: Bool[Array, " t"] | None = None,
    tiles: int = TILES,
) -> Float[Array, " v"]:
    """How much of the first lamp, which is far, each vertex sees, 0 to 1.

    Args:
        points: turned vertices, cm.
        triangles: what casts shadows.
        light: its first direction, softness and depth of shadows are read.
        keep: which triangles are there; all, if None.
        tiles: room for the map's tiles.
    """
    view = lamp_view(points, light.directions[0])
    seen = raster.rasterise(view, triangles, size=MAP_PX, tiles=tiles, keep=keep).depth
    place, depth = view[:, :2], view[:, 2]
    total = jnp.zeros_like(depth)
    spread = 0.6 + 1.6 * light.softness
    taps = [(dx, dy) for dx in (-1.0, 0.0, 1.0) for dy in (-1.0, 0.0, 1.0)]
    for dx, dy in taps:
        at = place + (jnp.array([dx, dy]) * spread)[None]
        gap = depth - raster.look_up(seen, at)
        total += jnp.clip((gap - 0.7) / 0.5, 0.0, 1.0)
    return 1 - light.shadow * total / len(taps)


def occlusion(
    vertices: np.ndarray, triangles: np.ndarray, normals: np.ndarray
) -> np.ndarray:
    """The share of the sky that each vertex sees: once per head, on the host.

    Args:
        vertices: cm, v x 3.
        triangles: t x 3.
        normals: unit vectors, v x 3.

    Returns:
        0 (shut in) to 1, one value per vertex.
    """
    count = 64  # directions tried
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    ring = np.sqrt(1 - height**2)
    directions = np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], -1)
    steps = [(i / 4, j / 4) for i in range(5) for j in range(5 - i)]
    corners = vertices[triangles]
    samples = np.concatenate(
        [
            corners[:, 0] * (1 - a - b) + corners[:, 1] * a + corners[:, 2] * b
            for a, b in steps
        ]
    )
    open_, full = np.zeros(len(vertices)), np.zeros(len(vertices))
    for way in directions:
        axes = np.linalg.svd(way[None])[2][1:]
        cosine = np.maximum(normals @ way, 0)
        board = np.full((100, 100), -np.inf)
        cell = _cells(samples @ axes.T)
        np.maximum.at(board, (cell[:, 0], cell[:, 1]), samples @ way)
        cell = _cells(vertices @ axes.T)
        seen = board[cell[:, 0], cell[:, 1]] - vertices @ way < 0.8
        open_ += cosine * seen
        full += cosine
    return (open_ / np.maximum(full, 1e-9)).astype(np.float32)


def _cells(flat):
    return np.clip((flat / 0.4 + 50).astype(int), 0, 99)
