"""Contact sheets on which one element varies, and all else is held at a plain face."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lmkjax.errors import UserError
from lmkjax.face import drawing
from lmkjax.face.optics import sensor
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options, sample
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes
from lmkjax.types import each_of, one_of, purpose, purposes

COLUMNS = 8
PLAIN = (
    "yaw_deg=0 turned=0 large_poses=0 down_deg=2 pitch_deg=0 roll_deg=0 jitter=0"
    " focal_mm=70,75 children=0 expressions=0 blinks=0 gaze=0 redness=0.5"
    " freckles=0 moles=0 wrinkles=0.3 make_up=0 beards=0 hair=1"
    " grey_hair=0 dyed_hair=0 receding=0"
    " glasses=0 sunglasses=0 hats=0 headphones=0 earrings=0 scarves=0 masks=0 hands=0"
    " things=0 hardness=0.4 warmth=0.05 plain=1 gradients=0.3 stripes=0 people=0"
    " clouds=0 photos=0 clothes=1 patterns=0 saturated=0.15 blur=0.25 motion=0"
    " noise=0.002 exposure=0.05 contrast=0 cast=0 stained=0 faded=0 grey=0 sepia=0"
    " low_resolution=0 jpeg=0"
)
"""Priors of the faces that are held."""

Amount = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Row:
    """One person, many times.

    Attributes:
        label: what is written beside it.
        parts: what is drawn anew in each picture, such as "hair" or "skin.iris".
        words: priors that it is drawn with, on top of those of photos.
        person: priors of the person, on top of `PLAIN`.
        sweep: parts, and their values at 0 (the first picture) to 1 (the last).
    """

    label: str
    parts: tuple[str, ...] = ()
    words: str = ""
    person: str = ""
    sweep: tuple[tuple[str, Amount], ...] = ()


def _between(low, high) -> Amount:
    low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
    return lambda t: low + (high - low) * t.reshape(-1, *[1] * low.ndim)


def _sweep(label, *pairs, person=""):
    return Row(label, person=person, sweep=pairs)


def _turn(label, field, most_deg):
    most = math.radians(most_deg)
    return _sweep(label, (f"camera.{field}", _between(-most, most)))


def _expressions(**full: float) -> Amount:
    """Amounts of expressions that grow together."""

    def amount(t: np.ndarray) -> np.ndarray:
        known = heads.load().expression_names
        row = np.zeros(len(known), np.float32)
        for name, most in full.items():
            row[known.index(name)] = most
        return t[:, None] * row[None]

    return amount


def _gaze(label: str, first: tuple[str, str], second: tuple[str, str]) -> Row:
    """From the first full look of both eyes over none to the second."""
    one, other = (
        _expressions(**{f"eyeLook{way}": 1.0 for way in ways})
        for ways in (first, second)
    )

    def amount(t: np.ndarray) -> np.ndarray:
        return one(np.maximum(1 - 2 * t, 0)) + other(np.maximum(2 * t - 1, 0))

    return _sweep(label, ("expression", amount))


def _around(t: np.ndarray) -> np.ndarray:
    """Three lamps' directions; the first goes from one side to the other."""
    turn = np.deg2rad(-110 + 220 * t)
    first = np.stack([0.9 * np.sin(turn), 0.43 + 0 * t, 0.9 * np.cos(turn)], -1)
    others = np.broadcast_to([[[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]], (len(t), 2, 3))
    return np.concatenate([first[:, None], others], 1)


def _kinds() -> list[Row]:
    """A row for each way in which people move their faces."""
    table = json.loads((heads.ASSETS / "expressions.json").read_text())
    return [
        _sweep(label, ("expression", _expressions(**kind["full"])))
        for label, kind in table.items()
        if kind["full"]
    ]


_WORN = (
    "glasses",
    "sunglasses",
    "hats",
    "headphones",
    "earrings",
    "hands",
    "things",
)
_COLOURS = ("skin.brow", "skin.beard_colour")
_LIGHT, _HARD = ("light", "sensor.exposure"), "hardness=0.9"
_ALONE = "people=0"
_FAIR = "melanin=0.05,0.2,1"
_LOST = tuple(  # by a sensor; exposure belongs to the light
    f"sensor.{field.name}"
    for field in dataclasses.fields(sensor.Sensor)
    if field.name != "exposure"
)


def _only(worn: str) -> Row:
    words = " ".join(f"{name}={int(name == worn)}" for name in _WORN)
    return Row(worn, ("props",), words)


ELEMENTS: dict[str, list[Row]] = {
    "identity": [
        *[Row("as drawn", ("identity", "sides"))] * 3,
        Row("children", ("identity", "sides", "youth"), "children=1"),
        Row("sides apart", ("sides",), "asymmetry=2"),
    ],
    "expression": [*_kinds(), *[Row("as drawn", ("expression",))] * 2],
    "pose": [
        _turn("yaw 90", "yaw_rad", 90),
        _turn("pitch 45", "pitch_rad", 45),
        _turn("roll 45", "roll_rad", 45),
        _sweep("near, far", ("camera.distance_cm", lambda t: 40 * 10**t)),
        Row("as drawn", ("camera",)),
        Row("large poses", ("camera",), "large_poses=1"),
    ],
    "hair": [
        *[Row("as drawn", ("hair", *_COLOURS))] * 2,
        *[Row("never bald", ("hair", *_COLOURS), "hair=1 scarves=0")] * 2,
        Row("receding", ("hair.line",), "receding=1"),
        Row("grey", ("hair", *_COLOURS), "grey_hair=1 hair=1 scarves=0"),
        Row("dyed", ("hair", *_COLOURS), "dyed_hair=1 hair=1 scarves=0"),
        Row("scarves", ("hair",), "scarves=1"),
    ],
    "eyes": [
        Row("irises", ("skin.iris", "skin.eye")),
        _gaze("aside", ("Out_L", "In_R"), ("In_L", "Out_R")),
        _gaze("up, down", ("Up_L", "Up_R"), ("Down_L", "Down_R")),
        _sweep("shut", ("expression", _expressions(eyeBlink_L=1, eyeBlink_R=1))),
        _sweep(
            "lash lines",
            ("skin.liner.upper", _between(0, 1)),
            ("skin.liner.lower", _between(0, 0.6)),
        ),
        Row("made up", ("skin.shadow", "skin.liner"), "make_up=1"),
        Row("brows", ("skin.brow",)),
    ],
    "skin": [
        _sweep("melanin", ("skin.melanin", _between(0.05, 2.3))),
        _sweep("blood", ("skin.blood", _between(0.1, 0.7))),
        Row("blotches", ("skin.mottle",), "redness=2 freckles=0"),
        Row("freckles", ("skin.mottle",), f"freckles=1 {_FAIR}", _FAIR),
        Row("moles", ("skin.moles",), "moles=1"),
        _sweep("wrinkles", ("skin.age", _between(0, 1))),
        _sweep("oil", ("skin.oil", lambda t: 0.005 * 40**t)),
        Row("lips", ("skin.lips", "skin.lipstick"), "make_up=1"),
        Row("beards", ("skin.beard",), "beards=1"),
    ],
    "light": [
        Row("as drawn", _LIGHT),
        Row("no lamp", _LIGHT, "hardness=0"),
        Row("lamps", _LIGHT, "hardness=0.9"),
        Row("coloured", _LIGHT, "warmth=0.6"),
        _sweep("from aside", ("light.directions", _around), person=_HARD),
        _sweep("soft edge", ("light.softness", _between(0, 1)), person=_HARD),
        _sweep("cast shadow", ("light.shadow", _between(0, 1)), person=_HARD),
        _sweep("sky shut out", ("light.occlusion", _between(0, 1))),
    ],
    "occluders": [
        *map(_only, _WORN),
        _only("things"),
        Row("scarves", ("hair",), "scarves=1"),
        Row("masks", ("skin.mask",), "masks=1"),
    ],
    "background": [
        Row("as drawn", ("scene",)),
        Row(
            "gradients", ("scene",), f"plain=1 stripes=0 gradients=2 clouds=0 {_ALONE}"
        ),
        Row("shapes", ("scene",), f"plain=0 shapes=1 stripes=0 clouds=0 {_ALONE}"),
        Row("stripes", ("scene",), f"plain=1 stripes=1 clouds=0 {_ALONE}"),
        Row("clouds", ("scene",), f"plain=0 shapes=0 stripes=0 clouds=1.5 {_ALONE}"),
        Row("people", ("scene",), "plain=1 stripes=0 clouds=0 people=1"),
        Row("colourful", ("scene",), "saturated=1"),
        Row("your own, if any", ("backdrop",)),
        Row(
            "clothes",
            (
                "scene.cloth_colour",
                "scene.stripe_colour",
                "scene.cloth_pattern",
                "scene.shoulders",
            ),
        ),
    ],
    "sensor": [
        Row("as drawn", _LOST),
        _sweep("defocus", ("sensor.blur", _between([0.1, 0.1], [3, 3]))),
        _sweep("motion", ("sensor.motion", _between([0, 0], [5, 2.5]))),
        _sweep(
            "noise",
            ("sensor.shot_noise", _between(0, 0.06)),
            ("sensor.colour_noise", _between(0, 0.04)),
        ),
        _sweep("few pixels", ("sensor.coarse", _between(1, 4))),
        _sweep("JPEG", ("sensor.jpeg", _between(0, 0.35))),
        _sweep("contrast", ("sensor.contrast", _between(0.7, 1.4))),
        _sweep("colour", ("sensor.saturation", _between(0, 1.5))),
        _sweep("sepia", ("sensor.sepia", _between(0, 1))),
        Row("stained", ("sensor.cast",), "cast=0.35 stained=0"),
        _sweep("faded", ("sensor.black", _between(0, 0.2))),
    ],
}
"""What each sheet shows."""
CLOSER = {"eyes": (0.25, 0.17)}
"""Sheets that show half of each picture's width and height, from this corner on."""


def draw(
    element: str,
    *,
    size: int,
    seed: int,
    backgrounds: backdrop.Pictures | None = None,
) -> Image.Image:
    """The sheet of one element: a row for each thing that it can do.

    Args:
        element: one of `ELEMENTS`.
        size: side of a picture, pixels.
        seed: of the people and of what varies.
        backgrounds: see `backdrop.load`; shown on the sheet of backgrounds.

    Raises:
        UserError: an unknown element.
    """
    if element not in ELEMENTS:
        raise UserError(
            f"Unknown element '{element}' for a sheet; known: {', '.join(ELEMENTS)}."
        )
    labels, tiles = [], []
    for number, row in enumerate(ELEMENTS[element]):
        key = one_of(purpose(seed, "sheet"), number)
        params = faces(row, key)
        large = size * (2 if element in CLOSER else 1)
        # The scheme does not matter: no point is drawn.
        drawn = drawing.draw(
            params, schemes.get("ibug68"), size=large, backgrounds=backgrounds
        ).image
        if element in CLOSER:
            x, y = (round(large * corner) for corner in CLOSER[element])
            drawn = drawn[:, y : y + size, x : x + size]
        labels.append(row.label)
        tiles.append(np.uint8(np.asarray(drawn) * 255 + 0.5))
    return _labelled(labels, np.stack(tiles))


def faces(row: Row, key: jax.Array) -> sample.FaceParams:
    """The plain person of a row, `COLUMNS` times, each with what varies."""
    who, what = purposes(key, "who", "what")
    plain = options.change(options.change(options.PRIORS, PLAIN), row.person)
    same = sample.many(jnp.stack([who] * COLUMNS), plain)
    varied = options.change(options.PRIORS, row.words)
    other = sample.many(each_of(what, jnp.arange(COLUMNS)), varied)
    for part in row.parts:
        same = _put(same, part, functools.reduce(getattr, part.split("."), other))
    place = np.linspace(0, 1, COLUMNS, dtype=np.float32)
    for part, amount in row.sweep:
        same = _put(same, part, jnp.asarray(amount(place), jnp.float32))
    return same


def _put(params, part, value):
    """The parameters with one part, such as "skin" or "skin.age", replaced."""
    name, _, rest = part.partition(".")
    inner = _put(getattr(params, name), rest, value) if rest else value
    return params.replace(**{name: inner})


def _labelled(labels: list[str], tiles: np.ndarray) -> Image.Image:
    """Rows of pictures with what each row shows written over its first one."""
    rows, columns, size = tiles.shape[:3]
    sheet = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)
    picture = Image.fromarray(sheet)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(max(10, size // 12))
    for row, label in enumerate(labels):
        place = (size // 24, row * size + size // 32)
        pen.text(
            place, label, fill="white", font=font, stroke_width=2, stroke_fill="black"
        )
    return picture
