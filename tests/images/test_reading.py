"""Pictures read as one sees them: depths, transparency, EXIF, sizes, refusals."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.images import reading

GREY = np.add.outer(np.arange(20), np.arange(30)).astype(np.uint8) * 5
ORIENTATION = 0x0112


def png(width, height, *, depth=16, kind=0, rows=b"", extra=b""):
    """A PNG by hand: what Pillow does not write."""

    def chunk(tag, data):
        check = struct.pack(">I", zlib.crc32(tag + data))
        return struct.pack(">I", len(data)) + tag + data + check

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    clear = chunk(b"tRNS", extra) if extra else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + clear
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def rows_of(grey):
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in grey)


def look(image):
    seen = reading.seen(image)
    assert seen.mode == "RGB"
    return np.asarray(seen)


def grey_of(image):
    shown = look(image)
    assert (shown == shown[..., :1]).all()
    return shown[..., 0]


@pytest.mark.parametrize("kind", ["png", "tif", "big_endian.tif"])
def test_grey_of_16_bits_is_scaled(tmp_path, kind):
    file, deep = tmp_path / f"deep.{kind}", GREY.astype(np.uint16) * 257
    if kind == "png":
        file.write_bytes(png(30, 20, rows=rows_of(deep)))
    elif kind == "tif":
        Image.fromarray(deep).save(file)
    else:
        image = Image.frombytes("I;16B", (30, 20), deep.astype(">u2").tobytes())
        image.save(file)
    np.testing.assert_array_equal(np.asarray(reading.read(file))[..., 1], GREY)


def test_a_tiff_may_have_12_bits_or_count_from_white(tmp_path):
    file = tmp_path / "negative.tif"
    Image.fromarray(65535 - GREY.astype(np.uint16) * 257).save(file, tiffinfo={262: 0})
    np.testing.assert_array_equal(np.asarray(reading.read(file))[..., 0], GREY)
    image = Image.fromarray(GREY.astype(np.uint16) * 16)
    image.tag_v2 = {258: (12,)}
    assert np.abs(grey_of(image).astype(int) - GREY).max() <= 1


@pytest.mark.parametrize(
    ("factor", "dtype"),
    [(1, np.int32), (257, np.int32), (1 / 255, np.float32), (1, np.float32)],
)
def test_grey_without_a_range_goes_by_its_largest_number(factor, dtype):
    image = Image.fromarray((GREY * np.float64(factor)).astype(dtype))
    assert image.mode in ("I", "F")
    np.testing.assert_array_equal(grey_of(image), GREY)


def test_ppm_of_real_numbers_goes_to_one_and_of_whole_ones_to_its_own_top(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"Pf\n2 1\n-1.0\n" + struct.pack("<2f", 1, 0.6))
    np.testing.assert_array_equal(grey_of(Image.open(tmp_path / "a.pgm")), [[255, 153]])
    (tmp_path / "b.pgm").write_bytes(b"P5\n2 1\n1023\n" + struct.pack(">2H", 1023, 0))
    np.testing.assert_array_equal(grey_of(Image.open(tmp_path / "b.pgm")), [[255, 0]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 70000.0])
def test_numbers_that_are_no_grey_are_refused(value):
    numbers = GREY.astype(np.float32)
    numbers[3, 4] = value
    with pytest.raises(ValueError, match="wanted 0 to 1, 255 or 65535"):
        reading.seen(Image.fromarray(numbers))


def test_what_is_transparent_shows_white():
    image = Image.new("RGBA", (3, 2), (10, 20, 30, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    image.putpixel((2, 1), (0, 0, 0, 51))
    expected = np.full((2, 3, 3), 255)
    expected[0, 1], expected[1, 2] = (10, 20, 30), 204
    np.testing.assert_array_equal(look(image), expected)
    assert (look(Image.new("LA", (3, 2), (7, 0))) == 255).all()


@pytest.mark.parametrize("mode", ["P", "RGB", "L", "1"])
def test_a_colour_may_stand_for_transparent(tmp_path, mode):
    image = Image.new(mode, (4, 3), 0)
    image.paste(1, (0, 0, 2, 3))
    if mode == "P":
        image.putpalette([0, 0, 0, 90, 80, 70])
    see_through = (0, 0, 0) if mode == "RGB" else 0
    image.save(tmp_path / "a.png", transparency=see_through)
    shown = np.asarray(reading.read(tmp_path / "a.png"))
    assert (shown[:, 2:] == 255).all()
    if mode != "1":
        assert (shown[:, :2] < 100).all()


def test_what_datasets_keep_shows_as_the_photo_does():
    """A colour of an RGB picture that stands for transparent is white there too."""
    plain, clear = Image.new("RGB", (4, 3), (10, 20, 30)), io.BytesIO()
    plain.save(clear, "PNG", transparency=(10, 20, 30))
    kept = reading.stored(clear.getvalue(), name="a.png")
    assert Image.open(io.BytesIO(kept)).getpixel((1, 1)) == (255, 255, 255)
    for kind in ("PNG", "JPEG", "MPO"):
        own, more = io.BytesIO(), {"append_images": [plain]} if kind == "MPO" else {}
        plain.save(own, kind, save_all=bool(more), **more)
        assert Image.open(io.BytesIO(own.getvalue())).format == kind
        assert reading.stored(own.getvalue(), name="a.png") == own.getvalue()


def test_16_bits_may_have_a_transparent_grey(tmp_path):
    deep, file = np.full((2, 3), 257, np.uint16), tmp_path / "a.png"
    deep[1, 2] = 514
    file.write_bytes(png(3, 2, rows=rows_of(deep), extra=struct.pack(">H", 257)))
    shown = np.asarray(reading.read(file))[..., 0]
    np.testing.assert_array_equal(shown, [[255] * 3, [255, 255, 2]])


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "LAB", "RGBX"])
def test_every_mode_becomes_rgb(mode):
    assert look(Image.new(mode, (4, 3))).shape == (3, 4, 3)


def test_of_several_frames_the_first_is_taken(tmp_path):
    first, second = (Image.new("RGB", (8, 6), colour) for colour in ("red", "blue"))
    for name in ("a.gif", "a.tif", "a.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        first.save(tmp_path / name, save_all=True, append_images=[second], **options)
        shown = np.asarray(reading.read(tmp_path / name))
        np.testing.assert_array_equal(shown[0, 0], [255, 0, 0])


@pytest.mark.parametrize("ending", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_every_turn_of_exif_is_undone_once(tmp_path, turn, ending):
    """The corner that was marked comes to the upper left, whatever the turn."""
    image, exif = Image.new("RGB", (48, 32)), Image.Exif()
    wide, high = image.size if turn < 5 else image.size[::-1]
    left, top = turn in (1, 4, 5, 6), turn in (1, 2, 5, 8)
    x, y = 0 if left else 32, 0 if top else 16
    image.paste("white", (x, y, x + 16, y + 16))
    exif[ORIENTATION] = turn
    file = tmp_path / f"a.{ending}"
    image.save(file, exif=exif)
    seen = reading.read(file)
    assert seen.size == (wide, high)
    shown = np.asarray(seen)[..., 0]
    assert shown[:12, :12].min() > 200 and shown[20:].max() < 60
    assert reading.seen(seen).size == seen.size


def test_exif_that_cannot_be_written_back_turns_all_the_same(tmp_path):
    entries = [
        struct.pack("<HHIHH", 0x112, 3, 1, 6, 0),
        struct.pack("<HHII", 0x11A, 10, 1, 38),  # a resolution of -1 / 0
    ]
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + b"".join(entries)
    exif += struct.pack("<I", 0) + struct.pack("<ii", -1, 0)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    assert reading.read(tmp_path / "a.jpg").size == (30, 40)
    for cut in (12, 20, 30):  # a part of it turns, or nothing; none is an error
        Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif[:cut])
        assert reading.read(tmp_path / "a.jpg").mode == "RGB"


def test_the_largest_picture_is_named(tmp_path, monkeypatch):
    file = tmp_path / "a.png"
    file.write_bytes(png(30000, 20000, depth=1))
    with pytest.raises(UserError, match="30000 x 20000.*256 megapixels.*shrink it"):
        reading.read(file)
    file.write_bytes(png(16000, 12000, depth=1))  # 192 megapixels: a phone's
    with reading.opened(file) as image:
        assert image.size == (16000, 12000)
    assert Image.MAX_IMAGE_PIXELS is not None


def test_a_photo_that_cannot_be_read_is_named(tmp_path):
    good = tmp_path / "good.png"
    Image.effect_noise((90, 80), 50).save(good)
    Image.open(good).save(tmp_path / "good.jpg")
    Image.open(good).save(tmp_path / "good.tif", compression="tiff_lzw")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n")
    (tmp_path / "folder.jpg").mkdir()
    files = ["empty.jpg", "text.jpg", "folder.jpg", "none.png"]
    for name in ("good.png", "good.jpg", "good.tif"):
        data = (tmp_path / name).read_bytes()
        for share in (0.02, 0.5, 0.9):
            files.append(f"{share}{name}")
            (tmp_path / files[-1]).write_bytes(data[: int(share * len(data))])
    for name in files:
        with pytest.raises(UserError, match=name) as caught:
            reading.read(tmp_path / name)
        assert "\n" not in str(caught.value) and "save it" in str(caught.value)
