"""Label adapters: predicted points of one scheme to labels of the 68, or back.

Fitted after a training on predictions for labelled faces, or before one, to rewrite
labels. An adapter sees points normalised to the face, so that it is blind to where
the crop lies; it is a linear map and, where a held-out part of the faces says that it
helps, a small MLP on top.
"""

import dataclasses
import io
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lmkjax import files
from lmkjax.adapt import label_mlp, ridge
from lmkjax.errors import UserError
from lmkjax.landmarks import points as coordinates
from lmkjax.landmarks import schemes
from lmkjax.types import host_seed

Points = np.ndarray | jax.Array

RIDGES = np.logspace(-7, 1, 17)
"""Candidates for the ridge, per face, in squared sizes of a face."""

FILE = "adapter.npz"
"""Its name in a run's folder."""

PARTS = 5
"""Parts of the faces, each of which is held out once."""


@dataclasses.dataclass(frozen=True)
class Adapter:
    """What `fit` found.

    Attributes:
        params: of `label_mlp.LabelMLP`, by name joined with "/".
        errors: mean distance on held-out faces, share of the face's size, of the
            start ("subset" or "mean"), of the "linear" map and with the "mlp", what
            all labels lean to one side (`ridge.lean`) left out; empty where there were
            too few faces to hold any out.
        scheme: that it reads; None = nobody said.
        scale: for each label, what the uncertainty of the predicted point nearest to
            it is multiplied by; None = nobody measured.
    """

    params: dict[str, np.ndarray]
    errors: dict[str, float]
    scheme: schemes.Scheme | None = None
    scale: np.ndarray | None = None


def fit(
    pred: np.ndarray,
    target: np.ndarray,
    *,
    indices: np.ndarray | None = None,
    mirror: tuple[np.ndarray, np.ndarray] | None = None,
    hidden: int = 128,
    steps: int = 600,
    seed: int = 0,
    scheme: schemes.Scheme | None = None,
) -> Adapter:
    """The adapter that takes `pred` to `target`, as good as the faces allow.

    Five parts of the faces, each held out once, choose the ridge; the first of them
    decides whether the MLP is kept. Below 46 faces there is no MLP; below 10 the
    adapter is its start, moved by the mean difference.

    Args:
        pred: [n k 2], predicted points, pixels of any picture.
        target: [n l 2], the labels of the same faces in the same pixels.
        indices: for each label, the predicted point nearest to it, which the
            adapter starts from; None = the labels' mean shape.
        mirror: for `pred` and `target`, each landmark's partner on the other side;
            each face then counts twice, once mirrored (but see `ridge.lean`).
        hidden: units of the MLP.
        steps: of Adam; 0 = no MLP.
        seed: of the division into parts, and of the MLP.
        scheme: of `pred`, to be kept with the adapter.

    Raises:
        UserError: no face, different numbers of faces, or a point that is no number.

    Source: Wood et al., "Fake It Till You Make It", ICCV 2021: a two-layer MLP,
        Adam, best on a validation part. The linear map beneath it is ours.
    """
    pred, target = _checked(pred, target)
    centre, size = _frame(pred)
    z, t = (pred - centre) / size, (target - centre) / size
    parts = _parts(len(z), seed)
    if len(z) < 2 * PARTS:
        return Adapter(ridge.Ridge(z, t, indices).arrays(np.inf), {}, scheme)

    aside = ridge.lean(z, t, indices, mirror)
    t = t - aside
    best, errors = _choose_ridge(z, t, parts, indices, mirror)
    if steps and len(parts[0]) >= 10:  # fewer could not tell chance from progress
        taught = np.concatenate(parts[1:])
        here, there = ridge.mirrored(z[taught], t[taught], mirror)
        solved = ridge.Ridge(here, there, indices)
        params = solved.arrays(best) | {"whiten": solved.whiten()}
        held = z[parts[0]], t[parts[0]]
        alone = _error(_run(params, held[0]), held[1])
        found, error = _learn(
            params, here, there, *held, hidden=hidden, steps=steps, seed=seed
        )
        errors["mlp"] = errors["linear"] * error / alone
        if error < 0.99 * alone:
            return Adapter(_moved(found, aside), errors, scheme)
    # The linear map alone: now that its ridge is chosen, all faces may teach it.
    solved = ridge.Ridge(*ridge.mirrored(z, t, mirror), indices)
    return Adapter(_moved(solved.arrays(best), aside), errors, scheme)


