"""Renderings: laws that hold between a picture, its points and its parameters."""

import contextlib
import dataclasses
import io
import json
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax import render as command
from lmkjax.errors import UserError
from lmkjax.face import drawing, picture
from lmkjax.face.optics import camera
from lmkjax.face.priors import options, sample
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from lmkjax.studio.audit import laws, population, sharpness, survey, trials

SIZE, COUNT = 48, 4
SCHEME = schemes.get("ibug68")
PHOTOS = pathlib.Path(__file__).parents[2] / "data_builders/ibug_300w/dummy_data"


def draw(first):
    keys = gallery.keys(3, first, COUNT)
    # As the command calls it, so that all tests share what was compiled.
    return drawing.faces(keys, SCHEME, size=SIZE, priors=options.PRIORS)


@pytest.fixture(scope="module")
def params():
    return sample.many(gallery.keys(3, 0, COUNT))


@pytest.fixture(scope="module", params=["as on photos", "turned anyhow"])
def heads(request, params):
    """What the laws are tried on; the same programs draw both."""
    if request.param == "as on photos":
        return params
    priors = dataclasses.replace(options.PRIORS, large_poses=1.0)
    far = sample.many(gallery.keys(26, 0, COUNT), priors)
    assert (np.abs(np.rad2deg(far.camera.yaw_rad)) > 55).all()
    for angle in (far.camera.pitch_rad, far.camera.roll_rad):
        assert np.abs(np.rad2deg(angle)).max() > 30
    return far


@pytest.fixture(scope="module")
def faces():
    return draw(0)


def geometry(params, scheme=SCHEME):
    return trials.geometry(params, scheme, size=SIZE)


def test_the_same_key_gives_the_same_picture_alone_and_in_a_batch(faces):
    again = draw(2)
    np.testing.assert_array_equal(again.image[0], faces.image[2])
    np.testing.assert_array_equal(again.points[0], faces.points[2])


def test_no_number_in_any_parameter_gives_no_numbers(params):
    """In turn: each face of a draw has a NaN in an array of its own."""
    leaves, tree = jax.tree.flatten(params)
    for first in range(0, len(leaves), COUNT):
        spoilt = list(leaves)
        for face, number in enumerate(range(first, min(first + COUNT, len(leaves)))):
            spoilt[number] = spoilt[number].at[face].set(jnp.nan)
        drawn = drawing.draw(jax.tree.unflatten(tree, spoilt), SCHEME, size=SIZE)
        flawed = np.arange(COUNT) < len(leaves) - first
        for found in (drawn.image, drawn.points):
            none = np.isnan(np.asarray(found)).reshape(COUNT, -1)
            np.testing.assert_array_equal(none.all(1), flawed)
            np.testing.assert_array_equal(none.any(1), flawed)


def test_a_face_changed_by_hand_is_drawn_by_what_was_compiled(params, monkeypatch):
    kinds = []

    def stop(faces, *_, **__):
        kinds.append([(x.aval, x.weak_type) for x in jax.tree.leaves(faces)])
        raise InterruptedError

    monkeypatch.setattr(drawing, "_draw", stop)
    changed = params.replace(youth=jnp.full(COUNT, 0.5))
    assert changed.youth.weak_type  # Python's number: a program of its own, if let
    for faces in (params, changed):
        with pytest.raises(InterruptedError):
            drawing.draw(faces, SCHEME, size=SIZE)
    assert kinds[0] == kinds[1]


def test_a_picture_is_a_picture(faces):
    assert faces.image.min() >= 0 and faces.image.max() <= 1
    assert (faces.image.std((1, 2)) > 0.02).all()
    assert (np.asarray(faces.segmentation == 1).mean((1, 2)) > 0.03).all()
    assert np.isin(faces.visibility, [0, 1, 2, 3]).all()
    background = np.asarray(faces.segmentation) == 0
    np.testing.assert_array_equal(np.isinf(faces.depth), background)


def test_the_picture_lies_around_the_box_as_a_canvas_does(faces, params):
    side = np.maximum(
        faces.box[:, 2] - faces.box[:, 0], faces.box[:, 3] - faces.box[:, 1]
    )
    due = SIZE / camera.FRAMING.margin * np.exp(params.camera.zoom)
    np.testing.assert_allclose(side, due, rtol=1e-4)
    middle = (faces.box[:, :2] + faces.box[:, 2:]) / 2
    np.testing.assert_allclose(
        np.asarray(middle) - (0, SIZE * camera.FRAMING.up),
        SIZE * (0.5 + params.camera.shift),
        rtol=1e-3,
        atol=1e-2,
    )


def test_shoulders_go_along_with_a_head_on_its_side(params):
    aside = params.camera.replace(roll_rad=params.camera.roll_rad * 0 + np.pi / 2)
    drawn = drawing.draw(params.replace(camera=aside), SCHEME, size=SIZE)
    clothes = np.asarray(drawn.segmentation) == picture.CLASSES.index("clothes")
    _, _, columns = np.nonzero(clothes)  # the crown is to the right
    assert clothes.mean() > 0.02 and (columns < SIZE / 2).mean() > 0.9


