"""A run from its config to its report."""

import dataclasses
import pathlib
from collections.abc import Sequence

import jax
import ml_collections

from lmkjax import hosts
from lmkjax.adapt import adaptation
from lmkjax.detect import inference
from lmkjax.errors import UserError
from lmkjax.experiment import datasets, init_from, measurement, parts, report, rules
from lmkjax.training import checkpoint, loop, mesh, state


def choose_size(file: str) -> tuple[str, str]:
    """The size that a config file is read at; says which and why.

    Args:
        file: `FILE` or `FILE:size`.

    Returns:
        `FILE` without its size, and the size.
    """
    path, _, size = file.partition(":")
    device = jax.devices()[0]
    where = f"{jax.device_count()} x {device.device_kind}"
    why = "as asked for"
    if not size:
        size = "laptop" if device.platform == "cpu" else "full"
        why = f"the default on {device.platform}"
    if hosts.lead():
        print(f"Size '{size}', {why}; devices: {where}.", flush=True)
    return path, size


def run(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> None:
    """Trains what a config says and reports how good it is.

    Args:
        config: an experiment, see `configs/base.py`.
        workdir: the run's folder; if it holds this run already, the run goes on.

    Raises:
        UserError: the config does not fit together, data are missing, or the folder
            holds another run.
    """
    rules.check(config)
    rules.check_surroundings(config, workdir)
    faces = prepare(config, parts.streams_of(config))
    spec = parts.network(config, faces)
    lead = hosts.lead()
    if lead:
        rules.write(config, workdir)
        spec.save(workdir)
    hosts.wait("the run's folder is there")
    result = train(config, workdir, faces, spec)
    if not result.finished:
        now = int(result.state.step)
        if lead:
            print(f"Stopped and saved at step {now}; the same command goes on there.")
        return
    if result.images_per_s and lead:
        report.write_training(workdir, result, config.train.batch)
    findings = measure(config, faces, spec, hosts.whole(result.state.ema))
    if lead:
        if findings.adapter is not None:
            adaptation.save(findings.adapter, workdir / adaptation.FILE)
        folder = workdir / report.FOLDER
        report.write(folder, spec, findings, faces, seed=config.seed)


def evaluate(
    workdir: pathlib.Path,
    *,
    test_sets: Sequence[str] | None,
    threshold: float,
    ibug_300w: str | None = None,
    flip: bool = False,
    out: pathlib.Path | None = None,
) -> None:
    """Measures a trained run again.

    Args:
        workdir: the run's folder.
        test_sets: names of those wanted; None = all that there are.
        threshold: of AUC and failure rate, % NME.
        ibug_300w: 300-W's folder, where the run had another one or none.
        flip: average with the mirrored picture, also where the run did not.
        out: where the report goes; None = it is only printed.

    Raises:
        UserError: the folder holds no trained run, or a test set is not there.
    """
    spec = inference.Spec.load(workdir)
    weights = checkpoint.weights(workdir)
    config = rules.recall(workdir)
    with config.unlocked():
        config.eval.failure = float(threshold)
        if ibug_300w:
            config.data.ibug_300w = str(ibug_300w)
        config.eval.flip = flip or config.eval.flip
    # Rendering a whole training set only to measure on photos would take long.
    rendered = not test_sets or datasets.SYNTHETIC in test_sets
    faces = prepare(config, parts.streams_of(config) if rendered else ())
    if test_sets:
        known = {test.name: test for test in faces.tests}
        if unknown := set(test_sets) - set(known):
            raise UserError(
                f"No test set {sorted(unknown)} here; there are: {sorted(known)}."
            )
        faces = dataclasses.replace(faces, tests=[known[n] for n in test_sets])
    findings = measure(config, faces, spec, weights)
    if hosts.lead():
        report.write(out, spec, findings, faces, seed=config.seed)


def prepare(
    config: ml_collections.ConfigDict, names: tuple[str, ...]
) -> datasets.Domains:
    """The faces of a run, built where they are not there yet.

    Args:
        config: of the run.
        names: the streams that are wanted, out of "source" and "target".
    """
    faces = datasets.prepare(
        config.data,
        config.crop,
        input_px=config.model.input_px,
        seed=config.seed,
        names=names,
    )
    for note in faces.notes if hosts.lead() else ():
        print(note, flush=True)
    return faces


def measure(config, faces, spec, weights) -> measurement.Findings:
    """Measures weights on every test set.

    Args:
        config: of the run.
        faces: both domains.
        spec: of the network.
        weights: averaged over the training.
    """
    if hosts.lead():
        print("Measuring ...", flush=True)
    bench = measurement.Bench(
        spec,
        weights,
        batch=config.eval.batch,
        threshold=config.eval.failure,
        flip=config.eval.flip,
        drawn=config.eval.drawn,
        seed=config.seed,
    )
    return bench.run(faces.tests, fit_on=faces.target)


def train(config, workdir, faces, spec) -> loop.Result:
    """Trains until the config's length is reached, or goes on with a run."""
    grid, shares = mesh.build(), parts.shares_of(config)
    for name, count in shares.items():
        mesh.check_batch(grid, count, stream=name, accumulate=config.train.accumulate)
    init, optimizer, one_step = parts.build_step(config, spec, grid)
    first = state.create(
        init,
        optimizer,
        grid,
        seed=config.seed,
        fsdp_min_size=config.train.fsdp_min_size,
    )
    if config.train.init_from:
        first = init_from.adopt(first, pathlib.Path(config.train.init_from))
    return loop.run(
        first,
        one_step,
        {
            name: parts.opener(config, faces, name, count)
            for name, count in shares.items()
        },
        grid,
        workdir,
        length=loop.Length(config.train.steps, config.train.minutes),
        rhythm=loop.Rhythm(config.train.log_every, config.train.save_every),
    )
