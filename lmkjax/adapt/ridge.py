"""A linear map from points to points, in closed form, on the host."""

import numpy as np

STIFF = 1e-2
"""A ridge at which 25 faces do not learn their own chance (`lean`)."""


class Ridge:
    """Ridge regression of labels on points, solved once for every ridge.

    Attributes:
        faces: how many it was solved for.
        shape: of one face's labels.
        centre: the mean of the points, one axis.
        offset: the mean of what is left of the labels after the start, one axis.
    """

    def __init__(self, points, target, indices):
        """Solves for all ridges.

        Args:
            points: [n k 2], normalised to the face.
            target: [n l 2], in the same frame.
            indices: [l] or None, see `start`.
        """
        self.faces, self.shape, self._indices = len(points), target.shape[1:], indices
        flat = points.reshape(self.faces, -1)
        rest = target - start(points, indices, len(target[0]))
        rest = rest.reshape(self.faces, -1)
        self.centre, self.offset = flat.mean(0), rest.mean(0)
        flat = flat - self.centre
        squares, self._vectors = np.linalg.eigh(flat.T @ flat)
        self._squares = np.maximum(squares, 0.0)
        self._product = self._vectors.T @ (flat.T @ (rest - self.offset))

    def predict(self, points, ridge):
        """Labels [n l 2] of points [n k 2] at a ridge, in squared units of a face."""
        flat = (points.reshape(len(points), -1) - self.centre) @ self._vectors
        rest = (flat @ self._shrunk(ridge) + self.offset).reshape(-1, *self.shape)
        return rest + start(points, self._indices, len(rest[0]))

    def arrays(self, ridge):
        """`centre`, `linear` and `offset` of the map at a ridge.

        An infinite ridge leaves the start, moved by the mean difference.
        """
        matrix, offset = self._vectors @ self._shrunk(ridge), self.offset
        if self._indices is not None:
            landmarks = self.shape[0]
            pick = np.zeros((len(matrix) // 2, 2, landmarks, 2))
            for axis in (0, 1):
                pick[self._indices, axis, np.arange(landmarks), axis] = 1
            pick = pick.reshape(len(matrix), -1)
            matrix, offset = matrix + pick, offset + self.centre @ pick
        arrays = {"centre": self.centre, "linear": matrix, "offset": offset}
        return {name: value.astype(np.float32) for name, value in arrays.items()}

    def whiten(self):
        """The matrix to at most 64 principal components of deviation 1.

        One that moves by less than 0.2 % of a face is noise, and stays smaller.
        """
        scores = int(np.clip(self.faces // 4, 1, min(64, len(self._squares))))
        deviation = np.sqrt(self._squares[-scores:] / self.faces)
        matrix = self._vectors[:, -scores:] / np.maximum(deviation, 2e-3)
        return matrix.astype(np.float32)

    def _shrunk(self, ridge):
        return self._product / (self._squares + self.faces * ridge)[:, None]


def start(points, indices, landmarks):
    """Where each label is looked for before anything is learned: [n l 2].

    Args:
        points: [n k 2].
        indices: for each label, the point nearest to it; None = all at 0, the
            centre of the face.
        landmarks: how many labels.
    """
    if indices is None:
        return np.zeros((len(points), landmarks, 2))
    return points[:, indices]


def mirrored(points, target, mirror):
    """The faces, and each once more as in a mirror; the frame's centre is x = 0.

    Args:
        points: [n k 2].
        target: [n l 2], in the same frame.
        mirror: for both, each landmark's partner on the other side; None = no mirror.
    """
    if mirror is None:
        return points, target
    flip = np.array([-1.0, 1.0])
    pairs = zip((points, target), mirror, strict=True)
    return tuple(np.concatenate([p, p[:, m] * flip]) for p, m in pairs)


def lean(points, target, indices, mirror):
    """How far labels lie to one side of where a map without sides finds them: [2].

    300-W's lie 0.9 % of the eyes' distance to the right of what networks find that
    learn from mirrored faces too, and are found as far to the left where photos are
    mirrored: a habit of the labels, which no such network and no mirrored pair can
    learn.

    Args:
        points: [n k 2].
        target: [n l 2], in the same frame.
        indices: see `start`.
        mirror: as of `mirrored`; without it a map has sides of its own, hence 0.
    """
    if mirror is None:
        return np.zeros(2)
    solved = Ridge(*mirrored(points, target, mirror), indices)
    return (target - solved.predict(points, STIFF)).mean((0, 1))
