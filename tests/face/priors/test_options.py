"""Priors by name: what is read, what is refused, and that each does what it says."""

import dataclasses
import pathlib

import jax
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.face.priors import options, sample

KEYS = jax.random.split(jax.random.key(5), 256)  # enough for what is rare
STRAIGHT = {"yaw_deg": 0.0, "turned": 0.0, "large_poses": 0.0}
CALM = {"blinks": 0.0, "gaze": 0.0, "expressions": 0.0, "children": 0.0}
TOUCHED = {  # by a prior, beside what its name says: parts of the parameters
    "yaw_deg": "camera.yaw_rad",
    "wide_deg": "camera.yaw_rad",
    "turned": "camera.yaw_rad",
    "large_poses": "camera.yaw_rad camera.pitch_rad camera.roll_rad",
    "largest_deg": "camera.yaw_rad camera.pitch_rad camera.roll_rad",
    "down_deg": "camera.pitch_rad",
    "pitch_deg": "camera.pitch_rad",
    "roll_deg": "camera.roll_rad",
    "focal_mm": "camera.distance_cm",
    "jitter": "camera.shift camera.zoom",
    "identity": "identity expression",  # what a person can do
    "children": "youth skin.age skin.beard",
    "asymmetry": "sides",
    "expressions": "expression",
    "blinks": "expression",
    "gaze": "expression",
    # What follows from the skin's tone: who is fair-haired, the camera's exposure.
    "melanin": "skin hair.colour sensor.exposure",
    "redness": "skin.mottle.redness skin.mottle.pigment",
    "freckles": "skin.mottle.freckles",
    "moles": "skin.moles.radius_cm",
    "wrinkles": "skin.age",
    "oil": "skin.oil",
    "make_up": "skin.lipstick.cover skin.shadow.cover skin.liner.upper",
    "brows": "skin.brow.cover",
    "lashes": "skin.liner",
    "beards": "skin.beard",
    "hair": "hair.cover hair.curtain.length_cm",
    "grey_hair": "hair.colour hair.line.recede_cm skin.brow.colour skin.beard_colour"
    " skin.age",
    "dyed_hair": "hair.colour skin.brow.colour skin.beard_colour",
    "receding": "hair.line.recede_cm",
    "glasses": "props.glasses.worn",
    "sunglasses": "props.glasses.worn props.glasses.dark props.glasses.lens_colour",
    "hats": "props.hat.worn props.headphones.worn",
    "headphones": "props.headphones.worn",
    "earrings": "props.earrings.worn",
    "scarves": "hair",
    "masks": "skin.mask.worn",
    "hands": "props.limbs props.limb_skin props.card.there",
    "things": "props.limbs.radius_cm props.card.there",
    "hardness": "light.environment light.colours sensor.exposure",
    "shadows": "light.shadow",
    "occlusion": "light.occlusion",
    "warmth": "light.environment light.colours sensor.exposure",
    "plain": "scene.shapes.cover scene.clouds",
    "gradients": "scene.slope",
    "shapes": "scene.shapes.cover",
    "people": "scene.shapes",
    "stripes": "scene.stripes.strength",
    "clouds": "scene.clouds",
    "photos": "backdrop.there",
    "defocus": "backdrop.blur",
    "clothes": "scene.cloth_colour scene.stripe_colour",
    "patterns": "scene.cloth_pattern.stripes",
    "saturated": "scene.near_colour scene.far_colour scene.cloud_colour"
    " scene.shapes.colour scene.cloth_colour scene.stripe_colour hair.colour"
    " props.hat.colour props.limb_colour props.card.colour props.headphones.colour",
    "blur": "sensor.blur",
    "motion": "sensor.motion",
    "noise": "sensor.shot_noise sensor.colour_noise",
    "exposure": "sensor.exposure",
    "contrast": "sensor.contrast",
    "cast": "sensor.cast",
    "stained": "sensor.cast",
    "faded": "sensor.black",
    "grey": "sensor.saturation",
    "sepia": "sensor.sepia",
    "low_resolution": "sensor.coarse",
    "jpeg": "sensor.jpeg",
}
ABSENT = {  # what is 0 where a prior is 0
    "make_up": lambda face: face.skin.lipstick.cover + face.skin.shadow.cover,
    "freckles": lambda face: face.skin.mottle.freckles,
    "brows": lambda face: face.skin.brow.cover,
    "beards": lambda face: (
        face.skin.beard.chin + face.skin.beard.moustache + face.youth
    ),
    "masks": lambda face: face.skin.mask.worn,
    "earrings": lambda face: face.props.earrings.worn,
    "hats": lambda face: face.props.hat.worn,
    "scarves": lambda face: face.hair.cloth,
    "moles": lambda face: face.skin.moles.radius_cm.min(-1),
    "stripes": lambda face: face.scene.stripes.strength,
    "shapes": lambda face: face.scene.shapes.cover,
    "patterns": lambda face: face.scene.cloth_pattern.stripes,
    "motion": lambda face: np.abs(face.sensor.motion).sum(-1),
    "grey": lambda face: face.sensor.saturation == 0,
    "sepia": lambda face: face.sensor.sepia,
    "low_resolution": lambda face: face.sensor.coarse - 1,
    "jpeg": lambda face: face.sensor.jpeg,
}


