"""Rendered faces whose heads are known, and how far fitted ones are off."""

import functools
import io
import pathlib
import time
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from lmkjax import files, types
from lmkjax.detect import detection
from lmkjax.face import drawing, labels
from lmkjax.face.shape import head as heads
from lmkjax.fitting import axes, expected, fits
from lmkjax.landmarks import schemes

SURE_PX = 0.1
"""How unsure true points are said to be."""
SHOWN = 4
"""Faces whose axes are drawn."""
CALM = 0.88
"""Share of the uncertainty that the network's errors have, on rendered faces."""


class Known(NamedTuple):
    """Faces of which all is known.

    Attributes:
        images: uint8 [n h w 3].
        boxes: as a detector takes them [n 4].
        record: what labels any of their points.
        vertices: of the heads, in their own axes, cm [n v 3].
        turns: heads' axes to the camera's [n 3 3].
        pose_deg: yaw, pitch and roll [n 3].
        expression: of the heads [n e].
        gaze_deg: of both eyes, as of `fits.Heads` [n 2 2].
    """

    images: np.ndarray
    boxes: np.ndarray
    record: types.Rendered
    vertices: np.ndarray
    turns: np.ndarray
    pose_deg: np.ndarray
    expression: np.ndarray
    gaze_deg: np.ndarray


def draw(count: int, *, seed: int, size: int) -> Known:
    """Faces drawn from the priors."""
    keys = types.faces_of(seed, np.arange(count, dtype=np.uint32))
    record = jax.device_get(drawing.records(keys, size=size))
    faces = jax.device_get(jax.jit(jax.vmap(labels.unpack))(record.params))
    eye = faces.camera
    pose = np.rad2deg(np.stack([eye.yaw_rad, eye.pitch_rad, eye.roll_rad], -1))
    sides = np.stack(jax.tree.leaves(faces.sides), -1)
    others = np.concatenate([sides, faces.youth[:, None]], -1)
    own = _heads(pose, faces.identity, faces.expression, others)
    return Known(
        images=np.round(record.image * 255).astype(np.uint8),
        boxes=np.asarray(record.box),
        record=record,
        vertices=own.vertices(),
        turns=own.turns(),
        pose_deg=pose,
        expression=faces.expression,
        gaze_deg=own.gaze_deg,
    )


def _heads(pose, identity, expression, others) -> fits.Heads:
    """Heads of which only shape, pose and gaze are known."""
    none = np.zeros(len(pose), np.float32)
    return fits.Heads(
        pose_deg=pose,
        expression=expression,
        identity=identity,
        others=others,
        points_cm=none,
        gaze_deg=np.asarray(fits.gaze(np.deg2rad(pose), expression)),
        focal_px=none,
        distance_cm=none,
        centre=none,
        residual_px=none,
        settled=none,
    )


def mean_head(faces: Known) -> dict[str, float]:
    """The errors of the head that is expected of everybody, its pose as it is."""
    mean, at = expected.load()[0], expected.slices()
    parts = [mean[at[name]] for name in ("identity", "expression", "others")]
    many = [np.tile(part, (len(faces.boxes), 1)) for part in parts]
    told = errors(_heads(faces.pose_deg, *many), faces)
    return {name: told[name] for name in ("shape_mm", "expression", "gaze_deg")}