def test_mirrored_parameters_mirror_the_points(heads):
    here, there = (geometry(p).points for p in (heads, trials.mirrored(heads)))
    law = laws.mirrored_points(here, there, SCHEME, size=SIZE)
    assert law.passed and law.figure <= 0.01
    assert not laws.mirrored_points(here, here, SCHEME, size=SIZE).passed


def test_mirrored_parameters_mirror_the_picture(heads):
    plain = trials.bare(heads)
    here = drawing.draw(plain, SCHEME, size=SIZE)
    there = drawing.draw(trials.mirrored(plain), SCHEME, size=SIZE)
    head, kind, colour = laws.mirrored_pictures(here, there)
    assert head.passed and head.figure > 95
    assert kind.passed and kind.figure > 99
    assert colour.passed and colour.figure < 0.01
    # The same faces' own mirror images are ten times as far away.
    shown = np.isin(here.segmentation, laws.SHOWN)
    lopsided = np.abs(here.image[:, :, ::-1] - here.image).mean(-1)[shown].mean()
    assert lopsided > 0.1
    assert not laws.mirrored_pictures(here, here)[-1].passed


def test_landmarks_lie_on_the_surface(heads):
    shape = geometry(heads)
    inner, outline = laws.on_surface(shape, SCHEME)
    assert inner.passed and inner.figure < 1e-3
    # The outline's are on a net over the skin, where it turns away from the eye.
    assert outline.passed and outline.figure < 0.05
    lifted = shape.replace(points=shape.points - [0, 0, 0.1])
    assert not any(law.passed for law in laws.on_surface(lifted, SCHEME))


@pytest.mark.parametrize("yaw_deg", [-70.0, -50.0, 50.0])
def test_visibility_agrees_with_a_ray(yaw_deg, heads):
    turned = trials.turned(heads, yaw_deg)
    shape, states, _ = trials.see(turned, SCHEME, size=laws.RAY_PX)
    assert laws.sight([(shape, states)], SCHEME).passed
    answers = laws.ask_rays(shape, states, SCHEME)
    assert len(answers) > 0.5 * COUNT * 51
    hidden = sum(hidden for hidden, _ in answers)
    assert 3 <= hidden < 0.9 * len(answers)
    assert all(
        state == (marks.BEHIND_HEAD if hidden else marks.VISIBLE)
        for hidden, state in answers
    )
    shown = np.where(states == marks.BEHIND_HEAD, marks.VISIBLE, states)
    wrong = laws.sight([(shape, shown)], SCHEME)
    assert not wrong.passed
    assert wrong.figure == pytest.approx(100 - 100 * hidden / len(answers))


def test_seen_landmarks_are_where_the_drawn_depth_is(heads):
    shape, states, depth = trials.see(heads, SCHEME, size=laws.RAY_PX)
    law = laws.on_depth(shape, states, depth, SCHEME)
    assert law.passed and law.figure > 98
    # Within a pixel, skin seen from the side comes nearer by centimetres.
    wrong = laws.on_depth(shape, states, depth + 3.0, SCHEME)
    assert wrong.figure < 20 and not wrong.passed


def test_the_68_are_part_of_a_dense_scheme(heads):
    dense = schemes.get("dense1001")
    many, few = geometry(heads, dense).points, geometry(heads).points
    assert laws.subset(many, few, dense, SCHEME).passed
    # A scheme whose subset is its neighbours instead.
    broken = dataclasses.replace(dense)
    broken.__dict__["subset68"] = np.roll(dense.subset68, 1)
    assert not laws.subset(many, few, broken, SCHEME).passed


def test_a_mask_hides_mouth_and_lips(params):
    masked = params.replace(
        skin=params.skin.replace(
            mask=params.skin.mask.replace(
                worn=jnp.ones(COUNT), edge_cm=jnp.full(COUNT, 1.5)
            )
        ),
        props=jax.tree.map(jnp.zeros_like, params.props),
    )
    seen = drawing.draw(masked, SCHEME, size=SIZE)
    kinds = np.asarray(seen.segmentation)
    lips, mouth, thing = (
        picture.CLASSES.index(c) for c in ("lips", "mouth", "occluder")
    )
    assert not np.isin(kinds, [lips, mouth]).any()
    assert ((kinds == thing).mean((1, 2)) > 0.05).all()
    # The points of a turned head may round to a pixel beside it.
    assert np.mean(np.asarray(seen.visibility)[:, 48:] != marks.VISIBLE) > 0.9


