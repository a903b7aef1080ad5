"""Where landmarks lie on one head, and what stands before them.

A scheme's landmarks lie at the same places of every head, and so do places drawn by
chance from a pool; the visible contour has none before there is a camera.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int

from lmkjax.errors import UserError
from lmkjax.face.optics import raster
from lmkjax.face.shape import atlas, contour, lines
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import surface as surfaces
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import (
    BEHIND_HEAD,
    BEHIND_OBJECT,
    CONTOUR,
    EYES,
    OUTSIDE,
    SKIN,
    VISIBLE,
    Key,
    Places,
    typed,
)

JAW = 257
"""Points of the fixed jaw line between which a contour's place is read."""
POOL = (32_768, 8192, 8192)
"""Places of the pool: of the skin, of the rest of the head, of curves."""
FACE_CM, NECK_CM = -9.0, -13.0
"""Down to which height the face's skin is taken, and the rest of the head."""
SUNLESS = 0.05
"""Skin that sees less of the sky lies inside the nose or the mouth."""
OFF_CM = 1.0
"""A single point further off the mean head's surface is none of the head."""
EYE_RAD = math.radians(35)
"""How far from its axis an eyeball may show between the lids."""


@struct.dataclass
class Anchors:
    """Where landmarks lie on a head: each a mean of three vertices, moving with them.

    Attributes:
        ids: of the vertices. The contour's landmarks stand on the fixed jaw line here.
        weights: of the vertices, which sum to 1.
        share: of the contour's landmarks, the way from the right ear over the chin to
            the left ear, as in `lmkjax.types.Places`; 0 elsewhere.
        contour: which landmarks are the visible contour's; they lie side by side.
    """

    ids: Int[Array, "*b k 3"]
    weights: Float[Array, "*b k 3"]
    share: Float[Array, "*b k"]
    contour: range = struct.field(pytree_node=False, default=range(0))

    def of(self, values: np.ndarray | Float[Array, "v c"]) -> Float[Array, "k c"]:
        """What the vertices carry, where the landmarks lie; of one face."""
        return (values[self.ids] * self.weights[..., None]).sum(-2)


@dataclasses.dataclass(frozen=True)
class Draw:
    """How many places are drawn for a face.

    Attributes:
        skin: of the face, ears and what shows of the eyeballs, evenly by area.
        head: of scalp and neck, likewise.
        curves: of the named curves, of each in dense1001's proportion.
        contour: of the visible contour, evenly from ear to ear.
    """

    skin: int
    head: int
    curves: int
    contour: int

    @property
    def count(self) -> int:
        """How many in all."""
        return self.skin + self.head + self.curves + self.contour


@struct.dataclass
class Pool:
    """Many places of a head that a step draws some of.

    Attributes:
        anchors: where they lie on the head; none is of the contour.
        places: what they are.
        ends: where skin, rest of the head and curves end; neighbours lie near each
            other, so that draws at even steps are spread over the head.
    """

    anchors: Anchors
    places: Places
    ends: tuple[int, int, int] = struct.field(pytree_node=False)


@functools.cache
def anchors(scheme: schemes.Scheme, head: heads.HeadLike) -> Anchors:
    """A scheme's landmarks on a head, as arrays of the host.

    Args:
        scheme: which landmarks.
        head: the head that they lie on.

    Raises:
        UserError: the head is not what `heads.HeadLike` says, or a single point of
            the scheme does not lie on the project's mean head.
    """
    heads.check(head)
    parts = [lines.lay(head, name, count) for name, count in scheme.curves]
    if scheme.points:
        parts.append(atlas.nearest(head, _settled(scheme), atlas.SOLID))
    ids, weights = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    share, own = np.zeros(len(ids), np.float32), range(0)
    if "jaw" in scheme.starts:
        start, count = scheme.starts["jaw"], dict(scheme.curves)["jaw"]
        own = range(start, start + count)
        share[start : start + count] = np.linspace(0, 1, count)
    return Anchors(ids, weights, share, own)


def _settled(scheme):
    """Where a scheme's single points lie on the project's mean head itself [p 3]."""
    own, told = heads.load(), np.array([place for _, place in scheme.points])
    ids, weights = atlas.nearest(own, told, atlas.SOLID)
    found = (own.neutral[ids] * weights[..., None]).sum(1)
    off = np.linalg.norm(found - told, axis=1)
    if off.max() > OFF_CM:
        worst = off.argmax()
        raise UserError(
            f"Scheme '{scheme.name}': its point '{scheme.points[worst][0]}' at"
            f" {told[worst].round(2).tolist()} lies {off[worst]:.1f} cm off the mean"
            f" head; wanted at most {OFF_CM:g} cm. The nearest place of the head is"
            f" {found[worst].round(2).tolist()}; `lmkjax render --page` shows the head"
            " and writes down the places that one clicks."
        )
    return found


