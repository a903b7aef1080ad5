"""A picture of what each measure of the head does to one calm, bare face."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from lmkjax.face import drawing
from lmkjax.face.optics import camera
from lmkjax.face.priors import limits, options, sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import measures
from lmkjax.landmarks import schemes
from lmkjax.types import purpose

SIDE_YAW_RAD = 1.0
"""How far heads turn in the picture where a measure runs from front to back."""


def picture() -> Image.Image:
    """One face at -2, 0 and +2 standard deviations of each measure."""
    size, columns = 128, 3
    head, names = heads.load(), measures.NAMES
    people = jnp.stack(
        [measures.identity(head, {n: a}) for n in names for a in (-2.0, 0.0, 2.0)]
    )
    side = jnp.array(
        [n in ("chin_forward", "nose_depth") for n in names for _ in "abc"]
    )
    faces = _plain(people, side * SIDE_YAW_RAD)
    drawn = drawing.draw(faces, schemes.get("ibug68"), size=size)
    images = np.uint8(np.asarray(drawn.image) * 255 + 0.5)
    rows = -(-len(names) // columns)
    sheet = Image.new("RGB", (columns * (3 * size + 8), rows * (size + 16)))
    pen = ImageDraw.Draw(sheet)
    for i, image in enumerate(images):
        row, column = divmod(i // 3, columns)
        left, top = column * (3 * size + 8), row * (size + 16)
        sheet.paste(Image.fromarray(image), (left + i % 3 * size, top + 16))
        pen.text((left + 4, top + 2), f"{names[i // 3]}: -2, 0, +2", fill="white")
    return sheet


def _plain(people, yaw_rad):
    """Calm, bald, bare faces in even light, one for each identity."""
    calm = dataclasses.replace(
        options.PRIORS,
        **dict.fromkeys(
            "turned large_poses roll_deg pitch_deg yaw_deg jitter identity children"
            " asymmetry expressions blinks gaze freckles moles wrinkles make_up beards"
            " hair glasses sunglasses hats headphones earrings scarves masks hands"
            " things hardness warmth noise cast"
            " exposure contrast stained grey sepia low_resolution jpeg motion".split(),
            0.0,
        ),
        down_deg=4.0,
        melanin=(0.4, 0.41, 1.0),
        focal_mm=(80.0, 81.0),
    )
    keys = jnp.broadcast_to(purpose(4, "manual"), len(people))
    faces, head = sample.many(keys, calm), heads.load()
    rest = jax.vmap(lambda i, e: limits.apply(head, i, e))(people, faces.expression * 0)
    pose = faces.camera.replace(
        yaw_rad=yaw_rad, zoom=faces.camera.zoom + camera.CLOSEST
    )
    return faces.replace(identity=people, expression=rest, camera=pose)
