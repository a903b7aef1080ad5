"""A million faces: the set that `data_builders.build` makes, its files made by Beam.

Every file is made by one worker from its faces' numbers alone, so the files are the
same whatever the number of workers, and the same as those of one process.
"""

import contextlib
import pathlib
import shutil
import tempfile
import uuid
from collections.abc import Sequence

import apache_beam as beam
import tensorflow_datasets as tfds
from apache_beam.io import filesystem, filesystems
from apache_beam.options import pipeline_options

from data_builders import build
from data_builders.synthetic_faces import synthetic_faces_dataset_builder as faces
from lmkjax import files

NAME = "synthetic_faces"
FILES = filesystems.FileSystems


def prepare(*, data_dir: str, beam_flags: Sequence[str], **options) -> str:
    """The folder of a prepared set, whose missing files are made by a Beam job.

    A job that was killed goes on: files that are there are whole, and kept.

    Args:
        data_dir: where prepared datasets are kept: a folder that all workers see, or
            any place that Beam writes to (`gs://...`, `s3://...`, `hdfs://...`).
        beam_flags: Beam's own, such as `--runner=DataflowRunner`.
        **options: what `synthetic_faces_dataset_builder.make_config` takes.

    Returns:
        The folder; the same as `build.prepare` gives.

    Raises:
        UserError: the options make no set.
    """
    config = faces.make_config(**options)
    here = "://" not in data_dir
    if here:
        data_dir = str(pathlib.Path(data_dir).expanduser().resolve())
    home = FILES.join(data_dir, NAME, config.name)
    folder = FILES.join(home, str(faces.Builder.VERSION))
    lock = contextlib.nullcontext()
    if here:
        lock = files.alone(pathlib.Path(home), wait=True)
    with lock:
        if not FILES.exists(FILES.join(folder, build.WHOLE)):
            _make(config, folder, beam_flags)
    return folder


def _make(config: faces.Config, folder: str, beam_flags: Sequence[str]) -> None:
    """Makes the files that are not there, and tells of all at the end."""
    split_files = faces.files(config)
    every = {name_of(file): file for own in split_files.values() for file in own}
    there = _sizes(folder)
    if strangers := set(there) - set(every):  # of a killed job with larger files
        FILES.delete([FILES.join(folder, name) for name in strangers])
    if todo := [file for name, file in every.items() if name not in there]:
        with beam.Pipeline(options=pipeline_options.PipelineOptions(beam_flags)) as job:
            _ = (
                job
                | "Files" >> beam.Create(todo)
                | "Share out" >> beam.Reshuffle()
                | "Draw and write" >> beam.Map(write, folder)
            )
    sizes = _sizes(folder)
    with tempfile.TemporaryDirectory() as scratch, build.quiet():
        info = faces.Builder(data_dir=scratch, config=config).info
        info.set_file_format("array_record", override=True)
        info.set_splits(
            tfds.core.SplitDict(
                [
                    tfds.core.SplitInfo(
                        name=split,
                        shard_lengths=[len(file.numbers) for file in own],
                        num_bytes=sum(sizes[name_of(file)] for file in own),
                        filename_template=_template(split),
                    )
                    for split, own in split_files.items()
                ]
            )
        )
        info.write_to_directory(scratch)
        told = [p for p in pathlib.Path(scratch).iterdir() if p.is_file()]
        for path in sorted(told, key=lambda p: p.name == build.WHOLE):
            _put(path, FILES.join(folder, path.name))


def write(file: faces.File, folder: str) -> None:
    """Makes one file of a set; it appears at once and whole.

    Args:
        file: which faces.
        folder: of the set.
    """
    with tempfile.TemporaryDirectory() as scratch, build.quiet():
        config = faces.make_config(**file.options)
        features = faces.Builder(data_dir=scratch, config=config).info.features
        path = pathlib.Path(scratch) / name_of(file)
        writer = faces.Steady(file_format=tfds.core.FileFormat.ARRAY_RECORD)
        writer.write(path, ((n, features.serialize_example(x)) for n, x in file()))
        _put(path, FILES.join(folder, path.name))


def name_of(file: faces.File) -> str:
    """A file's name, as TFDS would name it."""
    template = _template(file.split)
    return template.sharded_filepath(shard_index=file.index, num_shards=file.of).name


def _template(split: str) -> tfds.core.ShardedFileTemplate:
    return tfds.core.ShardedFileTemplate(
        data_dir=pathlib.Path(),
        dataset_name=NAME,
        split=split,
        filetype_suffix="array_record",
    )


def _sizes(folder: str) -> dict[str, int]:
    """The files of faces that are there, and their bytes."""
    pattern = FILES.join(folder, f"{NAME}-*")
    (found,) = FILES.match([pattern])
    return {FILES.split(f.path)[1]: f.size_in_bytes for f in found.metadata_list}


def _put(path: pathlib.Path, target: str) -> None:
    """Copies a file to where the set is; under another name until it is whole."""
    part = f"{FILES.split(target)[0]}/part-{uuid.uuid4().hex}"
    plain = filesystem.CompressionTypes.UNCOMPRESSED
    with path.open("rb") as own, FILES.create(part, compression_type=plain) as other:
        shutil.copyfileobj(own, other)
    FILES.rename([part], [target])