@functools.cache
def places(scheme: schemes.Scheme) -> Places:
    """What a scheme's landmarks are on the project's own head, as host arrays."""
    own = heads.load()
    found = anchors(scheme, own)
    xyz = found.of(own.neutral)
    part = _part(own, found.ids)
    part[found.contour] = CONTOUR
    xyz[found.contour] = on_jaw(found.share[found.contour])
    return Places(xyz.astype(np.float32), part, found.share)


@functools.cache
def pool(head: heads.HeadLike) -> Pool:
    """The pool of a head, the same every time, as arrays of the host."""
    face, rest = _areas(head)
    groups = [_scatter(head, face, POOL[0]), _scatter(head, rest, POOL[1])]
    like = dict(schemes.get("dense1001").curves)
    like["jaw_surface"] = like.pop("jaw")
    share = POOL[2] / sum(like.values())
    curve = tuple((n, 2 * round(k * share / 2)) for n, k in like.items())
    own = anchors(schemes.Scheme("pool", curve), head)
    groups.append((own.ids, own.weights))
    ids, weights = (np.concatenate(arrays) for arrays in zip(*groups, strict=True))
    ends = np.cumsum([len(group[0]) for group in groups])
    none = np.zeros(len(ids), np.float32)
    at = Anchors(ids, weights, none)
    xyz = at.of(atlas.places(head)).astype(np.float32)
    return Pool(at, Places(xyz, _part(head, ids), none), tuple(map(int, ends)))


def _part(head, ids):
    """EYES where a point's vertices are an eyeball's, else SKIN [k]."""
    eyes = heads.eyeballs(head) if "eyes" in head.part_names else (np.empty(0, int),)
    of_eye = np.isin(ids[:, 0], np.concatenate(eyes))
    return np.where(of_eye, EYES, SKIN).astype(np.int32)


def _areas(head):
    """Triangles and their areas: of face, ears and eyeballs; of scalp and neck."""
    own = atlas.places(head)[head.triangles]
    middle, sides = own.mean(1), own[:, 1:] - own[:, :1]
    size = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2
    sky = surfaces.load(head).open_sky[head.triangles].mean(1)
    number = functools.partial(heads.number, head)
    face, scalp = head.part == number("face"), head.part == number("head")
    face, scalp = face & (sky > SUNLESS), scalp & (middle[:, 1] > NECK_CM)
    shown = np.zeros_like(face)
    if "eyes" in head.part_names:
        for centre in head.eye_centres:
            way = middle - atlas.places(head)[centre]
            near = way[:, 2] > np.linalg.norm(way, axis=1) * math.cos(EYE_RAD)
            shown |= near & (head.part == number("eyes")) & (np.abs(way[:, 0]) < 2)
    high = middle[:, 1] > FACE_CM
    neck = face & ~high & (middle[:, 1] > NECK_CM)
    return (face & high | shown) * size, (scalp | neck) * size


def _scatter(head, area, count):
    """Places by chance, evenly by area, neighbours beside each other."""
    if not area.any():
        return np.empty((0, 3), np.int32), np.empty((0, 3), np.float32)
    rng = np.random.RandomState(0)
    triangle = rng.choice(len(area), count, p=area / area.sum())
    share = rng.random_sample((count, 2))
    share = np.where(share.sum(1, keepdims=True) > 1, 1 - share, share)
    weights = np.concatenate([1 - share.sum(1, keepdims=True), share], 1)
    ids = head.triangles[triangle].astype(np.int32)
    xyz = np.einsum("kcx,kc->kx", atlas.places(head)[ids], weights)
    order = np.argsort(_along(xyz))
    return ids[order], weights[order].astype(np.float32)


def _along(xyz):
    """Where places lie along a line through all cells of space (Morton's)."""
    cell = (xyz - xyz.min(0)) / (np.ptp(xyz, axis=0).max() + 1e-6) * 1024
    bits = cell.astype(np.int64)[:, None] >> np.arange(10)[None, :, None] & 1
    return (bits << (3 * np.arange(10)[:, None] + np.arange(3))).sum((1, 2))


