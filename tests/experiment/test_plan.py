"""A config becomes objects once: schemes by their lines, adapters, what is refused."""

import ast
import functools
import math
import pathlib

import jax
import numpy as np
import pytest

from configs import base
from lmkjax.adapt import adaptation
from lmkjax.detect import specs
from lmkjax.errors import UserError
from lmkjax.experiment import init_from, parts, plan
from lmkjax.face import labels
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import heatmaps, schemes
from lmkjax.training import mesh
from lmkjax.types import Rendered
from tests.invented import faces

PACKAGE = pathlib.Path(plan.__file__).parents[1]
IBUG68 = schemes.get("ibug68")


def config_of(**fields):
    config = base.get_config("tiny").unlock()
    for field, value in fields.items():
        *parts, name = field.split("__")
        functools.reduce(lambda at, part: at[part], parts, config)[name] = value
    return config.lock()


@pytest.fixture
def own(tmp_path):
    """A scheme of the user's own that holds the 68 points, and a run's adapter of it.

    Its file is gone: a run must not need it.
    """
    lines = {**dict(IBUG68.curves), "chin": 3}
    file = tmp_path / "mine.yaml"
    file.write_text("".join(f"{name}: {count}\n" for name, count in lines.items()))
    scheme = schemes.get(str(file))
    file.unlink()
    pred = np.random.default_rng(0).uniform(0, 9, (12, scheme.count, 2))
    adapter = adaptation.fit(pred, pred[:, scheme.subset68], scheme=scheme, steps=0)
    adaptation.save(adapter, tmp_path / adaptation.FILE)
    return scheme, tmp_path


def test_places_are_drawn_where_a_network_knows_any_and_labels_stay_as_they_are():
    """Of free kernels and of rewritten labels the points are those of a scheme."""
    drawn = plan.build(config_of()).places
    assert (drawn.count, drawn.contour) == (44, 8)
    few = config_of(places__skin=5, places__head=0, places__curves=0, places__contour=0)
    assert plan.build(few).places.count == 5
    none = {f"places__{n}": 0 for n in ("skin", "head", "curves", "contour")}
    for fields in ({"model__kernels": "free"}, {"scheme": "ibug68"}, none):
        assert plan.build(config_of(**fields)).places is None


@pytest.mark.parametrize("streams", [("source",), ("source", "target")])
def test_an_adapter_of_a_users_own_scheme_rewrites_its_labels(own, streams):
    scheme, run = own
    config = config_of(
        scheme="ibug68", data__scheme=scheme.text, data__adapter=str(run)
    ).copy_and_resolve_references()
    config.terms.supervised.streams = streams
    experiment = plan.build(config)
    assert experiment.adapter.scheme == experiment.faces.source.scheme == scheme
    batch = faces(scheme.text, side=48, seed=0)
    relabelled = parts._relabeller(experiment)(batch)
    wanted = adaptation.apply(experiment.adapter, batch.points)
    np.testing.assert_allclose(relabelled.points, wanted)
    assert relabelled.points.shape == relabelled.visibility.shape + (2,) == (2, 68, 2)


def test_an_adapter_of_another_scheme_or_for_another_is_refused(own):
    scheme, run = own
    with pytest.raises(UserError, match="reads 'mine'.*scheme is 'dense243'"):
        plan.build(config_of(scheme="ibug68", data__adapter=str(run)))
    fields = dict(scheme=scheme.text, data__scheme=scheme.text, data__adapter=str(run))
    with pytest.raises(UserError, match="scheme=ibug68, got 'mine'"):
        plan.build(config_of(**fields))


def test_an_adapter_that_tells_a_forgotten_name_is_taken(own):
    scheme, run = own
    path = run / adaptation.FILE
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | {"scheme": np.str_("mine")})  # as older runs wrote it
    assert adaptation.load(path).scheme is None
    fields = dict(scheme="ibug68", data__scheme=scheme.text, data__adapter=str(run))
    assert plan.build(config_of(**fields)).adapter