def draw(**values):
    priors = dataclasses.replace(options.PRIORS, **values)
    return jax.tree.map(np.asarray, sample.many(KEYS, priors))


@pytest.fixture(scope="module")
def usual():
    return draw()


def changed(one, other):
    """The parts in which two crowds differ."""
    flat, _ = jax.tree.flatten_with_path(one)
    return {
        ".".join(step.name for step in path)
        for (path, leaf), twin in zip(flat, jax.tree.leaves(other), strict=True)
        if not np.allclose(leaf, twin, rtol=1e-5, atol=1e-6)
    }


@pytest.mark.parametrize("name", options.KNOWN)
def test_a_prior_changes_what_it_is_about_and_nothing_else(name, usual):
    value = getattr(options.PRIORS, name)
    if isinstance(value, tuple):
        value = tuple(1.3 * number for number in value)
    else:
        value = 0.0 if value == 1 else 1.0
    parts = changed(draw(**{name: value}), usual)
    assert parts, "a prior that does nothing"
    allowed = tuple(TOUCHED[name].split())
    assert all(part.startswith(allowed) for part in parts), parts
    for part in allowed:
        assert any(p.startswith(part) for p in parts), f"{part} should change"


@pytest.mark.parametrize("name", list(ABSENT))
def test_a_share_of_nothing_is_nothing_and_all_is_all(name):
    rest = {"plain": 0.0, "children": 0.0, "people": 0.0}
    none, all_ = (ABSENT[name](draw(**rest | {name: share})) for share in (0.0, 1.0))
    assert not none.any()
    if name == "freckles":  # dark skin has none to see
        assert (all_ > 1e-3).mean() > 0.5
    elif name == "make_up":  # lips or lids, or neither
        assert 0.6 < (all_ > 0).mean() < 1
    else:
        assert (all_ > 0).mean() > 0.99


def test_what_excludes_each_other_does():
    faces = draw(glasses=0.5, sunglasses=0.5, hands=0.5, things=0.5)
    assert (faces.props.glasses.worn == 1).all()
    dark = faces.props.glasses.dark > 0.5
    assert 0.3 < dark.mean() < 0.7
    hand = faces.props.limb_skin == 1
    rod = faces.props.limbs.radius_cm[:, 0] > 0
    thing = (faces.props.card.there == 1) | rod & ~hand
    assert (hand ^ thing).all() and 0.3 < hand.mean() < 0.7


def test_calm_people_without_pose_are_the_same_head():
    faces = draw(**CALM, identity=0.0, asymmetry=0.0, **STRAIGHT)
    sides = jax.tree.leaves(faces.sides)
    assert not faces.identity.any() and not any(side.any() for side in sides)
    assert not faces.camera.yaw_rad.any()
    names = sample.heads.load().expression_names
    lids = [names.index(f"eyeBlink_{side}") for side in "LR"]
    assert np.delete(faces.expression, lids, axis=1).max() == 0
    assert faces.expression.max() < 0.35  # lids that hang a little


def test_words_are_read():
    priors = options.choose("photo", "glasses=1 melanin=0.1,0.2,1")
    assert priors.glasses == 1 and priors.melanin == (0.1, 0.2, 1.0)
    assert priors.hats == options.PRIORS.hats
    assert options.choose("stand_in", ["hats=0"]).noise == options.STAND_IN.noise
    told = options.tell(priors, "photo")
    assert told == "melanin=0.1,0.2,1 glasses=1"
    assert options.choose("photo", told) == priors
    fine = options.choose("photo", "glasses=0.12345678 noise=0.00123456789")
    assert options.choose("photo", options.tell(fine, "photo")) == fine


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("glases=1", "Unknown prior 'glases'; known: yaw_deg, .* glasses, "),
        ("glasses", "one number from 0 to 1; got 'glasses'"),
        ("glasses=1.5", "from 0 to 1"),
        ("yaw_deg=-3", "at least 0"),
        ("noise=nan", "at least 0"),
        ("melanin=1", "3 numbers with commas"),
        ("focal_mm=0,50", "at least 0.001"),
        ("hats=1 hats=0", "each prior once"),
    ],
)
def test_what_cannot_be_is_refused(words, complaint):
    with pytest.raises(UserError, match=complaint):
        options.choose("photo", words)


@pytest.mark.parametrize("words", ["largest_deg=90,0,0", "melanin=0,2,1"])
def test_what_has_no_logarithm_may_be_0(words):
    name, _, told = words.partition("=")
    found = getattr(options.choose("photo", words), name)
    assert found == tuple(map(float, told.split(",")))


def test_unknown_looks_are_refused():
    with pytest.raises(UserError, match="known: .'photo', 'stand_in'"):
        options.choose("odd", "")


def test_the_readme_holds_the_table_as_the_code_has_it():
    readme = pathlib.Path(options.__file__).parents[1] / "README.md"
    assert options.table() in readme.read_text(), "put options.table() there"