@typed
def sample(key: Key, pool: Pool, draw: Draw) -> tuple[Anchors, Places]:
    """Places for one face, drawn by chance; those of the contour come last.

    Places of a kind are drawn at even steps along the pool, each step by chance, so
    that every place is as likely as any other and they are spread over the head.

    Args:
        key: of the face.
        pool: of its head.
        draw: how many of each kind.
    """
    starts = (0, *pool.ends[:-1])
    kinds = zip(starts, pool.ends, (draw.skin, draw.head, draw.curves), strict=True)
    step = jax.random.uniform(key, (draw.count,))
    rows, done = [], 0
    for start, end, count in kinds:
        at = jnp.arange(count) + step[done : done + count]
        number = jnp.floor(at * ((end - start) / max(count, 1))).astype(jnp.int32)
        rows.append(jnp.clip(start + number, start, max(start, end - 1)))
        done += count
    rows.append(jnp.zeros(draw.contour, jnp.int32))
    way = (jnp.arange(draw.contour) + step[done:]) / max(draw.contour, 1)
    row = jnp.concatenate(rows)
    own = range(done, draw.count)
    share = jnp.concatenate([jnp.zeros(done), way])
    at = Anchors(
        jnp.asarray(pool.anchors.ids)[row],
        jnp.asarray(pool.anchors.weights)[row],
        share,
        own,
    )
    there = slice(done, draw.count)
    xyz = jnp.asarray(pool.places.xyz)[row].at[there].set(on_jaw(way))
    part = jnp.asarray(pool.places.part)[row].at[there].set(CONTOUR)
    return at, Places(xyz, part, share)


def on_jaw(share: np.ndarray | Float[Array, " k"]) -> Float[Array, "k 3"]:
    """Where the fixed jaw line of the mean head is, so far along.

    Args:
        share: of the way from the right ear (0) over the chin (0.5) to the left one.
    """
    line = _jaw()
    at = np.linspace(0, 1, len(line), dtype=np.float32)
    numbers = np if isinstance(share, np.ndarray) else jnp
    return numbers.stack([numbers.interp(share, at, axis) for axis in line.T], -1)


@functools.cache
def _jaw():
    own = heads.load()
    ids, weights = lines.lay(own, "jaw_surface", JAW)
    return np.einsum("kcx,kc->kx", own.neutral[ids], weights)


def locate(
    vertices: Float[Array, "v 3"],
    flat: Float[Array, "v 2"],
    at: Anchors,
    head: heads.HeadLike,
) -> Float[Array, "k 3"]:
    """The landmarks' places, in the axes that `vertices` has.

    Args:
        vertices: the head's own, cm.
        flat: the same on the image plane, y down: there the contour is looked for.
        at: where the landmarks lie on the head; may be traced.
        head: whose vertices they are.
    """
    found = at.of(vertices)
    if not at.contour:
        return found
    there = slice(at.contour.start, at.contour.stop)
    share = jnp.asarray(at.share)[there]
    _, ids, weights = contour.visible(flat, contour.band(head), share)
    return found.at[there].set(plane.einsum("kcx,kc->kx", vertices[ids], weights))


def seen(
    points: Float[Array, "k 3"],
    head_depth: Float[Array, "h w"],
    object_depth: Float[Array, "h w"],
    *,
    slack_cm: float = 0.5,
) -> Int[Array, " k"]:
    """What became of each landmark.

    Args:
        points: x, y in pixels, depth in cm.
        head_depth: of the bare head; inf beside it.
        object_depth: of what hides it (hair, glasses, hands); inf where nothing is.
        slack_cm: how far a landmark may lie behind what is drawn and still be seen.
    """
    size = head_depth.shape[0]
    spot = points[:, :2]
    taps = [jnp.array([[dx, dy]]) for dx in (-0.7, 0.7) for dy in (-0.7, 0.7)]
    # The farthest of the pixels around, so that an edge does not hide itself.
    head = jnp.stack([raster.look_up(head_depth, spot + tap) for tap in taps]).max(0)
    thing = raster.look_up(object_depth, spot)
    state = jnp.where(points[:, 2] > head + slack_cm, BEHIND_HEAD, VISIBLE)
    state = jnp.where(points[:, 2] > thing - 0.05, BEHIND_OBJECT, state)
    inside = ((spot >= 0) & (spot <= size)).all(-1)
    return jnp.where(inside, state, OUTSIDE).astype(jnp.int8)
