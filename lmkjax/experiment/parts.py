"""An experiment's step and streams: from its objects to functions of JAX."""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.adapt import adaptation
from lmkjax.data import changes, relabelled, streams
from lmkjax.experiment import datasets, plan, pseudo_labels
from lmkjax.experiment.bench import measurement
from lmkjax.face import drawing, labels
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.objectives import mean_teacher, objective
from lmkjax.training import mesh, optim, state, step
from lmkjax.types import UNKNOWN, Batch, Rendered, host_seed, purposes


def opener(
    experiment: plan.Experiment, faces: datasets.Domains, name: str
) -> Callable[[int], Iterator[Any]]:
    """From a step to a stream's batches from there on."""
    place = {
        "batch": experiment.shares[name],
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    if name == "source" and experiment.drawn:
        return lambda step: streams.rendered(start_step=step, **place)
    canvases = faces.source if name == "source" else faces.target
    return lambda step: streams.train(
        canvases,
        seed=host_seed(experiment.seed, f"order of {name}"),
        start_step=step,
        loading=experiment.loading,
        **place,
    )


def taught(
    experiment: plan.Experiment, faces: datasets.Domains, workdir: pathlib.Path
) -> datasets.Domains:
    """The faces to train on, with pseudo-labels where they are asked for.

    Args:
        experiment: what is trained.
        faces: the run's; what is measured and fitted on keeps its own labels.
        workdir: the run's folder, which keeps the pseudo-labels.
    """
    if experiment.pseudo_labels is None:
        return faces
    told = pseudo_labels.kept(
        workdir, experiment.pseudo_labels, faces.target, experiment.network.scheme
    )
    own = relabelled.Relabelled(faces.target, told)
    return dataclasses.replace(faces, target=own)


def build_objective(
    experiment: plan.Experiment, grid: jax.sharding.Mesh
) -> objective.Objective:
    """The terms over the network, and how each stream is prepared."""
    prepare = functools.partial(preparer, experiment, grid=grid)
    change, strong, style, views = experiment.augment, {}, 0.0, {}
    for _, term in experiment.terms.values():
        if isinstance(term, mean_teacher.MeanTeacher):
            (name,), style = term.streams, term.style
            strong[name] = change.times(term.strong)
            mild = prepare(name, change=change.times(term.mild))
            views[mean_teacher.MILD] = name, mild
    return objective.Objective(
        experiment.network.module(),
        experiment.terms,
        {n: prepare(n, change=strong.get(n)) for n in experiment.shares},
        own=experiment.network.own,
        ibug68=marks.places(measurement.IBUG68),
        devices=grid.size,
        views=views,
        style=style,
        lengths=experiment.training.gradient_norms,
    )


def build_step(
    experiment: plan.Experiment, grid: jax.sharding.Mesh
) -> tuple[state.Start, Callable]:
    """What a training begins with, and its step."""
    goal = build_objective(experiment, grid)
    training, moves = experiment.training, experiment.training.optimizer
    optimizer = optim.adamw(weight_decay=moves.weight_decay, clip_norm=moves.clip_norm)
    one_step = step.build(
        goal.gradient,
        optimizer,
        peak=moves.learning_rate,
        warmup_steps=moves.warmup_steps,
        ema=moves.ema,
        accumulate=training.accumulate,
        mesh=grid,
        fsdp_min_size=training.fsdp_min_size,
    )
    network, parts = experiment.network, training.accumulate
    side = network.input_px // 4  # of the features
    memory = functools.partial(
        goal.begin,
        {name: faces // parts for name, faces in experiment.shares.items()},
        (side, side, network.scheme.count),
    )
    return state.Start(network.start, optimizer, memory), one_step


def outline(
    experiment: plan.Experiment, grid: jax.sharding.Mesh
) -> dict[str, Batch | Rendered | jax.ShapeDtypeStruct]:
    """What a step of an experiment is given, as shapes, types and layouts."""
    side, layout = experiment.faces.size, mesh.over_faces(grid)
    numbers = sum(math.prod(shape) for _, shape in labels.fields(heads.load()))

    def faces(count: int, kind: type, **apart: tuple):
        all_have = {
            "image": ((side, side, 3), np.uint8),
            "box": ((4,), np.float32),
            "mask": ((), bool),
        }
        arrays = {
            name: jax.ShapeDtypeStruct((count, *shape), dtype, sharding=layout)
            for name, (shape, dtype) in (all_have | apart).items()
        }
        return kind(**arrays)

    given = {}
    for name, count in experiment.shares.items():
        own = experiment.faces.source if name == "source" else None
        if own and experiment.drawn:  # a face is its number
            given[name] = jax.ShapeDtypeStruct((count,), np.uint32, sharding=layout)
        elif isinstance(own, datasets.Rendered):
            given[name] = faces(
                count,
                Rendered,
                params=((numbers,), np.float32),
                bare=((side, side), np.uint8),
                thing=((side, -(-side // 8)), np.uint8),
                corner=((2,), np.float32),
                scale=((), np.float32),
            )
        else:
            landmarks = (own.scheme if own else _target(experiment)).count
            given[name] = faces(
                count,
                Batch,
                points=((landmarks, 2), np.float32),
                visibility=((landmarks,), np.int8),
            )
    return given


def preparer(
    experiment: plan.Experiment,
    name: str,
    grid: jax.sharding.Mesh,
    *,
    change: changes.Change | None = None,
) -> objective.Prepare:
    """What makes a stream's faces ready on the device: draw, relabel, augment.

    Args:
        experiment: what is trained.
        name: of the stream.
        grid: the devices.
        change: how much chance there is; None = as in all of the experiment.
    """
    change = change or experiment.augment
    source, network = name == "source", experiment.network
    draw = drawer(experiment.drawn, grid) if source and experiment.drawn else None
    given = experiment.faces.source.scheme if source else None
    relabel = _relabeller(experiment) if source else None
    mirror = jnp.asarray((network.scheme if source else _target(experiment)).mirror)
    pool = marks.pool(heads.load()) if source and experiment.places else None

    def prepare(key: jax.Array, batch: Any) -> Batch:
        (which,) = purposes(key, "places")
        batch = draw(batch) if draw else batch
        if isinstance(batch, Rendered) and experiment.places:
            batch = labels.draw_places(which, batch, pool, experiment.places)
        elif isinstance(batch, Rendered):
            batch = labels.mark(batch, given)
        elif not source and experiment.pseudo_labels and experiment.places:
            count = experiment.places.count
            batch = relabelled.draw(which, batch, network.own, count)
        batch = relabel(batch) if relabel else batch
        return changes.augment(
            key,
            batch,
            mirror if batch.places is None else None,
            change,
            size=network.input_px,
            framing=network.framing,
        )

    return prepare


def drawer(
    drawn: drawing.Drawn, grid: jax.sharding.Mesh | None = None
) -> Callable[[jax.Array], Rendered]:
    """What draws the faces of these numbers, each device of the mesh its own."""
    platform = grid.devices.flat[0].platform if grid else jax.default_backend()
    faces = functools.partial(
        drawing.records,
        size=drawn.size,
        priors=drawn.priors,
        backgrounds=drawn.backgrounds,
        together=drawing.at_once(platform),
    )
    return streams.drawer(faces, seed=drawn.seed, mesh=grid)


def _target(experiment: plan.Experiment) -> schemes.Scheme:
    """The scheme that the target's faces are labelled in."""
    own = experiment.network.scheme
    return own if experiment.pseudo_labels else measurement.IBUG68


def _relabeller(experiment: plan.Experiment) -> Callable[[Batch], Batch] | None:
    """From the source's labels to the network's: their 68, as they are or adapted."""
    given, own = experiment.faces.source.scheme, experiment.network.scheme
    if adapter := experiment.adapter:
        relabel = functools.partial(adaptation.apply, adapter)
    elif own != given:
        members = given.subset68
        relabel = lambda points: points[:, members]  # noqa: E731
    else:
        return None

    def replace(batch: Batch) -> Batch:
        points = relabel(batch.points)
        unknown = jnp.full(points.shape[:2], UNKNOWN, jnp.int8)
        return batch.replace(points=points, visibility=unknown)

    return replace
