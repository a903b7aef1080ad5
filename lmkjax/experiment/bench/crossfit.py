"""Labels of faces by an adapter that has not seen them: how far off it will be."""

import numpy as np

from lmkjax.adapt import adaptation, ridge
from lmkjax.types import host_seed


def labels(
    pred: np.ndarray,
    target: np.ndarray,
    *,
    indices: np.ndarray,
    mirror: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> np.ndarray | None:
    """The labels of each part of the faces, by the linear map that the others teach.

    As `adaptation.fit` fits it, with one ridge for all parts, that which serves them
    best. Without the MLP, which is kept only where it is better: then the labels are
    told as a little worse than they are. Of a part of `adaptation.PARTS`, the map is
    fitted once, so all of it takes about as long as the adapter itself.

    Args:
        pred: [n k 2], predicted points, pixels of any picture.
        target: [n l 2], the labels of the same faces in the same pixels.
        indices: for each label, the predicted point nearest to it.
        mirror: for `pred` and `target`, each landmark's partner on the other side.
        seed: of the division into parts.

    Returns:
        [n l 2], pixels; None where the faces are so few that the adapter is only moved.
    """
    if len(pred) < 2 * adaptation.PARTS:
        return None
    pred, target = np.asarray(pred, np.float64), np.asarray(target, np.float64)
    low, high = pred.min(1, keepdims=True), pred.max(1, keepdims=True)
    size = (high - low).prod(-1, keepdims=True).clip(1e-12) ** 0.5
    centre = (low + high) / 2
    z, t = (pred - centre) / size, (target - centre) / size
    random = np.random.default_rng(host_seed(seed, "parts of faces not seen"))
    found = np.zeros((len(adaptation.RIDGES), *t.shape))
    for part in np.array_split(random.permutation(len(z)), adaptation.PARTS):
        taught = np.setdiff1d(np.arange(len(z)), part)
        both = zip((z[taught], t[taught]), mirror, strict=True)
        twice = [np.concatenate([own, own[:, m] * [-1.0, 1.0]]) for own, m in both]
        solved = ridge.Ridge(*twice, indices)
        for number, strength in enumerate(adaptation.RIDGES):
            found[number, part] = solved.predict(z[part], strength)
    away = np.linalg.norm(found - t, axis=-1).mean((1, 2))
    return found[away.argmin()] * size + centre
