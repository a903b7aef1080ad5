"""A run from its config to its report."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import ml_collections

import lmkjax
from lmkjax import hosts
from lmkjax.adapt import adaptation
from lmkjax.detect import inference, specs
from lmkjax.errors import UserError
from lmkjax.experiment import datasets, init_from, parts, plan, record, report
from lmkjax.experiment.bench import measurement
from lmkjax.landmarks import schemes
from lmkjax.training import loop, mesh, state, validation


def choose_size(size: str) -> str:
    """The size that a config is read at; says which and why.

    Args:
        size: as asked for; "" = what suits the devices.
    """
    device = jax.devices()[0]
    where = f"{jax.device_count()} x {device.device_kind}"
    why = "as asked for"
    if not size:
        size = "laptop" if device.platform == "cpu" else "full"
        why = f"the default on {device.platform}"
    if hosts.lead():
        print(f"Size '{size}', {why}; devices: {where}.", flush=True)
    return size


def run(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> bool:
    """Trains what a config says and reports how good it is.

    Args:
        config: an experiment, see `configs/base.py`.
        workdir: the run's folder; if it holds this run already, the run goes on.

    Returns:
        Whether it came to its end; False where a signal stopped it, and it is saved.

    Raises:
        UserError: the config does not fit together, data are missing, or the folder
            holds another run, or one that is training now.
    """
    experiment = plan.build(config, workdir=workdir)
    record.check(config, workdir)
    hosts.agree({"version of lmkjax": lmkjax.__version__})
    hosts.agree(record.common(config))
    grid = mesh.build()
    check_batches(experiment, grid)
    with record.alone(workdir):
        return _run(config, experiment, workdir, grid)


def _run(
    config: ml_collections.ConfigDict,
    experiment: plan.Experiment,
    workdir: pathlib.Path,
    grid: jax.sharding.Mesh,
) -> bool:
    """Trains and reports in a folder that this run has for itself; see `run`."""
    benchmark = _benchmark(experiment)
    faces = prepare(experiment.faces)
    hosts.agree({"faces": faces.told})
    lead = hosts.lead()
    if lead:
        record.write(config, workdir)
        experiment.network.save(workdir)
        if experiment.adapter is not None:
            init_from.keep(experiment.adapter, workdir)
    hosts.wait("the run's folder is there")
    hosts.agree({"--workdir": str(record.there(workdir))})
    result = train(experiment, workdir, faces, grid, benchmark)
    if not result.finished:
        now = int(result.state.step)
        if lead:
            print(f"Stopped and saved at step {now}; the same command goes on there.")
        return False
    if result.images_per_s and lead:
        report.write_training(workdir, result, sum(experiment.shares.values()))
    findings = measure(benchmark, faces, hosts.whole(result.state.ema))
    if lead:
        if findings.adapter is not None:
            adaptation.save(findings.adapter, workdir / adaptation.FILE)
        folder = workdir / report.FOLDER
        report.write(folder, experiment, findings, faces)
        report.write_validation(folder, workdir)
    return True


def evaluate(
    workdir: pathlib.Path,
    *,
    test_sets: Sequence[str] | None,
    threshold: float | None = None,
    photos: pathlib.Path | None = None,
    flip: bool = False,
    views: int | None = None,
    out: pathlib.Path | None = None,
    best: bool = False,
    batch: int | None = None,
    labelled: int | None = None,
    seed: int | None = None,
    asked: Sequence[str] = (),
) -> None:
    """Measures a trained run again, and fits its adapter anew.

    Args:
        workdir: the run's folder.
        test_sets: names of those wanted; None = all that there are.
        threshold: of AUC and failure rate, % NME; None = the run's own.
        photos: 300-W's folder, where the run had another one or none.
        flip: average with the mirrored picture, also where the run did not.
        views: looks at each face to average; None = as the run measured itself.
        out: where the report and the adapter go: a new folder, or that of an earlier
            report; None = it is only printed.
        best: the weights that did best on validation faces, not the last ones.
        batch: faces at once; None = as the run measured itself.
        labelled: real train faces that the adapter is fitted on, 0 = all; None = as
            many as the run had.
        seed: of their draw and of the fit; None = the run's.
        asked: schemes, or their files, in which rendered test faces are measured;
            none = that of the run.

    Raises:
        UserError: the folder holds no trained run, `out` is the run's own or holds
            other things, or a test set is not there.
    """
    if out:
        report.refuse_strangers(out, workdir)
    spec, weights = inference.load(workdir, best=best)
    config = record.recall(workdir)
    with config.unlocked():
        if threshold is not None:
            config.eval.failure = float(threshold)
        if photos:
            config.data.ibug_300w = str(photos)
        config.eval.flip = flip or config.eval.flip
        config.eval.views = config.eval.views if views is None else views
        config.eval.batch = batch or config.eval.batch
        if labelled is not None:
            config.data.target_faces = labelled
        config.seed = config.seed if seed is None else seed
    experiment = plan.build(config, to_train=False)
    experiment = dataclasses.replace(experiment, network=spec)
    asked = tuple(schemes.get(name) for name in asked)
    data = dataclasses.replace(experiment.faces, to_train=False, asked=asked)
    if test_sets and datasets.SYNTHETIC not in test_sets:
        # Rendering a whole training set only to measure on photos would take long.
        data = dataclasses.replace(data, source=None)
    faces = prepare(data)
    if test_sets:
        known = {}
        for test in faces.tests:  # one set of rendered faces in several schemes
            known.setdefault(test.name.split()[0], []).append(test)
        if unknown := set(test_sets) - set(known):
            raise UserError(
                f"No test set {sorted(unknown)} here; there are: {sorted(known)}."
            )
        chosen = [test for name in test_sets for test in known[name]]
        faces = dataclasses.replace(faces, tests=chosen)
    findings = measure(_benchmark(experiment), faces, weights)
    if hosts.lead():
        report.write(out, experiment, findings, faces)
        if out and findings.adapter is not None:
            adaptation.save(findings.adapter, out / adaptation.FILE)


def check_batches(experiment: plan.Experiment, grid: jax.sharding.Mesh) -> None:
    """Refuses batches that these devices and processes cannot share.

    Raises:
        UserError: naming the field and what would do.
    """
    accumulate, processes = experiment.training.accumulate, jax.process_count()
    for name, count in experiment.shares.items():
        mesh.check_batch(grid, count, stream=name, accumulate=accumulate)
    if experiment.measuring.batch % processes:
        raise UserError(
            f"--config.eval.batch={experiment.measuring.batch}: wanted a multiple of"
            f" {processes}, the number of processes; got {experiment.measuring.batch}."
        )


def prepare(spec: datasets.DataSpec) -> datasets.Domains:
    """The faces of a run, built where they are not there yet; says what is missing."""
    faces = datasets.prepare(spec)
    for note in faces.notes if hosts.lead() else ():
        print(note, flush=True)
    return faces


def _benchmark(experiment: plan.Experiment) -> measurement.Benchmark:
    """The run's network, set up to be measured."""
    return measurement.Benchmark(
        experiment.network, experiment.measuring, seed=experiment.seed
    )


