"""The page in a real browser: a photo goes in, points and JSON come out."""

import gc
import json
import pathlib
import shutil

import pytest
from PIL import Image

from lmkjax import demo
from lmkjax.errors import UserError
from tests.serving import test_answering

WHERE = "pip install -c launch/demo/constraints.txt -e '.[demo]' playwright pytest"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PORT = 7873


@pytest.fixture
def swept():
    """What Gradio leaves open goes while its warnings are ignored, not at the end."""
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore")  # of Gradio's own packages
def test_a_photo_is_uploaded_looked_at_and_its_json_downloaded(swept, tmp_path):
    pytest.importorskip("gradio", reason=f"in an environment of its own: {WHERE}")
    sync_api = pytest.importorskip("playwright.sync_api", reason=WHERE)
    if BROWSER is None:
        pytest.skip("no Chromium is here")
    from lmkjax.serving import webpage

    for name, size in (("a.png", (80, 70)), ("huge.png", (8000, 6000))):
        Image.new("1", size).save(tmp_path / name)
    detector, asked = test_answering.Detector(), set()
    page = webpage.serve(detector, host="127.0.0.1", port=PORT, wait=False)
    try:
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=BROWSER, args=FLAGS)
            tab = browser.new_page()
            tab.on("request", lambda request: asked.add(request.url))
            tab.goto(f"http://127.0.0.1:{PORT}")
            tab.set_input_files("#photo input[type=file]", tmp_path / "a.png")
            tab.wait_for_selector("#json", timeout=60_000)
            tab.wait_for_selector("#points img", timeout=60_000)
            with tab.expect_download() as got:
                tab.click("#json")
            name = got.value.suggested_filename
            told = json.loads(pathlib.Path(got.value.path()).read_text())
            tab.reload()
            tab.set_input_files("#photo input[type=file]", tmp_path / "huge.png")
            tab.wait_for_selector("text=million pixels", timeout=60_000)
            browser.close()
    finally:
        page.close()
    assert name == "points.json"
    assert len(told["a.png"]["faces"][0]["points"]) == 68
    ours = (f"http://127.0.0.1:{PORT}", "data:", "blob:")
    assert not [url for url in asked if not url.startswith(ours)]


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(UserError, match="--port"):
        demo.main(["--port", port])
