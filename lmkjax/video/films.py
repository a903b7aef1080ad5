"""Videos and cameras, picture by picture as one sees them; pictures to a video."""

import contextlib
import fractions
import importlib
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lmkjax.errors import UserError

TICKS = 90_000
"""Times of a video are whole multiples of a second's 90,000th part."""
LARGEST = 8192
"""Pixels of a video's longer side, at most."""
SHORT_S = 0.5
"""A video that ends so much before the end that it tells has been cut off."""
RATE = 25.0
"""Pictures a second of a video that does not say so."""
CODECS = ("libx264", "h264", "mpeg4")
"""What a video is written with: the first that is there."""


class Shot(NamedTuple):
    """One picture of a video.

    Attributes:
        image: RGB, turned as the video says.
        time_s: seconds from the video's first picture, later than the one before.
    """

    image: Image.Image
    time_s: float


class Film:
    """A video file or a camera that is open: iterate over its pictures once.

    Attributes:
        faults: what went wrong so far, a line each: a video that breaks off ends
            early, a picture that cannot be decoded is left out, one that FFmpeg holds
            for damaged is not.
        count: how many pictures the file says to have; None where it does not.
        rate: how many there are in a second, at the mean; None likewise.
        size: width and height of its pictures.
    """

    def __init__(self, container: Any, name: str, *, live: bool):
        self.faults: list[str] = []
        self._container, self._name, self._live = container, name, live
        self._stream = container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self.count = self._stream.frames or None
        self.rate = float(self._stream.average_rate or 0) or None
        context = self._stream.codec_context
        self.size = context.width, context.height

    def __iter__(self) -> Iterator[Shot]:
        """The pictures, in the order and at the times that they are seen."""
        clock, damaged, broken = _Clock(1 / (self.rate or RATE)), 0, 0
        with contextlib.closing(self._packets()) as packets:
            for packet in packets:
                try:
                    frames = packet.decode()
                except Exception as error:
                    if not _of_ffmpeg(error):
                        raise
                    damaged += 1
                    continue
                broken += packet.is_corrupt or any(f.is_corrupt for f in frames)
                for frame in frames:
                    yield Shot(_picture(frame), clock(frame.time))
        if clock.last_s is None:
            raise UserError(f"{self._name}: wanted a video; it has no pictures in it.")
        self._note_a_short_end(clock.last_s)
        if damaged:
            self.faults.append(
                f"{self._name}: {damaged} parts of it cannot be decoded; what they"
                " show is left out."
            )
        if broken and not (self._live or self.faults):  # where it breaks off are some
            self.faults.append(
                f"{self._name}: {broken} parts of it are damaged; their pictures are"
                " read as they are."
            )

    def close(self) -> None:
        """Lets go of the file or camera."""
        self._container.close()

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _packets(self) -> Iterator[Any]:
        """What the file holds, up to where it cannot be read any more."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except Exception as error:
                if not _of_ffmpeg(error):
                    raise
                self.faults.append(f"{self._name} breaks off: {_why(error)}.")
                return
            yield packet

    def _note_a_short_end(self, last: float) -> None:
        """Notes that the file ends before its end."""
        told = _length(self._container, self._stream)
        if self._live or self.faults or not told:
            return
        if last < told - SHORT_S - 2 / (self.rate or 2):
            self.faults.append(
                f"{self._name} breaks off: its last picture is at {last:.1f} s of"
                f" {told:.1f}."
            )


class _Clock:
    """When pictures are seen: from 0 on, each later than the one before.

    Attributes:
        last_s: of the last picture; None before the first.
    """

    def __init__(self, step_s: float):
        """A clock that has not begun.

        Args:
            step_s: from a picture to the next, where the file does not tell.
        """
        self.last_s: float | None = None
        self._step_s = step_s
        self._start_s: float | None = None
        self._told_s: float | None = None

    def __call__(self, told_s: float | None) -> float:
        """The time of the next picture, by what the file tells of it, if anything."""
        first = self.last_s is None
        due = 0.0 if first else self.last_s + self._step_s
        if told_s is None or told_s == self._told_s:  # of a raw stream all are 0
            self.last_s = due
        else:
            self._start_s = told_s - due if self._start_s is None else self._start_s
            # Times that go back are mended.
            least = due if first else self.last_s + 1 / TICKS
            self.last_s = max(told_s - self._start_s, least)
        self._told_s = told_s
        return self.last_s


def open_film(source: str | pathlib.Path | int) -> Film:
    """A video file, or a camera by its number.

    Raises:
        UserError: it is no video that can be read, or there is no such camera.
    """
    av = importlib.import_module("av")
    name = f"camera {source}" if isinstance(source, int) else str(source)
    try:
        container = (
            _camera(av, source) if isinstance(source, int) else av.open(str(source))
        )
    except Exception as error:
        if not _of_ffmpeg(error) and not isinstance(error, OSError | ValueError):
            raise
        wanted = "a camera's number" if isinstance(source, int) else "a video"
        raise UserError(f"{name}: wanted {wanted}; {_why(error)}.") from None
    cover = av.stream.Disposition.attached_pic  # the picture of a song's record
    video = [s for s in container.streams.video if not s.disposition & cover]
    if not video:
        container.close()
        raise UserError(
            f"{name}: wanted a video; there are no moving pictures in it (photos:"
            " --images)."
        )
    context = video[0].codec_context
    if max(context.width, context.height) > LARGEST:
        container.close()
        raise UserError(
            f"{name}: wanted a video of at most {LARGEST} pixels a side; it has"
            f" {context.width} x {context.height}."
        )
    return Film(container, name, live=isinstance(source, int))


def _camera(av: Any, number: int) -> Any:
    """A camera of this machine, by its number."""
    if sys.platform == "darwin":
        options = {"framerate": "30"}
        return av.open(str(number), format="avfoundation", options=options)
    if sys.platform == "win32":
        names = [d.name for d in av.enumerate_input_devices("dshow")]
        if number >= len(names):
            raise ValueError(f"there are {len(names)}, counted from 0")
        return av.open(f"video={names[number]}", format="dshow")
    return av.open(f"/dev/video{number}", format="v4l2")


def _length(container: Any, stream: Any) -> float | None:
    """Seconds that the pictures take, as the file tells; None if it does not.

    Matroska tells when each stream ends, in words, or when the longest does.
    """
    if stream.duration:
        return float(stream.duration * stream.time_base)
    start = float((stream.start_time or 0) * stream.time_base)
    told = stream.metadata.get("DURATION") or ""
    if end := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", told):
        hours, minutes, seconds = map(float, end.groups())
        return hours * 3600 + minutes * 60 + seconds - start
    if container.duration and len(container.streams) == 1:
        return container.duration / 1_000_000 - start
    return None


def _picture(frame: Any) -> Image.Image:
    """A frame as one sees it."""
    pixels = frame.to_ndarray(format="rgb24")
    return Image.fromarray(np.rot90(pixels, k=round(frame.rotation / 90)))


def _of_ffmpeg(error: Exception) -> bool:
    """Whether FFmpeg has said so; its errors are Python's too, of all kinds."""
    return type(error).__module__.partition(".")[0] == "av"