def unseen(
    pred: np.ndarray,
    target: np.ndarray,
    *,
    indices: np.ndarray | None = None,
    mirror: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> np.ndarray | None:
    """The labels of each part of the faces by the linear map that the others teach.

    One ridge for all parts, that which serves them best, and no MLP, which is kept only
    where it is better: so labels are told as a little worse than an adapter's are.

    Args:
        pred: as of `fit`, and so are the others.
        target: the labels.
        indices: for each label, the predicted point nearest to it.
        mirror: each landmark's partner on the other side.
        seed: of the division into parts.

    Returns:
        [n l 2], pixels; None where the faces are so few that the adapter is only moved.

    Raises:
        UserError: as `fit`.
    """
    pred, target = _checked(pred, target)
    if len(pred) < 2 * PARTS:
        return None
    centre, size = _frame(pred)
    z, t = (pred - centre) / size, (target - centre) / size
    aside = ridge.lean(z, t, indices, mirror)
    t = t - aside
    found = np.zeros((len(RIDGES), *t.shape))
    for part in _parts(len(z), seed):
        taught = np.setdiff1d(np.arange(len(z)), part)
        solved = ridge.Ridge(*ridge.mirrored(z[taught], t[taught], mirror), indices)
        for number, strength in enumerate(RIDGES):
            found[number, part] = solved.predict(z[part], strength)
    best = np.argmin([_error(labels, t) for labels in found])
    return (found[best] + aside) * size + centre


def apply(adapter: Adapter, points: Points) -> Points:
    """The labels [n l 2] that belong to points [n k 2], in their pixels.

    Args:
        adapter: see `fit`.
        points: of NumPy, or of JAX, also while it traces.

    Raises:
        UserError: the adapter reads another number of points.
    """
    wanted = len(adapter.params["centre"]) // 2
    if points.ndim != 3 or points.shape[1:] != (wanted, 2):
        raise UserError(
            f"The adapter reads [faces, {wanted}, 2] points; got {points.shape}. "
            "Fit one for this scheme."
        )
    centre, size = _frame(points)
    out = _run(adapter.params, (points - centre) / size)
    return (out * size + centre).astype("float32")


def save(adapter: Adapter, path: os.PathLike | str) -> None:
    """Writes an .npz that holds arrays and text only, whole or not at all."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"params/{name}": value for name, value in adapter.params.items()}
    arrays |= {f"errors/{name}": np.float64(e) for name, e in adapter.errors.items()}
    arrays |= {} if adapter.scale is None else {"scale": adapter.scale}
    scheme = adapter.scheme.text if adapter.scheme else ""
    data = io.BytesIO()
    np.savez(data, scheme=np.str_(scheme), **arrays)
    files.write(path, data.getvalue())


def load(path: os.PathLike | str) -> Adapter:
    """The adapter that `save` wrote.

    Raises:
        UserError: there is no such file, or it holds no adapter.
    """
    try:
        data = io.BytesIO(pathlib.Path(path).read_bytes())
        with np.load(data, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        scheme, centre = str(arrays.pop("scheme")), arrays.pop("params/centre")
        # Older files tell a name alone, which may be that of a user's own scheme.
        known = scheme in schemes.SCHEMES or scheme.endswith("}")
        scheme = schemes.get(scheme) if known else None
    except Exception as error:  # a damaged file makes NumPy and zlib raise anything
        raise UserError(
            f"Wanted an adapter's .npz at {path}; got {type(error).__name__}. "
            "Training or `adaptation.save` writes one."
        ) from error
    params, errors, scale = {"centre": centre}, {}, arrays.pop("scale", None)
    for name, value in arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "params":
            params[rest] = value
        elif kind == "errors":
            errors[rest] = float(value)
    return Adapter(params, errors, scheme, scale)


def _checked(pred, target):
    """Both as float64, or a refusal."""
    pred, target = np.asarray(pred, np.float64), np.asarray(target, np.float64)
    if len(pred) == 0 or len(pred) != len(target):
        raise UserError(
            "An adapter needs predictions and labels of the same faces, 20 or more; "
            f"got {len(pred)} and {len(target)}."
        )
    if not (np.isfinite(pred).all() and np.isfinite(target).all()):
        raise UserError(
            "An adapter needs points that are numbers; got NaN or infinity."
        )
    return pred, target


def _parts(count, seed):
    """The numbers of the faces of each part, by chance."""
    random = np.random.default_rng(host_seed(seed, "parts"))
    return np.array_split(random.permutation(count), PARTS)


def _frame(points):
    """Centre and size of each face: of the box around its points."""
    low, high = points.min(1, keepdims=True), points.max(1, keepdims=True)
    size = (high - low).prod(-1, keepdims=True) ** 0.5
    return (low + high) / 2, size.clip(1e-6)


def _moved(params, aside):
    """A map whose labels all lie further by [2]."""
    offset = params["offset"].reshape(-1, 2) + aside.astype(np.float32)
    return params | {"offset": offset.reshape(-1)}


def _choose_ridge(z, t, parts, indices, mirror):
    """The ridge that serves best the part left out, and the mean errors there."""
    errors, starts = np.zeros(len(RIDGES)), 0.0
    for part in parts:
        taught = np.setdiff1d(np.arange(len(z)), part)
        solved = ridge.Ridge(*ridge.mirrored(z[taught], t[taught], mirror), indices)
        errors += [_error(solved.predict(z[part], r), t[part]) for r in RIDGES]
        start = ridge.start(z[part], indices, t.shape[1])
        if indices is None:
            start = start + t[taught].mean(0)
        starts += _error(start, t[part])
    best, name = int(np.argmin(errors)), "mean" if indices is None else "subset"
    mean = {name: starts / len(parts), "linear": errors[best] / len(parts)}
    return float(RIDGES[best]), {name: float(e) for name, e in mean.items()}


def _run(params, z):
    """The linear map, and the MLP where there is one."""
    flat = z.reshape(z.shape[0], -1) - params["centre"][None]
    out = _product(flat, params["linear"]) + params["offset"][None]
    if "narrow/kernel" in params:
        y = _product(_product(flat, params["whiten"]), params["narrow/kernel"])
        y = (y + params["narrow/bias"][None]).clip(0)
        out = out + _product(y, params["widen/kernel"]) + params["widen/bias"][None]
    return out.reshape(z.shape[0], -1, 2)


def _product(one, other):
    """On the host, NumPy's product in the factors' own type; else an exact one."""
    on_host = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    return one @ other if on_host else coordinates.product(one, other)


def _error(pred, target):
    """Mean distance."""
    return float(np.linalg.norm(pred - target, axis=-1).mean())


def _learn(params, z, t, z_held, t_held, *, hidden, steps, seed):
    """All parameters with the MLP at its best on the held-out faces, and its error."""
    module = label_mlp.LabelMLP(hidden, params["whiten"].shape[1], t.shape[1])
    z, t, z_held, t_held = (jnp.asarray(a, jnp.float32) for a in (z, t, z_held, t_held))
    random = np.random.default_rng(host_seed(seed, "mlp"))
    scores, out = params["whiten"].shape[1], 2 * t.shape[1]
    kernel = random.normal(size=(scores, hidden)) * np.sqrt(2 / scores)
    learned = {
        "narrow": {
            "kernel": jnp.asarray(kernel, jnp.float32),
            "bias": jnp.zeros(hidden),
        },
        "widen": {"kernel": jnp.zeros((hidden, out)), "bias": jnp.zeros(out)},
    }
    schedule = optax.cosine_decay_schedule(1e-3, steps)
    optimiser = optax.adamw(schedule, weight_decay=1e-2)
    drawn = jnp.asarray(random.integers(0, len(z), (steps, min(256, len(z)))))

    def distance(learned, z, t):
        offset = module.apply({"params": params | learned}, z) - t
        return jnp.sqrt(jnp.square(offset).sum(-1) + 1e-10).mean()

    def step(carry, rows):
        learned, state, best, least = carry
        grad = jax.grad(distance)(learned, z[rows], t[rows])
        update, state = optimiser.update(grad, state, learned)
        learned = optax.apply_updates(learned, update)
        error = distance(learned, z_held, t_held)
        better = error < least
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), learned, best)
        return (learned, state, best, jnp.minimum(error, least)), None

    begin = (learned, optimiser.init(learned), learned, jnp.array(jnp.inf))
    run = jax.jit(lambda carry: jax.lax.scan(step, carry, drawn)[0])
    _, _, best, least = run(begin)
    flat = {f"{a}/{b}": np.asarray(best[a][b]) for a in best for b in best[a]}
    return params | flat, float(least)