def test_what_can_be_seen_is_learned_of_rendered_faces_labels_alone():
    """Of photos, rewritten labels and others' renders only how sure points are."""

    def told(**fields):
        fields = {"terms__confidence__weight": 0.1} | fields
        network = plan.build(config_of(**fields)).network
        return network.confidence, network.visibility

    photos = dict(data__ibug_300w="300w")
    real = dict(scheme="ibug68", terms__supervised__streams=("target",))
    assert told() == told(**photos) == (True, True)
    assert told(**real) == (True, True)  # of the stand-in, which is rendered
    assert told(**real, **photos) == (True, False)
    assert told(scheme="ibug68", **photos) == (True, False)  # 68 of dense243
    theirs = dict(scheme="ibug68_surface", data__scheme="ibug68_surface")
    theirs |= dict(data__source="face_synthetics", data__face_synthetics=str(PACKAGE))
    assert told(**theirs, **photos) == (True, False)
    assert told(terms__confidence__weight=0.0)[0] is False


def test_a_network_keeps_the_lines_of_its_scheme(own, tmp_path):
    scheme, _ = own
    fields = dict(scheme=scheme.text, data__scheme=scheme.text)
    spec = plan.build(config_of(**fields)).network
    spec.save(tmp_path)
    assert specs.Spec.load(tmp_path) == spec
    assert specs.Spec.load(tmp_path).scheme.name == "mine"


def test_a_network_keeps_the_single_points_of_its_scheme(tmp_path):
    text = 'own: {chin: 3, nose_bridge: 4, points: {"a": [-5.0, 0, 8], b: [5.0, 0, 8]}}'
    spec = plan.build(config_of(scheme=text, data__scheme=text)).network
    spec.save(tmp_path)
    assert specs.Spec.load(tmp_path).scheme == spec.scheme == schemes.get(text)
    assert specs.Spec.load(tmp_path).scheme.names[-2:] == ("a", "b")


def test_training_refuses_a_point_that_has_no_mirror():
    text = "own: {chin: 3, points: {mole: [-5.0, 0, 8]}}"
    with pytest.raises(UserError, match="config.scheme=own.*'mole' has no partner"):
        plan.build(config_of(scheme=text, data__scheme=text))


def test_an_older_network_tells_its_schemes_name_alone(tmp_path):
    spec = plan.build(config_of()).network
    spec.save(tmp_path)
    file = tmp_path / specs.FILE
    lines = file.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if '"curves"' in line)
    last = next(i for i in range(first, len(lines)) if "}" in lines[i])
    kept = lines[:first] + lines[last + 1 :]
    kept[first - 1] = kept[first - 1].rstrip(",")
    file.write_text("\n".join(kept))
    assert specs.Spec.load(tmp_path) == spec
    file.write_text("\n".join(kept).replace("dense243", "of old.yaml"))
    with pytest.raises(UserError, match="of old.yaml"):
        specs.Spec.load(tmp_path)


def test_schemes_of_other_names_and_the_same_lines_fit(tmp_path):
    same = schemes.Scheme("same", schemes.get("dense243").curves)
    assert plan.build(config_of(data__scheme=same.text)).drawn is None
    other = schemes.Scheme("other", (("chin", 3), ("nose_bridge", 4)))
    with pytest.raises(UserError, match="dense243 wants labels.*other does not give"):
        plan.build(config_of(data__scheme=other.text))
    with pytest.raises(UserError, match="68 iBug points, which.*other does not hold"):
        plan.build(config_of(scheme="ibug68", data__scheme=other.text))


def test_faces_drawn_inside_the_step_leave_few_to_be_written():
    experiment = plan.build(config_of(data__source="rendered", data__faces=1000))
    assert experiment.drawn.size == experiment.faces.size == 48
    assert experiment.faces.source.count == experiment.faces.source.test_count == 16


