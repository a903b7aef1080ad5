"""Clicks on a scheme's page: the place seen there, in a file that is a scheme."""

import json
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.studio import page

SCRIPT = pathlib.Path(page.__file__).with_name("clicks.js")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
NODE = shutil.which("node")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu-sandbox", "--use-angle=swiftshader"),
    *("--enable-unsafe-swiftshader", "--window-size=900,700", "--dump-dom"),
    "--virtual-time-budget=30000",
)
HEAD = heads.load()

CLICK = """
<script>
const told = %s;
const plot = document.getElementById("scheme");
const until = (ready) => new Promise((go) => {
  const look = () => (ready() ? go() : setTimeout(look, 100));
  look();
});
const scene = () => plot._fullLayout && plot._fullLayout.scene._scene;
const ready = () => {
  const all = document.getElementById("clicks") && scene() && scene().glplot;
  return all && all.cameraParams.projection[0] && plot._fullData.length > told.traces;
};
// Where a place is seen: what the page does, the other way round.
const spot = (place) => {
  const { model, view, projection } = scene().glplot.cameraParams;
  let at = place.map((x, i) => x * scene().dataScale[i]).concat(1);
  for (const m of [model, view, projection])
    at = at.map((_, row) => at.reduce((sum, x, i) => sum + m[4 * i + row] * x, 0));
  const box = scene().glplot.canvas.getBoundingClientRect();
  return [box.left + (at[0] / at[3] + 1) / 2 * box.width,
    box.top + (1 - at[1] / at[3]) / 2 * box.height];
};
const click = ([x, y], away) => {
  const target = plot.querySelector(".gl-container canvas");
  const at = (dx) => ({ clientX: x + dx, clientY: y, button: 0, bubbles: true });
  target.dispatchEvent(new PointerEvent("pointerdown", at(0)));
  target.dispatchEvent(new PointerEvent("pointerup", at(away)));
};
const count = () => document.querySelectorAll("#clicks li").length;
(async () => {
  await until(ready);
  const counts = [];
  for (const place of told.places) { click(spot(place), 0); counts.push(count()); }
  click(spot(told.places[0]), 9); counts.push(count());  // the head was turned
  click([5, 5], 0); counts.push(count());  // beside the head
  document.getElementById("undo").click(); counts.push(count());
  document.getElementById("download").click();
  const link = document.getElementById("file");
  const answer = { counts, text: link.dataset.text, name: link.download };
  document.body.innerHTML = `<pre id="answer">${JSON.stringify(answer)}</pre>`;
})();
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason=f"none of the browsers {BROWSERS} is here")
def test_a_click_writes_down_the_place_that_is_seen_there(tmp_path):
    """In a browser: a cheek and its mirror, the nose's tip, the chin."""
    rng = np.random.default_rng(0)
    own = HEAD.triangles[HEAD.part == heads.number(HEAD, "face")]
    middle = HEAD.neutral[own].mean(1)
    cheek = own[np.linalg.norm(middle - [-4, -1, 8], axis=1).argmin()]
    weights = rng.dirichlet([3, 3, 3])
    tip = np.array([0, *HEAD.neutral[HEAD.ibug68[30]][1:]])
    places = [weights @ HEAD.neutral[cheek], tip, HEAD.neutral[HEAD.ibug68[8]]]
    scheme = schemes.get("ibug68")
    told = {
        "places": [p.tolist() for p in places],
        "traces": len(HEAD.part_names) + len(scheme.curves),
    }
    file = tmp_path / "page.html"
    text = page.html(scheme).replace("</body>", CLICK % json.dumps(told) + "</body>")
    file.write_text(text)
    found = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    answer = found.stdout.partition('id="answer">')[2].partition("</pre>")[0]
    assert answer, found.stderr[-2000:]
    answer = json.loads(answer)
    assert answer["counts"] == [2, 3, 4, 4, 4, 3]  # the last click is undone
    assert answer["name"] == "mine.yaml"
    (tmp_path / "mine.yaml").write_text(answer["text"])
    mine = schemes.load(tmp_path / "mine.yaml")
    assert mine.names == ("right_1", "left_1", "middle_2") and not mine.lone
    xyz = marks.places(mine).xyz
    # The page's vertices are rounded to 10 micrometres.
    np.testing.assert_allclose(xyz[0], places[0], atol=3e-3)
    np.testing.assert_allclose(xyz[1], places[0] * [-1, 1, 1], atol=2e-2)
    np.testing.assert_allclose(xyz[2], places[1], atol=2e-2)