def test_dark_lenses_are_darker_than_what_is_behind_them(params):
    worn = jax.tree.map(jnp.zeros_like, params.props)
    pair = worn.glasses.replace(
        worn=jnp.ones(COUNT),
        half_width_cm=jnp.full(COUNT, 2.7),
        half_height_cm=jnp.full(COUNT, 1.9),
        roundness=jnp.full(COUNT, 3.0),
        rim_cm=jnp.full(COUNT, 0.1),
        curve=jnp.full(COUNT, 0.02),
    )
    behind, clear, dark = (
        params.replace(props=worn.replace(glasses=own))
        for own in (worn.glasses, pair, pair.replace(dark=jnp.full(COUNT, 0.97)))
    )
    behind, clear, dark = (
        drawing.draw(p, SCHEME, size=SIZE) for p in (behind, clear, dark)
    )
    glasses = picture.CLASSES.index("glasses")
    lens = np.asarray((dark.segmentation == glasses) & (clear.segmentation != glasses))
    assert lens.mean() > 0.01
    level = [np.asarray(x.image).mean(-1)[lens].mean() for x in (behind, clear, dark)]
    assert level[2] < 0.5 * level[0] and abs(level[1] - level[0]) < 0.05
    eyes = np.asarray(dark.visibility)[:, 36:48]
    assert (eyes == marks.BEHIND_OBJECT).mean() > 0.8
    assert (np.asarray(clear.visibility)[:, 36:48] == marks.BEHIND_OBJECT).mean() < 0.2


def test_what_hides_a_landmark():
    head = jnp.full((6, 8), 50.0)
    thing = jnp.full((6, 8), jnp.inf).at[2, 3].set(40.0)
    points = jnp.array([[1.5, 1.5, 50.1], [1.5, 1.5, 53], [3.5, 2.5, 50], [9, 2, 50]])
    np.testing.assert_array_equal(marks.seen(points, head, thing), [0, 1, 2, 3])


@pytest.mark.parametrize("name", ["dense1001", "ibug68_surface"])
def test_every_scheme_has_its_points_in_the_picture(name, params):
    scheme = schemes.get(name)
    points = geometry(params, scheme).points
    assert points.shape == (COUNT, scheme.count, 3)
    assert np.isfinite(points).all()
    middle = points[..., :2].mean(1)
    assert (np.abs(middle - SIZE / 2) < SIZE / 4).all()


def test_the_command_writes_all_that_it_says(tmp_path):
    out = tmp_path / "faces"
    flags = ["--count", str(COUNT), "--size", str(SIZE), "--seed", "3", "--sheet"]
    assert command.main([*flags, "--out", str(out)]) == 0
    names = sorted(f.name for f in out.iterdir())
    assert names == [f"{i:06d}.png" for i in range(COUNT)] + [
        "points.json",
        "sheet.png",
    ]
    labels = json.loads((out / "points.json").read_text())
    assert len(labels["faces"]["000003.png"]["points"]) == SCHEME.count


def test_a_population_is_the_first_faces_of_the_set(params):
    points = population.draw(6, seed=3, batch=COUNT, priors=options.PRIORS)
    assert points.shape == (6, 68, 2)
    due = geometry(params).points[..., :2] * population.SIZE / SIZE
    np.testing.assert_allclose(points[:COUNT], due, atol=1e-2)
    assert np.abs(points[4:] - points[:2]).max() > 1


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """What `--report` wrote and said; here, where all that it draws is compiled."""
    out, said = tmp_path_factory.mktemp("report") / "out", io.StringIO()
    flags = ["--count", str(COUNT), "--size", str(SIZE), "--seed", "3"]
    flags += ["--ibug-300w", str(PHOTOS), "--out", str(out), "--report", "6"]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(laws, "DENSE", ("dense1001",))  # the one that is compiled
        patch.setattr(survey, "CANVAS", SIZE / sharpness.SIDE)  # and its size
        assert command.main(flags) == 0
    assert [f.name for f in out.iterdir()] == ["report.html"]
    return (out / "report.html").read_text(), said.getvalue().splitlines()


def test_the_report_finds_that_all_laws_hold(reported):
    text, lines = reported
    verdicts = [line for line in lines if line.startswith(("passed", "NOT PASSED"))]
    held = [line for line in verdicts[:-5] if line.startswith("passed")]
    assert len(held) == len(verdicts) - 5 >= 9
    assert f"{len(held)} of {len(held)} laws hold" in text


def test_the_report_asks_for_nothing_outside_and_shows_no_photo(reported):
    text, _ = reported
    assert not re.findall(r"https?:|<script|<link|url\(", text)
    sources = re.findall(r'src="([^"]{30})', text)
    assert len(sources) == 5  # rendered faces, means, components, poses, sharpness
    assert all(s.startswith("data:image/png;base64,iVBORw0") for s in sources)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--count", "0"], "at least 1"),
        (["--scheme", "nobody"], "Unknown scheme"),
        (["--size", "3"], "size"),
        (["--looks", "odd"], "looks"),
        (["--report", "1"], "2 faces or more"),
        (["--report", "--count", "0"], "at least 1"),
        (["--report", "--ibug-300w", "nowhere"], "no such folder"),
        (["--report", "--ibug-300w", "tests"], "found no .pts"),
        (["--report", "--ibug-300w", f"{PHOTOS}/300W"], "of 300-W's train"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_left(flags, word, tmp_path):
    with pytest.raises(UserError, match=word):
        command.main([*flags, "--out", str(tmp_path / "faces")])
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "faces").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        command.main(["--out", str(tmp_path / "faces")])
