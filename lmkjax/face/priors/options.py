"""Priors by name: what a person asks for in words, such as `glasses=1 hats=0`."""

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import Annotated

from lmkjax.errors import UserError

Share = Annotated[float, "0 to 1"]
"""How often something is there: 0 = never, 1 = always."""
Signed = Annotated[float, "any"]
"""What may be below 0, too."""


@dataclasses.dataclass(frozen=True)
class Priors:
    """How faces are spread: what can be there, how often and how strongly.

    A `Share` of 0 switches an element off, and so does a spread or a strength of 0;
    a strength of 1 is that of photos. Angles are standard deviations in degrees.

    Attributes:
        yaw_deg: of most faces; a share `turned` has `wide_deg` instead.
        wide_deg: of turned faces.
        turned: of turned faces.
        down_deg: mean pitch: how far down faces look, against the neutral head.
        pitch_deg: up and down.
        roll_deg: tilt.
        large_poses: of heads turned anyhow, up to `largest_deg`.
        largest_deg: of those: yaw (evenly spread), pitch and roll (less often large).
        focal_mm: of the lens, shortest and longest, on 35 mm film.
        jitter: strength of the face's shift and zoom, which goes up to 1.22 times.
        identity: spread along the head's modes; 0 = everybody is the mean.
        children: of children.
        asymmetry: strength of the differences between the sides.
        expressions: strength; 0 = calm faces.
        blinks: of shut eyes.
        gaze: strength of looks aside.
        melanin: the palest and the darkest skin, and the power that bends the draw.
        redness: strength of blotches of blood and pigment.
        freckles: of pale faces with freckles.
        moles: of four places of a face, those with a mole.
        wrinkles: strength.
        oil: strength of the skin's shine.
        make_up: of made-up faces.
        brows: of faces with brows.
        lashes: strength of the dark line along the lids.
        beards: of faces with some beard.
        hair: of heads that are not bald.
        grey_hair: of grey and white hair.
        dyed_hair: of hair in any colour.
        receding: of hair that leaves the temples.
        glasses: with clear glasses.
        sunglasses: with dark ones.
        hats: with a hat or a cap.
        headphones: with some over the ears, and no hat.
        earrings: with studs or drops at the ears.
        scarves: with a scarf or a hood over the hair.
        masks: with a face mask.
        hands: with a hand before the face.
        things: with a microphone, a cup or a card before the face.
        hardness: mean share of the light that comes from lamps.
        shadows: strength of the shadows that the first lamp casts.
        occlusion: strength of the dark in what the sky does not reach.
        warmth: spread of the light's colour (logarithm of red over blue).
        plain: of backgrounds without shapes.
        gradients: strength of slopes in the background.
        shapes: of the background's shapes that are there.
        people: of backgrounds with one or two other heads, blurred.
        stripes: of striped backgrounds.
        clouds: strength of noise in the background.
        photos: of backgrounds from the user's own pictures, where there are some.
        defocus: strength of the blur of those.
        clothes: of people who wear some.
        patterns: of striped clothes.
        saturated: mean saturation of what is around.
        blur: mean defocus in 1/128 of the side.
        motion: of pictures blurred by motion.
        noise: mean spread of the sensor's noise.
        exposure: spread of the logarithm of the face's brightness.
        contrast: spread of the contrast's logarithm.
        cast: spread of the colour cast's logarithm.
        stained: of pictures with five times that cast.
        faded: spread of black's lift.
        grey: of pictures without colour.
        sepia: of brown pictures.
        low_resolution: of pictures enlarged from few pixels.
        jpeg: of pictures that bear the marks of strong JPEG.
    """

    yaw_deg: float = 15.0
    wide_deg: float = 26.0
    turned: Share = 0.08
    down_deg: Signed = 4.0
    pitch_deg: float = 8.5
    roll_deg: float = 6.8
    large_poses: Share = 0.1
    largest_deg: tuple[float, float, float] = (90.0, 45.0, 90.0)
    focal_mm: tuple[float, float] = (24.0, 135.0)
    jitter: float = 1.0
    identity: float = 1.0
    children: Share = 0.1
    asymmetry: float = 1.0
    expressions: float = 1.0
    blinks: Share = 0.06
    gaze: float = 1.0
    melanin: tuple[float, float, float] = (0.05, 2.3, 1.7)
    redness: float = 1.0
    freckles: Share = 0.15
    moles: Share = 0.2
    wrinkles: float = 1.0
    oil: float = 1.0
    make_up: Share = 0.35
    brows: Share = 1.0
    lashes: float = 1.0
    beards: Share = 0.38
    hair: Share = 0.92
    grey_hair: Share = 0.14
    dyed_hair: Share = 0.03
    receding: Share = 0.35
    glasses: Share = 0.11
    sunglasses: Share = 0.05
    hats: Share = 0.1
    headphones: Share = 0.015
    earrings: Share = 0.15
    scarves: Share = 0.025
    masks: Share = 0.02
    hands: Share = 0.06
    things: Share = 0.06
    hardness: float = 0.5
    shadows: Share = 1.0
    occlusion: Share = 1.0
    warmth: float = 0.18
    plain: Share = 0.25
    gradients: float = 1.0
    shapes: Share = 1.0
    people: Share = 0.12
    stripes: Share = 0.2
    clouds: float = 1.0
    photos: Share = 1.0
    defocus: float = 1.0
    clothes: Share = 1.0
    patterns: Share = 0.3
    saturated: float = 0.35
    blur: float = 0.34
    motion: Share = 0.02
    noise: float = 0.003
    exposure: float = 0.38
    contrast: float = 0.12
    cast: float = 0.07
    stained: Share = 0.12
    faded: float = 0.03
    grey: Share = 0.06
    sepia: Share = 0.02
    low_resolution: Share = 0.03
    jpeg: Share = 0.06