def measure(
    benchmark: measurement.Benchmark, faces: datasets.Domains, weights: Any
) -> measurement.Findings:
    """Measures weights on every test set."""
    if hosts.lead():
        print("Measuring ...", flush=True)
    return benchmark.run(weights, faces.tests, train=faces.train)


def train(
    experiment: plan.Experiment,
    workdir: pathlib.Path,
    faces: datasets.Domains,
    grid: jax.sharding.Mesh,
    benchmark: measurement.Benchmark,
) -> loop.Result:
    """Trains until the run's length is reached, or goes on with it."""
    training, faces = experiment.training, parts.taught(experiment, faces, workdir)
    start, one_step = parts.build_step(experiment, grid)
    given = {}
    begin = training.init_from
    # Also where the run goes on: its checkpoint may prove to be damaged.
    if begin and ((begin / specs.FILE).is_file() or not init_from.begun(workdir)):
        outline, gain = state.shapes(start, grid), experiment.network.gain
        given = init_from.read(begin, outline.params, gain=gain)
    first = state.create(
        start,
        grid,
        seed=experiment.seed,
        fsdp_min_size=training.fsdp_min_size,
        given=given,
    )
    return loop.run(
        first,
        one_step,
        {name: parts.opener(experiment, faces, name) for name in experiment.shares},
        grid,
        workdir,
        length=training.length,
        intervals=training.intervals,
        validation=_validation(training.validate_every, faces, benchmark),
    )


def _validation(
    every: int, faces: datasets.Domains, benchmark: measurement.Benchmark
) -> validation.Validation | None:
    """What is measured while training, if faces are held out for it."""
    held = [test for test in faces.tests if test.name == datasets.VALIDATION]
    if not (every and held):
        return None
    return validation.Validation(every, lambda w: benchmark.nme(w, held[0]))
