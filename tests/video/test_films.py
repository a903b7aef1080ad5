"""Videos read as one sees them; what is none, or ends early, is one line."""

import importlib
import re
import struct

import numpy as np
import pytest
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.video import films

pytest.importorskip("av", reason='needs the extra "video"')


def shades(count, size=(64, 48)):
    """Pictures that get brighter from left to right and from one to the next."""
    across = np.linspace(0, 100, size[0], dtype=np.uint8)
    for i in range(count):
        grey = np.broadcast_to(across + 10 * (i % 15), (size[1], size[0]))
        yield Image.fromarray(np.repeat(grey[..., None], 3, -1).copy())


def film(path, times, size=(64, 48)):
    with films.Writer(path, size, rate=25.0) as writer:
        for image, time in zip(shades(len(times), size), times, strict=True):
            writer.add(image, time)
    return path


def read(path):
    with films.open_film(path) as one:
        return list(one), one.faults


def test_pictures_come_back_at_their_own_times(tmp_path):
    times = [0.0, 0.04, 0.1, 0.5, 0.51]  # a rate that varies
    shots, faults = read(film(tmp_path / "a.mp4", times))
    assert not faults
    np.testing.assert_allclose([s.time_s for s in shots], times, atol=1e-4)
    for shot, image in zip(shots, shades(5), strict=True):
        assert np.abs(np.asarray(shot.image, float) - np.asarray(image)).mean() < 4


def test_times_in_the_file_are_those_given(tmp_path):
    """Without a shift, also where a camera's pictures come as it likes."""
    times = [0.0, 5.0, 5.1, 5.5, 5.6, 9.0]
    with films.Writer(tmp_path / "a.mp4", (64, 48), rate=25.0) as writer:
        for i, time_s in enumerate(times):
            writer.add(Image.new("RGB", (64, 48), (40 * i, 0, 0)), time_s)
    av = importlib.import_module("av")
    with av.open(str(tmp_path / "a.mp4")) as file:
        told = [frame.time for frame in file.decode(video=0)]
    np.testing.assert_allclose(told, times, atol=1e-4)


def test_odd_sides_are_made_even_by_their_last_pixels(tmp_path):
    shots, _ = read(film(tmp_path / "a.mp4", [0.0, 0.1], size=(63, 41)))
    assert shots[0].image.size == (64, 42)


@pytest.mark.parametrize(
    ("turn", "left"), [(90, "top"), (180, "right"), (270, "bottom")]
)
def test_a_video_is_turned_as_it_says(tmp_path, turn, left):
    """The dark side, left in what is stored, is where the matrix takes it."""
    path = film(tmp_path / "a.mp4", [0.0, 0.1])
    cos, sin = round(np.cos(np.deg2rad(turn))), round(np.sin(np.deg2rad(turn)))
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # of version 0: 40 bytes before the matrix
    one = 1 << 16
    rows = [cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30]
    content[at : at + 36] = struct.pack(">9i", *rows)
    path.write_bytes(content)
    shots, _ = read(path)
    assert shots[0].image.size == ((48, 64) if turn != 180 else (64, 48))
    grey = np.asarray(shots[0].image, float).mean(-1)
    sides = {"top": grey[0], "bottom": grey[-1], "left": grey[:, 0]}
    sides = {name: side.mean() for name, side in sides.items()}
    sides["right"] = grey[:, -1].mean()
    assert min(sides, key=sides.get) == left


def noise(path, count, look=lambda i: None):
    """A video that does not become small."""
    rng = np.random.default_rng(0)
    with films.Writer(path, (64, 48), rate=25.0) as writer:
        for i in range(count):
            pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            writer.add(Image.fromarray(pixels), i / 25)
            look(i)
    return path


def test_a_video_that_is_cut_off_gives_what_is_there(tmp_path):
    path = noise(tmp_path / "a.mp4", 100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 58 // 100])  # amid a picture
    shots, faults = read(path)
    assert 45 < len(shots) < 65
    assert len(faults) == 1 and "a.mp4" in faults[0]


@pytest.mark.parametrize(
    ("name", "kept", "told"),
    [
        ("a.mkv", 1.0, None),
        ("a.mkv", 0.5, "breaks off: its last picture is at .* s of 4.0"),
        ("a.flv", 0.5, "breaks off: its last picture is at .* s of"),
        ("a.ts", 0.5, "1 parts of it are damaged"),
    ],
)
def test_a_video_of_any_kind_that_is_cut_off_is_told(tmp_path, name, kept, told):
    """Matroska tells the end of each stream otherwise than MP4; MPEG-TS none."""
    import av

    rng, path = np.random.default_rng(0), tmp_path / name
    with av.open(str(path), "w") as made:
        stream = made.add_stream("h264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(40):
            pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        made.mux(stream.encode(None))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    shots, faults = read(path)
    assert len(shots) == 40 if told is None else 10 < len(shots) < 30
    assert not faults if told is None else any(re.search(told, f) for f in faults)


def test_what_is_written_can_be_seen_before_it_is_whole(tmp_path):
    path, half = tmp_path / "a.mp4", tmp_path / "half.mp4"

    def look(i):
        if i == 70:
            half.write_bytes(path.read_bytes())

    noise(path, 80, look)
    shots, _ = read(half)
    assert 20 < len(shots) <= 70


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("a.mp4", b"", "wanted a video"),
        ("a.mp4", b"no video, but words" * 50, "wanted a video"),
        ("missing.mp4", None, "No such file"),
    ],
)
def test_what_is_no_video_is_one_line(tmp_path, name, content, wanted):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=wanted) as told:
        films.open_film(path)
    assert name in str(told.value) and "\n" not in str(told.value)


def test_a_video_without_pictures_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no pictures|wanted a video"):
        read(film(tmp_path / "a.mp4", []))


def test_sound_alone_is_one_line(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with pytest.raises(UserError, match="no moving pictures"):
        films.open_film(tmp_path / "a.wav")


def test_a_camera_that_is_not_there_is_one_line():
    with pytest.raises(UserError, match="camera 97: wanted a camera's number"):
        films.open_film(97)


def test_pictures_of_a_raw_stream_which_knows_no_times_go_on_by_its_rate(tmp_path):
    """All of them are told to be at 0 seconds."""
    import av

    path = tmp_path / "a.h264"
    with av.open(str(path), "w") as raw:
        stream = raw.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in shades(6):
            raw.mux(stream.encode(av.VideoFrame.from_image(image)))
        raw.mux(stream.encode(None))
    shots, faults = read(path)
    assert not faults
    np.testing.assert_allclose([s.time_s for s in shots], np.arange(6) / 25)


@pytest.mark.parametrize(
    ("told", "times"),
    [
        ([3.0, 3.1, 3.4], [0.0, 0.1, 0.4]),
        ([None, None, None], [0.0, 0.5, 1.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.5, 1.0]),
        ([None, 7.0, 7.2], [0.0, 0.5, 0.7]),
        ([1.0, 1.0, 1.1, 2.0], [0.0, 0.5, 0.5 + 1 / films.TICKS, 1.0]),
        ([1.0, 3.0, 2.0, 4.0], [0.0, 2.0, 2.0 + 1 / films.TICKS, 3.0]),
    ],
)
def test_each_picture_is_later_than_the_one_before(told, times):
    clock = films._Clock(0.5)
    np.testing.assert_allclose([clock(time) for time in told], times)
    assert clock.last_s == pytest.approx(times[-1])