PRIORS = Priors()
"""Faces as photos show them."""

STAND_IN = Priors(
    large_poses=0.0,
    melanin=(0.3, 2.4, 1.0),
    hardness=0.75,
    warmth=0.4,
    grey=0.2,
    sepia=0.15,
    noise=0.02,
    blur=0.9,
    contrast=0.25,
    cast=0.16,
    saturated=0.75,
    masks=0.04,
    glasses=0.17,
    sunglasses=0.08,
    hats=0.2,
    scarves=0.05,
    hands=0.15,
    things=0.15,
)
"""Other looks, poses as in 300-W: takes the place of a target domain of real photos."""

LOOKS = {"photo": PRIORS, "stand_in": STAND_IN}
"""Priors to begin with, by name."""
KNOWN = {field.name: field for field in dataclasses.fields(Priors)}


def choose(looks: str, words: str | Iterable[str]) -> Priors:
    """The priors of a look, some of them replaced.

    Args:
        looks: one of `LOOKS`.
        words: `name=value` each, or one text of them with blanks between; a value of
            several numbers has commas between: `melanin=0.05,2.3,1.7`.

    Raises:
        UserError: an unknown look or prior, a value that is not of its kind.
    """
    if looks not in LOOKS:
        raise UserError(f"Unknown looks '{looks}'; known: {sorted(LOOKS)}.")
    return change(LOOKS[looks], words)


def change(priors: Priors, words: str | Iterable[str]) -> Priors:
    """Priors, some of them replaced; `words` and errors as for `choose`."""
    words = words.split() if isinstance(words, str) else list(words)
    values = dict(_read(word) for word in words)
    if len(values) != len(words):
        raise UserError(f"Wanted each prior once; got {' '.join(words)}.")
    return dataclasses.replace(priors, **values)


def tell(priors: Priors, looks: str) -> str:
    """What `choose` was asked for: the words that make a look into these priors."""
    words = []
    for name in KNOWN:
        value = getattr(priors, name)
        if value != getattr(LOOKS[looks], name):
            numbers = value if isinstance(value, tuple) else (value,)
            words.append(f"{name}={','.join(f'{number:.15g}' for number in numbers)}")
    return " ".join(words)


def table() -> str:
    """All priors with what they mean and what is usual, as Markdown."""
    told = Priors.__doc__.split("Attributes:")[1]
    meanings = dict(re.findall(r"^ {8}(\w+): (.*)$", told, re.MULTILINE))
    kinds = {Share: "share", Signed: "any number"}
    lines = ["| prior | kind | photo | stand_in | |", "|---|---|--:|--:|---|"]
    for name, field in KNOWN.items():
        kind = kinds[field.type] if field.type in kinds else "at least 0"
        values = (getattr(LOOKS[looks], name) for looks in ("photo", "stand_in"))
        shown = (str(value).strip("()") for value in values)
        lines.append(f"| `{name}` | {kind} | {' | '.join(shown)} | {meanings[name]} |")
    return "\n".join(lines)


def _read(word: str) -> tuple[str, float | tuple[float, ...]]:
    name, _, text = word.partition("=")
    if name not in KNOWN:
        raise UserError(f"Unknown prior '{name}'; known: {', '.join(KNOWN)}.")
    default, share = KNOWN[name].default, KNOWN[name].type is Share
    wanted = len(default) if isinstance(default, tuple) else 1
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    low = -math.inf if KNOWN[name].type is Signed else 0.0
    low = 1e-3 if name == "focal_mm" else low  # their logarithms are taken
    high = 1.0 if share else math.inf
    fine = all(low <= n <= high and math.isfinite(n) for n in numbers)
    if len(numbers) != wanted or not fine:
        kind = "one number" if wanted == 1 else f"{wanted} numbers with commas between"
        limits = "from 0 to 1" if share else f"of at least {low:g}"
        raise UserError(
            f"Wanted '{name}=' and {kind} {limits}; got '{word}'. Usual: {default}."
        )
    return name, numbers if wanted > 1 else numbers[0]