def node(expression):
    """What a line of JavaScript makes, with the page's script as `c`."""
    code = f"const c = require({json.dumps(str(SCRIPT))});"
    code += f"console.log(JSON.stringify({expression}))"
    done = subprocess.run(
        [NODE, "-e", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(NODE is None, reason="node is not here")


@needs_node
def test_the_nearest_triangle_is_hit_where_it_is_seen_in_perspective():
    """A far corner counts less than its share of the picture: w is 1, 1 and 3."""
    matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1]  # w = 1 + z
    mesh = {"x": [-1, 1, 0, -9, 9, 0], "y": [-1, -1, 3, -9, -9, 9]}
    mesh |= {"z": [0, 0, 2, 4, 4, 4], "i": [3, 0], "j": [4, 1], "k": [5, 2]}
    place = [0.25 * -1 + 0.25 * 1, -0.5 + 0.5 * 3, 0.5 * 2]
    spot = [place[0] / (1 + place[2]), place[1] / (1 + place[2])]
    told = f"{json.dumps(matrix)}, {json.dumps(mesh)}"
    found = node(f"c.hit({told}, {spot})")
    np.testing.assert_allclose(found["place"], place, atol=1e-9)
    out = np.cross([2, 0, 0], [1, 4, 2])
    np.testing.assert_allclose(found["normal"], out / np.linalg.norm(out), atol=1e-9)
    assert node(f"c.hit({told}, [0.9, 0.9])") is None


@needs_node
def test_the_file_is_a_scheme_whatever_its_points_are_called(tmp_path):
    names = ["mole", 'a "b": c', "-x", "<i>", "ü # 1"]
    places = np.arange(15).reshape(5, 3) / 7
    points = [
        {"name": name, "place": place.tolist()}
        for name, place in zip(names, places, strict=True)
    ]
    text = node(f'c.yaml({json.dumps(points)}, [["chin", 3], ["nose_bridge", 4]])')
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    own = schemes.load(file)
    assert own.curves == (("chin", 3), ("nose_bridge", 4))
    assert [name for name, _ in own.points] == names
    np.testing.assert_allclose([p for _, p in own.points], places, atol=6e-5)


@needs_node
def test_points_get_names_of_their_own_and_a_click_comes_twice_only_once():
    at = [{"place": [x, 1, 9], "normal": [0, 0, 1]} for x in (3, 0.02, 3.01, 5)]
    told = json.dumps(at)
    grown = f"{told}.reduce((all, at) => c.add(all, at, true), [])"
    found = node(grown)
    assert [p["name"] for p in found] == [
        *("right_1", "left_1", "middle_2", "right_3", "left_3")
    ]
    assert [p["place"][0] for p in found] == [-3, 3, 0, -5, 5]
    assert len(node(f"c.undone({grown})")) == 3
    assert len(node(f"c.undone({grown}.slice(0, 2))")) == 0
    alone = node(f"c.add([], {json.dumps(at[1])}, false)")
    assert [p["place"] for p in alone] == [[0.02, 1, 9]]


@needs_node
def test_a_name_that_is_there_or_empty_is_told_and_a_files_name_is_plain():
    def fault(*names):
        return node(f"c.fault({json.dumps([{'name': n} for n in names])}, ['jaw'])")

    assert fault("a", "b") == ""
    assert "Click" in fault() and "wants a name" in fault("a", " ")
    assert '"a"' in fault("a", "b", "a") and '"jaw"' in fault("jaw")
    assert node("c.stem('my points!.yaml', ['ibug68'])") == "my_points_"
    assert node("c.stem('ibug68', ['ibug68'])") == "ibug68_own"
    assert node("c.stem(' ', [])") == "mine"
