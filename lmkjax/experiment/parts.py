"""A config's network, terms and streams, as objects."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from lmkjax.adapt import adaptation
from lmkjax.data import geometric, photometric, streams
from lmkjax.detect import inference
from lmkjax.errors import UserError
from lmkjax.experiment import datasets, measurement
from lmkjax.face import drawing
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options
from lmkjax.landmarks import schemes
from lmkjax.losses import landmark
from lmkjax.objectives import daln, discriminator, label_transfer, objective, supervised
from lmkjax.training import optim, step
from lmkjax.types import Batch

LOSSES = {
    "points": landmark.points,
    "kl": landmark.kl,
    "mse": landmark.mse,
    "awing": landmark.awing,
}


def network(
    config: ml_collections.ConfigDict, faces: datasets.Domains
) -> inference.Spec:
    """The network that a config asks for."""
    model, terms = config.model, config.terms
    return inference.Spec(
        scheme=config.scheme,
        input_px=model.input_px,
        stacks=model.stacks,
        features=model.features,
        depth=model.depth,
        gain=config.heatmaps.gain,
        dtype=model.dtype,
        transfer_features=model.transfer_features * bool(terms.label_transfer.weight),
        critic=bool(terms.discriminator.weight),
        decoder=config.heatmaps.decoder,
        margin=config.crop.margin,
        trained_on=faces.described(streams_of(config)),
    )


def streams_of(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """The streams that the config's terms read: "source", "target" or both."""
    terms = config.terms
    two = terms.label_transfer, terms.daln, terms.discriminator
    both = ("source", "target")
    if any(term.weight for term in two):
        return both
    wrong = set(terms.supervised.streams) - set(both)
    if wrong or not terms.supervised.streams:
        raise UserError(
            f"Wanted terms.supervised.streams out of {both};"
            f" got {tuple(terms.supervised.streams)}."
        )
    return tuple(s for s in both if s in terms.supervised.streams)


def shares_of(config: ml_collections.ConfigDict) -> dict[str, int]:
    """How many faces of each stream a step sees."""
    names, batch = streams_of(config), config.train.batch
    if len(names) == 1:
        return {names[0]: batch}
    source = round(batch * config.data.source_share)
    return {"source": source, "target": batch - source}


def opener(
    config: ml_collections.ConfigDict, faces: datasets.Domains, name: str, batch: int
) -> Callable[[int], Iterator[Any]]:
    """From a step to a stream's batches from there on."""
    place = {
        "batch": batch,
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    if name == "source" and config.data.source == "rendered":
        return lambda step: streams.rendered(start_step=step, **place)
    canvases = faces.source if name == "source" else faces.target
    return lambda step: streams.train(
        canvases, seed=config.seed, start_step=step, **place
    )


def build_objective(
    config: ml_collections.ConfigDict, spec: inference.Spec, *, devices: int
) -> objective.Objective:
    """The terms of a config over the network, and how each stream is prepared."""
    terms, maps = config.terms, config.heatmaps

    def loss(logits, target, valid):
        return LOSSES[maps.loss](logits, target, valid, sigma_px=maps.sigma_px)

    own = tuple(terms.supervised.streams)
    all_terms = {
        "supervised": (terms.supervised, supervised.Supervised(loss, own)),
        "label_transfer": (terms.label_transfer, label_transfer.LabelTransfer(loss)),
        "daln": (
            terms.daln,
            daln.DALN(
                form=terms.daln.form,
                ramp_steps=terms.daln.ramp_steps,
                group=terms.daln.group,
            ),
        ),
        "discriminator": (
            terms.discriminator,
            discriminator.Discriminator(ramp_steps=terms.discriminator.ramp_steps),
        ),
    }
    return objective.Objective(
        spec.module(),
        {n: (t.weight, term) for n, (t, term) in all_terms.items() if t.weight},
        {name: preparer(config, name) for name in streams_of(config)},
        devices=devices,
    )


def build_step(
    config: ml_collections.ConfigDict, spec: inference.Spec, grid: jax.sharding.Mesh
) -> tuple[Callable[[jax.Array], Any], optax.GradientTransformation, Callable]:
    """What a training is made of: a key to first weights, the optimiser, the step."""
    goal = build_objective(config, spec, devices=grid.size)
    optimizer = optim.adamw(
        weight_decay=config.optimizer.weight_decay, clip_norm=config.optimizer.clip_norm
    )
    image = jnp.zeros((1, spec.input_px, spec.input_px, 3))
    one_step = step.build(
        goal,
        optimizer,
        peak=config.optimizer.learning_rate,
        warmup_steps=config.optimizer.warmup_steps,
        ema=config.optimizer.ema,
        accumulate=config.train.accumulate,
        mesh=grid,
        fsdp_min_size=config.train.fsdp_min_size,
    )
    return lambda key: goal.module.init(key, image)["params"], optimizer, one_step


def preparer(config: ml_collections.ConfigDict, name: str) -> objective.Prepare:
    """What makes a stream's faces ready on the device: draw, relabel, augment."""
    source = name == "source"
    draw = _drawer(config) if source and config.data.source == "rendered" else None
    relabel = _relabeller(config) if source else None
    mirror = schemes.get(config.scheme if source else measurement.IBUG68).mirror
    augment = config.augment

    def prepare(key: jax.Array, batch: Any) -> Batch:
        where, look = jax.random.split(key)
        batch = draw(batch) if draw else batch
        batch = relabel(batch) if relabel else batch
        batch = geometric.augment(
            where,
            batch,
            jnp.asarray(mirror),
            size=config.model.input_px,
            margin=config.crop.margin,
            rotation_deg=augment.rotation_deg,
            scale=augment.scale,
            shift=augment.shift,
            flip_chance=augment.flip,
            occlude_chance=augment.occlude,
        )
        image = photometric.augment(
            look, batch.image, colour=augment.colour, blur_chance=augment.blur
        )
        return batch.replace(image=image)

    return prepare


def _drawer(config: ml_collections.ConfigDict) -> Callable[[jax.Array], Batch]:
    canvas_px = round(config.model.input_px * config.crop.canvas)
    scheme = schemes.get(config.data.scheme)
    priors = options.choose("photo", config.data.priors)
    folder = config.data.backgrounds
    behind = backdrop.load(folder) if folder else None

    def faces(keys):
        return drawing.faces(
            keys, scheme, size=canvas_px, priors=priors, backgrounds=behind
        )

    return streams.drawer(faces, seed=config.seed)


def _relabeller(config: ml_collections.ConfigDict) -> Callable[[Batch], Batch] | None:
    """From the source's labels to the network's: their 68, as they are or adapted."""
    if config.data.adapter:
        run_folder = pathlib.Path(config.data.adapter)
        adapter = adaptation.load(run_folder / adaptation.FILE)
        if adapter.scheme != config.data.scheme:
            raise UserError(
                f"The adapter of {run_folder} reads '{adapter.scheme}'; the source's"
                f" scheme is '{config.data.scheme}': set --config.data.scheme."
            )
        relabel = lambda points: adaptation.apply(adapter, points)  # noqa: E731
    elif config.scheme != config.data.scheme:
        members = np.asarray(schemes.get(config.data.scheme).subset68)
        relabel = lambda points: points[:, members]  # noqa: E731
    else:
        return None

    def replace(batch: Batch) -> Batch:
        points = relabel(batch.points)
        seen = jnp.ones(points.shape[:2], bool)
        return batch.replace(points=points, visible=seen)

    return replace