@pytest.mark.parametrize("source", ["synthetic_faces", "rendered"])
def test_a_step_labels_its_faces_at_places_of_their_own(source, monkeypatch):
    experiment = plan.build(config_of(data__source=source))
    count = experiment.places.count
    image = np.zeros((2, 48, 48, 3), np.float32)
    numbers = sum(math.prod(shape) for _, shape in labels.fields(heads.load()))
    kept = Rendered(
        image=image,
        params=np.zeros((2, numbers), np.float32) + 0.1,
        bare=np.zeros((2, 48, 48), np.uint8),
        thing=np.zeros((2, 48, 6), np.uint8),
        corner=np.zeros((2, 2), np.float32),
        scale=np.ones(2, np.float32),
        box=np.float32([[9, 9, 30, 30]] * 2),
        mask=np.ones(2, bool),
    )
    grid = mesh.build(jax.devices()[:1])
    batch = kept
    if source == "rendered":
        monkeypatch.setattr(parts, "drawer", lambda *_: lambda _: kept)
        batch = np.arange(2, dtype=np.uint32)
    prepare = jax.jit(parts.preparer(experiment, "source", grid))
    found = prepare(jax.random.key(0), batch)
    assert found.points.shape == (2, count, 2) and found.places.xyz.shape == (
        2,
        count,
        3,
    )
    assert np.isfinite(found.points).all()
    assert np.abs(found.places.xyz[0] - found.places.xyz[1]).max() > 0.5


def test_no_function_below_experiment_sees_a_config():
    """`ml_collections` is imported where a config is read, kept and turned, only."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            modules = {a.name for a in node.names} | {getattr(node, "module", None)}
            if "ml_collections" in modules:
                found.add(str(file.relative_to(PACKAGE)))
    own = {f"experiment/{name}.py" for name in ("config_file", "plan", "ranges")}
    own |= {"experiment/record.py", "experiment/run.py"}
    assert found == own | {"reproduction/speed.py"}  # above it


def test_a_run_taken_up_again_learns_from_the_adapter_that_it_began_with(own):
    """Also where the other run has fitted another one since, or is gone."""
    scheme, run = own
    workdir = run / "mine"
    fields = dict(scheme="ibug68", data__scheme=scheme.text, data__adapter=str(run))
    build = functools.partial(plan.build, config_of(**fields), workdir=workdir)
    first = build().adapter
    init_from.keep(first, workdir)
    pred = np.random.default_rng(1).uniform(0, 9, (12, scheme.count, 2))
    other = adaptation.fit(pred, 2 * pred[:, scheme.subset68], scheme=scheme, steps=0)
    adaptation.save(other, run / adaptation.FILE)
    init_from.keep(other, workdir)  # once in the life of a run
    (run / adaptation.FILE).unlink()
    again = build().adapter
    assert again.scheme == scheme
    for name, value in first.params.items():
        np.testing.assert_array_equal(again.params[name], value)
    with pytest.raises(UserError, match="adapter"):
        plan.build(config_of(**fields))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_faces_drawn_inside_the_step_are_those_of_no_prepared_set(seed):
    fields = dict(data__source="rendered", seed=seed, data__seed=max(0, seed - 1))
    experiment = plan.build(config_of(**fields))
    faces = experiment.faces
    assert experiment.drawn.seed not in (faces.source.seed, faces.stand_in.seed)
    other = plan.build(config_of(**fields | {"seed": seed + 1}))
    assert other.drawn.seed != experiment.drawn.seed


def test_what_draws_heatmaps_is_read_as_what_it_draws():
    def decoder(loss, chosen):
        fields = dict(heatmaps__loss=loss, heatmaps__decoder=chosen)
        return plan.build(config_of(**fields)).network.decoder

    assert decoder("mse", "dark") == decoder("awing", "dark") == "dark_of_heights"
    assert (decoder("kl", "dark"), decoder("kl", "argmax")) == ("dark", "argmax")
    assert decoder("mse", "argmax") == heatmaps.HEIGHTS["argmax"]