def rows(
    detector: detection.Detector,
    faces: Known,
    scheme: schemes.Scheme,
    *,
    kinds: tuple[str, ...],
) -> list[dict[str, Any]]:
    """What heads fitted to a scheme's points err by: a row for each kind of points."""
    record = faces.record
    true, _ = labels.marker(scheme)(record.params, record.bare, record.thing)
    found = detector.find(list(faces.images), faces.boxes, scheme=scheme)
    chance = np.random.RandomState(0).normal(size=true.shape)
    moved = true + CALM * chance * found.uncertainty[..., None]
    each, sure = np.inf, np.full(true.shape[:2], SURE_PX)
    of = {
        "network": (found.points, found.uncertainty, found.visibility, fits.ALIKE),
        "independent": (moved, CALM * found.uncertainty, None, each),
        "true": (true, sure, None, each),
    }
    told = []
    for kind in kinds:
        points, unsure, seen, alike = of[kind]
        fit = functools.partial(fits.fit, scheme=scheme, alike=alike)
        # The first ones compile what all are fitted by.
        few = slice(0, fits.BATCH)
        own = None if seen is None else seen[few]
        fit(points[few], unsure[few], visibility=own)
        begin = time.process_time()
        fitted = fit(points, unsure, visibility=seen)
        ms = (time.process_time() - begin) / len(points) * 1000
        told.append({"points": scheme.count, "kind": kind, "ms": ms})
        told[-1] |= errors(fitted, faces)
    return told


def write_axes(path: pathlib.Path, detector: detection.Detector, faces: Known) -> None:
    """Draws the axes of the first heads, fitted to the points found, side by side."""
    few = list(faces.images[:SHOWN])
    fitted = detector.fit(few, faces.boxes[:SHOWN])
    drawn = [np.asarray(axes.draw(image, fitted, i)) for i, image in enumerate(few)]
    content = io.BytesIO()
    Image.fromarray(np.concatenate(drawn, 1)).save(content, format="JPEG", quality=85)
    files.write(path, content.getvalue())


def errors(fitted: fits.Heads, faces: Known) -> dict[str, float]:
    """How far fitted heads are off, by the names of the table's columns."""
    own = fitted.vertices()
    apart = np.linalg.norm(own - faces.vertices, axis=-1)[:, _face()] * 10
    between = np.einsum("nij,nij->n", fitted.turns(), faces.turns)
    angle = np.rad2deg(np.arccos(np.clip((between - 1) / 2, -1, 1)))
    angles = np.median(np.abs(fitted.pose_deg - faces.pose_deg), axis=0)
    found = {
        "shape_mm": _shape_mm(own, faces.vertices).mean(),
        "as_placed_mm": apart.mean(),
        "pose_deg": np.median(angle),
        "yaw_deg": angles[0],
        "pitch_deg": angles[1],
        "roll_deg": angles[2],
        "gaze_deg": np.median(_between(fitted.gaze_deg, faces.gaze_deg)),
        "expression": np.abs(fitted.expression - faces.expression).mean(),
        "settled": fitted.settled.mean(),
    }
    return {name: float(value) for name, value in found.items()}


def _between(own: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angles between directions, degrees; told as `Heads.gaze_deg` tells them."""
    (own_right, own_down), (right, down) = (
        np.moveaxis(np.deg2rad(x), -1, 0) for x in (own, true)
    )
    level = np.cos(own_down) * np.cos(down) * np.cos(own_right - right)
    cosine = level + np.sin(own_down) * np.sin(down)
    return np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))


def _face() -> np.ndarray:
    """The vertices that count: of the face, in front of the ears."""
    head = heads.load()
    ids = np.unique(head.triangles[head.part == head.part_names.index("face")])
    place = head.neutral[ids]
    return ids[(place[:, 1] > -9) & (place[:, 2] > 2)]


def _shape_mm(own: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean distance of each head's vertices after the best turn, shift and scale."""
    own, true = own[:, _face()], true[:, _face()]
    own, true = (x - x.mean(1, keepdims=True) for x in (own, true))
    left, sizes, right = np.linalg.svd(np.einsum("nki,nkj->nij", own, true))
    flip = np.ones_like(sizes)
    flip[:, -1] = np.sign(np.linalg.det(left @ right))
    turn = np.einsum("nij,nj,njk->nik", left, flip, right)
    scale = (sizes * flip).sum(-1) / (own**2).sum((1, 2))
    placed = scale[:, None, None] * (own @ turn)
    return np.linalg.norm(placed - true, axis=-1).mean(-1) * 10
