"""The page in a real browser: a photo goes in, points and JSON come out."""

import contextlib
import gc
import io
import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from lmkjax import demo
from lmkjax.errors import UserError
from tests.serving import test_answering

WHERE = "pip install -c launch/demo/constraints.txt -e '.[demo]' playwright pytest"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PORT = 7873
URL = f"http://127.0.0.1:{PORT}"
WAIT_MS, SETTLED_MS = 60_000, 3000


@pytest.fixture
def swept():
    """What Gradio leaves open goes while its warnings are ignored, not at the end."""
    yield
    gc.collect()


@pytest.fixture
def open_tab(swept):
    """`open_tab(*flags)`: the page in a browser with these flags of its own."""
    pytest.importorskip("gradio", reason=f"in an environment of its own: {WHERE}")
    sync_api = pytest.importorskip("playwright.sync_api", reason=WHERE)
    if BROWSER is None:
        pytest.skip("no Chromium is here")
    from lmkjax.serving import webpage

    with contextlib.ExitStack() as stack:
        play = stack.enter_context(sync_api.sync_playwright())

        def opened(*flags):
            detector = test_answering.Detector()
            page = webpage.serve(detector, host="127.0.0.1", port=PORT, wait=False)
            stack.callback(page.close)
            browser = play.chromium.launch(
                executable_path=BROWSER, args=[*FLAGS, *flags]
            )
            stack.callback(browser.close)
            return browser.new_page()

        yield opened


@pytest.mark.filterwarnings("ignore")  # of Gradio's own packages
def test_a_photo_is_uploaded_looked_at_and_its_json_downloaded(open_tab, tmp_path):
    for name, size in (("a.png", (80, 70)), ("huge.png", (8000, 6000))):
        Image.new("1", size).save(tmp_path / name)
    tab, asked = open_tab(), set()
    tab.on("request", lambda request: asked.add(request.url))
    tab.goto(URL)
    tab.set_input_files("#photo input[type=file]", tmp_path / "a.png")
    tab.wait_for_selector("#json", timeout=WAIT_MS)
    tab.wait_for_selector("#points img", timeout=WAIT_MS)
    with tab.expect_download() as got:
        tab.click("#json")
    name = got.value.suggested_filename
    told = json.loads(pathlib.Path(got.value.path()).read_text())
    tab.reload()
    tab.set_input_files("#photo input[type=file]", tmp_path / "huge.png")
    tab.wait_for_selector("text=million pixels", timeout=WAIT_MS)
    (tmp_path / "words.png").write_text("no photo")
    tab.reload()
    tab.set_input_files("#photo input[type=file]", tmp_path / "words.png")
    # No more than its name is told, nor does Gradio say it in its own words.
    tab.wait_for_selector("text=/^ *words.png: wanted a photo/", timeout=WAIT_MS)
    assert name == "points.json"
    assert len(told["a.png"]["faces"][0]["points"]) == 68
    ours = (URL, "data:", "blob:")
    assert not [url for url in asked if not url.startswith(ours)]


@pytest.mark.filterwarnings("ignore")
def test_what_a_file_is_told_to_hold_is_told_as_it_stands_there(open_tab, tmp_path):
    """Gradio takes an error for HTML."""
    Image.new("1", (80, 70)).save(tmp_path / "a.png")
    (tmp_path / "mine.yaml").write_text("<b>nose</b>&lt;: 3\n")
    tab = open_tab()
    tab.goto(URL)
    tab.set_input_files("#own input[type=file]", tmp_path / "mine.yaml")
    tab.wait_for_selector("#own >> text=mine", timeout=WAIT_MS)
    tab.set_input_files("#photo input[type=file]", tmp_path / "a.png")
    tab.wait_for_selector("text=unknown curve", timeout=WAIT_MS)
    assert "unknown curve or area '<b>nose</b>&lt;'" in tab.inner_text("body")


@pytest.mark.filterwarnings("ignore")
def test_a_cameras_picture_is_no_mirror_and_the_head_turns_by_mouse(open_tab, tmp_path):
    pytest.importorskip("optimistix", reason="the extra fit draws the head")
    film, seen = tmp_path / "camera.mjpeg", Image.new("RGB", (640, 480), "red")
    seen.paste("blue", (320, 0, 640, 480))  # red to the camera's left
    jpeg = io.BytesIO()
    seen.save(jpeg, "jpeg")
    film.write_bytes(jpeg.getvalue() * 5)
    device = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    tab = open_tab(
        *(f"--{flag}" for flag in device), f"--use-file-for-fake-video-capture={film}"
    )
    tab.goto(URL)
    tab.click("#photo button[aria-label='Capture from camera']")
    tab.click("text=Click to Access Webcam")
    tab.wait_for_selector("#photo [data-testid=webcam-video]:not(.hide)")
    tab.wait_for_function("document.querySelector('#photo video').currentTime > 0.5")
    tab.click("#photo button[aria-label='capture photo']")
    tab.wait_for_selector("#points img", timeout=WAIT_MS)
    shown = tab.request.get(tab.get_attribute("#points img", "src")).body()
    with Image.open(io.BytesIO(shown)) as image:
        left, right = (image.convert("RGB").getpixel((x, 240)) for x in (160, 480))
    assert left[0] > 200 > 50 > left[2] and right[2] > 200 > 50 > right[0]

    canvas = tab.wait_for_selector("#head canvas", timeout=WAIT_MS)
    tab.wait_for_timeout(SETTLED_MS)
    before = _pixels(canvas)
    assert before.std() > 10  # there is a head
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 80, y + 10, steps=8)
    tab.mouse.up()
    tab.wait_for_timeout(SETTLED_MS)
    moved = np.abs(_pixels(canvas) - before).max(-1) > 30
    assert moved.mean() > 0.01


def _pixels(part):
    with Image.open(io.BytesIO(part.screenshot())) as image:
        return np.asarray(image.convert("RGB"), int)


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(UserError, match="--port"):
        demo.main(["--port", port])
