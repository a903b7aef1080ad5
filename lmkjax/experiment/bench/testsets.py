"""Test faces, and what is known of each: its groups."""

import dataclasses
import functools
import math

import numpy as np

from lmkjax.data import streams
from lmkjax.evaluation import groups
from lmkjax.face import labels
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes


@dataclasses.dataclass(frozen=True)
class TestSet:
    """Faces to measure on.

    Attributes:
        name: as it stands in the report.
        canvases: the faces.
        scheme: of their points.
        detector_like: also measure with boxes that are too big, small or beside.
        alone: measure in this scheme alone, not also by the 68 points in it.
    """

    name: str
    canvases: streams.Canvases
    scheme: schemes.Scheme
    detector_like: bool = False
    alone: bool = False

    @functools.cached_property
    def groups(self) -> groups.Groups:
        """Its faces in groups by what is known of them."""
        source, subset = self.canvases.source, self.scheme.subset68
        found = [source.record(index) for index in range(len(self.canvases))]
        if found[0].drawn is None:
            every = np.stack([face.points for face in found])
            return {} if subset is None else groups.by_turn(every[:, subset], None)
        read = functools.partial(_read, np.stack([face.drawn.params for face in found]))
        known = {
            "yaw": np.abs(np.rad2deg(read("camera.yaw_rad"))),
            "skin": read("skin.melanin"),
            "age": np.where(read("youth") > 0, -1.0, read("skin.age")),
        }
        return groups.split(known)


def _read(params: np.ndarray, name: str) -> np.ndarray:
    """One number of many faces, of their parameters in rows as `labels.pack` has them.

    Raises:
        KeyError: no parameter of one number has that name.
    """
    first = 0
    for field, shape in labels.fields(heads.load()):
        if (field, shape) == (name, ()):
            return params[:, first]
        first += math.prod(shape)
    raise KeyError(name)
