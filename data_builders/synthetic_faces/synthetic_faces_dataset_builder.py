"""Our own faces: rendered from a seed, kept so that any landmark follows from them."""

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import inspect
import io
import json
import math
import pathlib
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import rich.console
import rich.progress
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.proto import tf_example_pb2

import lmkjax
from data_builders import flags
from data_builders.flags import CHUNK
from lmkjax.data import workers
from lmkjax.errors import UserError
from lmkjax.face import compiled, drawing, labels
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options as face_options
from lmkjax.face.shape import head as heads
from lmkjax.types import Rendered, faces_of

FIRST_TEST_FACE = 2**31  # far from the train faces, however many they are
JPEG_QUALITY = 95  # 4:4:4; against PNG see README.md
FIELDS = "fields"
"""What the metadata calls the names of a face's parameters."""


@dataclasses.dataclass(eq=False, kw_only=True)
class Config(flags.Faces, tfds.core.BuilderConfig):
    """What a set of faces is made from, as TFDS has it."""


class Builder(tfds.core.ShardBasedBuilder):
    """Faces rendered by lmkjax.face, labelled by construction."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {
        "2.0.0": "Parameters and what hides the head, in place of one scheme's points.",
        "1.0.0": "JPEG, points, visibility, box and number of each face.",
    }
    BUILDER_CONFIGS = [Config(name="photo")]

    def _info(self) -> tfds.core.DatasetInfo:
        """The features; prose comes from README.md, CITATIONS.bib, TAGS.txt."""
        config, fields = self.builder_config, labels.fields(heads.load())
        side = config.size
        tensor, image = tfds.features.Tensor, tfds.features.Image
        features = {
            "image": image(shape=(side, side, 3), encoding_format="jpeg"),
            "params": tensor(
                shape=(sum(math.prod(shape) for _, shape in fields),),
                dtype=np.float32,
                doc="What the face was drawn from, see lmkjax.face.labels.",
            ),
            "bare": image(
                shape=(side, side, 1),
                encoding_format="png",
                doc="How far off the bare head is, in steps, see there.",
            ),
            "thing": tensor(
                shape=(side, -(-side // 8)),
                dtype=np.uint8,
                encoding=tfds.features.Encoding.ZLIB,
                doc="Which pixels a thing hides, eight to a byte.",
            ),
            "box": tensor(
                shape=(4,),
                dtype=np.float32,
                doc="left, top, right, bottom of the 68 iBug points.",
            ),
            "index": tfds.features.Scalar(np.int64, doc="i of faces_of(seed, [i])."),
            "name": tfds.features.Text(doc="The same number, as text."),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # by number: no chance on disk
            metadata=tfds.core.MetadataDict(
                options(config) | {FIELDS: labels.told(heads.load())}
            ),
        )

    def _shard_iterators_per_split(self, dl_manager: tfds.download.DownloadManager):
        """The files of train and test; a split without faces is not there."""
        found = files(self.builder_config)
        return {split: [_shown(file) for file in own] for split, own in found.items()}

    def _example_writer(self) -> tfds.core.writer.ExampleWriter:
        """Writes the same bytes every time."""
        return Steady(file_format=self.info.file_format)


class Steady(tfds.core.writer.ExampleWriter):
    """A writer of files that are the same to the byte whenever they are made.

    TFDS writes an example's features in an order that is another in each process.
    """

    def write(self, path, examples):
        """Writes (key, serialised example) into one file."""
        read = tf_example_pb2.Example.FromString
        steady = (
            (key, read(example).SerializeToString(deterministic=True))
            for key, example in examples
        )
        return super().write(path, steady)


@dataclasses.dataclass(frozen=True)
class File:
    """Faces that lie in one file: they come of the set's options and their numbers.

    Attributes:
        split: "train" or "test".
        index: of the file among those of its split.
        of: how many files the split has.
        numbers: of its faces.
        options: of the set, what `make_config` takes.
    """

    split: str
    index: int
    of: int
    numbers: range
    options: dict

    def __call__(self) -> Iterator[tuple[int, dict]]:
        """Yields (number, example); chunks are encoded while the next is drawn."""
        faces = renderer(make_config(**self.options))
        together = workers.cores()
        waiting = collections.deque()
        with concurrent.futures.ThreadPoolExecutor(together) as pool:
            for first in range(0, len(self.numbers), CHUNK):
                chunk = list(self.numbers[first : first + CHUNK])
                # Filled up by its last face: another length would compile anew.
                full = chunk + chunk[-1:] * (CHUNK - len(chunk))
                drawn = faces(np.array(full, np.uint32))
                waiting.append(pool.submit(_examples, chunk, drawn))
                if len(waiting) > together:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()


def _examples(chunk: Sequence[int], drawn: Rendered) -> list[tuple[int, dict]]:
    """The faces of a chunk with their numbers, as they are stored."""
    drawn = jax.device_get(drawn)
    return [(number, example(drawn, row, number)) for row, number in enumerate(chunk)]


def files(config: Config) -> dict[str, list[File]]:
    """What lies where: the files of each split that has faces, in order."""
    numbers = {
        "train": range(config.count),
        "test": range(FIRST_TEST_FACE, FIRST_TEST_FACE + config.test_count),
    }
    size, found = config.faces_per_file, {}
    for split, own in numbers.items():
        parts = [own[i : i + size] for i in range(0, len(own), size)]
        if parts:
            found[split] = [
                File(split, i, len(parts), part, options(config))
                for i, part in enumerate(parts)
            ]
    return found


def _shown(file: File) -> Callable[[], Iterator[tuple[int, dict]]]:
    """The file, with a progress bar while it is drawn."""

    def faces():
        told = f"{len(file.numbers)} {file.options['looks']} faces"
        yield from rich.progress.track(
            file(),
            f"Rendering {told}, {file.split} {file.index + 1} of {file.of}",
            total=len(file.numbers),
            console=rich.console.Console(stderr=True),
        )

    return faces


def renderer(config: Config) -> Callable[[np.ndarray], Rendered]:
    """What draws the faces of a set, given their numbers (uint32)."""
    return _renderer(config.name, **options(config))


@functools.lru_cache(maxsize=1)  # the files of a set share its pictures
def _renderer(
    name: str, *, seed: int, size: int, looks: str, priors: str, backgrounds: str, **_
) -> Callable[[np.ndarray], Rendered]:
    """As `renderer`, of the set of this name, which tells all that they depend on."""
    chosen = dataclasses.asdict(face_options.choose(looks, priors))
    pictures = backdrop.load(backgrounds) if backgrounds else None

    def faces(numbers: np.ndarray) -> Rendered:
        drawn = draw(faces_of(seed, numbers), chosen, pictures, size=size)
        image = jnp.round(jnp.clip(drawn.image, 0, 1) * 255).astype(jnp.uint8)
        return drawn.replace(image=image)

    return faces


# One program, as a training step that draws is: compiled apart, a pixel between two
# triangles may show the other one. Compiled in half the time of the step's, which moves
# a colour in 400,000 by one of 255. And one for all sets of a size.
@functools.partial(compiled.jit, static=["size"])
def draw(
    keys: jax.Array, priors: dict, pictures: jax.Array | None, *, size: int
) -> Rendered:
    """Faces by their keys, as they are kept.

    Args:
        keys: one for each face.
        priors: the fields of `face_options.Priors`.
        pictures: behind the faces, see `backdrop.load`; None = invented ones.
        size: side of their pictures, pixels.
    """
    return drawing.records(
        keys, size=size, priors=face_options.Priors(**priors), backgrounds=pictures
    )


def example(drawn: Rendered, row: int, number: int) -> dict:
    """One face of a chunk in the form that is stored."""
    bare = io.BytesIO()
    Image.fromarray(drawn.bare[row]).save(bare, "PNG", optimize=True)
    return {
        "image": encoded(drawn.image[row]),
        "params": drawn.params[row],
        "bare": bare.getvalue(),
        "thing": drawn.thing[row],
        "box": drawn.box[row].astype(np.float32),
        "index": number,
        "name": str(number),
    }


def encoded(image: np.ndarray) -> bytes:
    """The picture, uint8, as JPEG at full colour resolution."""
    data = io.BytesIO()
    picture = Image.fromarray(image)
    picture.save(data, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return data.getvalue()


def make_config(
    *,
    count: int = Config.count,
    test_count: int = Config.test_count,
    size: int = Config.size,
    seed: int = Config.seed,
    looks: str = Config.looks,
    priors: str = Config.priors,
    backgrounds: str = Config.backgrounds,
    faces_per_file: int = Config.faces_per_file,
) -> Config:
    """The config of a set; its name tells the options, and the renderer's state.

    Args:
        count: faces of the train split; see `Config`, as for the others.
        test_count: faces of the test split.
        size: side of the pictures, pixels.
        seed: of the faces.
        looks: "photo" or "stand_in".
        priors: what the faces have otherwise, such as "glasses=1 hats=0".
        backgrounds: a folder of pictures to be seen behind the faces.
        faces_per_file: a multiple of the faces drawn together; not told by the name.

    Raises:
        UserError: an unknown look or prior, a folder without pictures, or a number
            that cannot be.
    """
    priors = face_options.tell(face_options.choose(looks, priors), looks)
    if not 0 <= seed < 2**32:  # others are the sets of these over again
        raise UserError(f"Wanted a seed from 0 to {2**32 - 1}; got {seed}.")
    if size < 1 or min(count, test_count) < 0 or count + test_count == 0:
        raise UserError(
            "Wanted a size of at least 1 pixel and at least one face; got size "
            f"{size}, count {count}, test count {test_count}."
        )
    if faces_per_file < 1 or faces_per_file % CHUNK:
        # A face's last bits may depend on its place among those drawn together.
        raise UserError(
            f"Wanted faces per file in multiples of {CHUNK}; got {faces_per_file}."
        )
    told = f"{count}+{test_count}-{size}px-seed{seed}-{looks}"
    told += "-otherwise" * bool(priors) + "-backgrounds" * bool(backgrounds)
    return Config(
        name=f"{told}-{_state(priors, backgrounds)}",
        description="Told by the name, which ends in a digest of the renderer.",
        count=count,
        test_count=test_count,
        size=size,
        seed=seed,
        looks=looks,
        priors=priors,
        backgrounds=backgrounds,
        faces_per_file=faces_per_file,
    )


def options(config: Config) -> dict:
    """What `make_config` takes, as the config has it."""
    names = inspect.signature(make_config).parameters
    return {name: getattr(config, name) for name in names}


def describe(folder: pathlib.Path) -> list[str]:
    """One line: what a prepared set was made from."""
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata.pop(FIELDS)  # they say nothing to a reader
    told = ", ".join(f"{n} {value}" for n, value in metadata.items() if value != "")
    return [f"Synthetic faces: {told}"]


def _state(priors: str, backgrounds: str) -> str:
    """A digest of all that a face depends on beside the options: code and assets."""
    home = pathlib.Path(lmkjax.__file__).parent
    digest = hashlib.sha256(f"{JPEG_QUALITY} {priors}".encode())
    for file in backdrop.find(backgrounds) if backgrounds else ():
        digest.update(f"{file.name} {file.stat().st_size}".encode())
    rooms = ("landmarks", "images", "face")
    files = [file for room in rooms for file in (home / room).rglob("*")]
    for file in sorted([*files, home / "types.py"]):  # that makes the faces' keys
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]