def _why(error: Exception) -> str:
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(told).split())[:120].removesuffix(".")


class Writer:
    """A video file that pictures are added to; what is in it can be seen at any time.

    Pictures keep the times that they come with, so a varying rate stays one. Where a
    side is odd, its last pixels stand there twice: videos want even ones.
    """

    def __init__(self, path: pathlib.Path, size: tuple[int, int], *, rate: float):
        """Begins a file.

        Args:
            path: it is replaced.
            size: width and height of the pictures; others are brought to it.
            rate: about how many there are in a second.
        """
        av = importlib.import_module("av")
        self._av, self._last = av, -1
        # In pieces, each whole: a job that is killed leaves what can be seen.
        pieces = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        pieces |= {"flush_packets": "1"}
        self._container = av.open(str(path), "w", format="mp4", options=pieces)
        codec = next(name for name in CODECS if _can_write(av, name))
        near = fractions.Fraction(rate).limit_denominator(1000)
        self._stream = self._container.add_stream(codec, rate=near)
        self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = fractions.Fraction(1, TICKS)
        self._stream.codec_context.gop_size = max(round(rate), 1)
        # No picture waits for a later one: else all times move by that wait, as a file
        # in pieces has no room for it.
        quality = {"crf": "18", "preset": "veryfast", "bf": "0"}
        self._stream.options = quality if codec == "libx264" else {"qscale": "3"}
        self._size = size

    def add(self, image: Image.Image, time_s: float) -> None:
        """Adds a picture that is seen from this time on, later than the one before."""
        if image.size != self._size:
            image = image.resize(self._size)
        pixels = np.asarray(image)
        odd = [(0, side % 2) for side in pixels.shape[:2]]
        pixels = np.pad(pixels, (*odd, (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        self._last = max(round(time_s * TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, fractions.Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Writes what is left."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _can_write(av: Any, name: str) -> bool:
    try:
        return av.Codec(name, "w").is_encoder
    except av.error.FFmpegError:
        return False
