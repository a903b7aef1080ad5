// Points clicked on the head of a scheme's page, and the scheme that they make.
"use strict";

const clicks = (() => {
  const NEAR_PX = 4; // a pointer that moved further has turned the head
  const MIDDLE_CM = 0.1; // so near the plane of symmetry, a point is its own mirror
  const SAME_CM = 0.05; // a second click of a double one adds nothing

  // The product of two 4 x 4 matrices, columns first.
  function product(a, b) {
    const found = new Array(16).fill(0);
    for (let column = 0; column < 4; column++)
      for (let row = 0; row < 4; row++)
        for (let i = 0; i < 4; i++)
          found[4 * column + row] += a[4 * i + row] * b[4 * column + i];
    return found;
  }

  // Where the head's surface is seen first at a spot of the picture, or null.
  // matrix: from cm to clip space, columns first. mesh: {x, y, z, i, j, k}.
  // spot: [x, y], -1 to 1, y up. Exact: weights of the triangle, by its depth.
  function hit(matrix, mesh, spot) {
    const [m, count] = [matrix, mesh.x.length];
    const flat = new Float64Array(4 * count);
    for (let v = 0; v < count; v++)
      for (let row = 0; row < 4; row++)
        flat[4 * v + row] =
          m[row] * mesh.x[v] + m[4 + row] * mesh.y[v] + m[8 + row] * mesh.z[v] + m[12 + row];
    let best = null;
    for (let t = 0; t < mesh.i.length; t++) {
      const ids = [mesh.i[t], mesh.j[t], mesh.k[t]];
      const w = ids.map((v) => flat[4 * v + 3]);
      if (Math.min(...w) <= 0) continue; // behind the camera
      const at = ids.map((v, n) => [flat[4 * v] / w[n], flat[4 * v + 1] / w[n]]);
      const cross = (p, q) =>
        (p[0] - spot[0]) * (q[1] - spot[1]) - (p[1] - spot[1]) * (q[0] - spot[0]);
      const parts = [cross(at[1], at[2]), cross(at[2], at[0]), cross(at[0], at[1])];
      const area = parts[0] + parts[1] + parts[2];
      if (!area || parts.some((part) => part * area < 0)) continue;
      const depth = ids.reduce(
        (sum, v, n) => sum + ((parts[n] / area) * flat[4 * v + 2]) / w[n], 0);
      if (best && best.depth <= depth) continue;
      // Even on the screen is not even on the triangle: the near corner counts more.
      const raw = parts.map((part, n) => part / area / w[n]);
      const total = raw[0] + raw[1] + raw[2];
      const corners = ids.map((v) => [mesh.x[v], mesh.y[v], mesh.z[v]]);
      const place = [0, 1, 2].map((axis) =>
        corners.reduce((sum, corner, n) => sum + (raw[n] / total) * corner[axis], 0));
      best = { place, depth, normal: normal(...corners) };
    }
    return best;
  }

  // Out of a triangle, which runs counter-clockwise as seen from outside.
  function normal(a, b, c) {
    const [u, v] = [b, c].map((p) => p.map((x, i) => x - a[i]));
    const out = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    return out.map((x) => x / Math.hypot(...out));
  }

  // The points with one more, and with its mirror if that is wanted.
  function add(points, { place, normal }, both) {
    const far = (p) => Math.hypot(...p.place.map((x, i) => x - place[i])) > SAME_CM;
    if (!points.every(far)) return points;
    const names = new Set(points.map((p) => p.name));
    let number = 1;
    while (["point", "right", "left", "middle"].some((n) => names.has(`${n}_${number}`)))
      number++;
    const [x, y, z] = place;
    let added = [{ name: `point_${number}`, place, normal }];
    if (both && Math.abs(x) < MIDDLE_CM)
      added = [{ name: `middle_${number}`, place: [0, y, z], normal }];
    else if (both)
      added = [-1, 1].map((side, n) => ({
        name: `${["right", "left"][n]}_${number}`,
        place: [side * Math.abs(x), y, z],
        normal: [side * Math.sign(x) * normal[0], normal[1], normal[2]],
      }));
    // One undo takes away what one click has added.
    return [...points, ...added.map((p) => ({ ...p, click: number }))];
  }

  function undone(points) {
    const last = points.length && points[points.length - 1].click;
    return points.filter((p) => p.click !== last);
  }

  // Why these points make no scheme yet, or "".
  function fault(points, taken) {
    const names = points.map((p) => p.name);
    if (!points.length) return "Click points on the head first.";
    if (names.some((name) => !name.trim())) return "Each point wants a name.";
    const twice = names.find((name, n) => names.indexOf(name) !== n || taken.includes(name));
    return twice === undefined ? "" : `The name "${twice}" is there already.`;
  }

  // The scheme as a YAML file. curves: [[name, count], ...] that go before the points.
  function yaml(points, curves) {
    const lines = [
      "# Places of lmkjax's mean head, cm: x to the subject's left, y up, z to the viewer.",
      ...curves.map(([name, count]) => `${name}: ${count}`),
      "points:",
      ...points.map((p) =>
        `  ${JSON.stringify(p.name)}: [${p.place.map((x) => x.toFixed(4)).join(", ")}]`),
    ];
    return lines.join("\n") + "\n";
  }

  // A name of a file, and none of a scheme that comes with lmkjax.
  function stem(wanted, known) {
    const plain = wanted.trim().replace(/\.ya?ml$/i, "").replace(/[^\w-]+/g, "_") || "mine";
    return known.includes(plain) ? `${plain}_own` : plain;
  }

  function element(tag, fields, ...children) {
    const made = Object.assign(document.createElement(tag), fields);
    made.append(...children);
    return made;
  }

  // Makes the page's plot clickable. told: {curves, points, names, known, parts, lift}.
  function start(plot, told) {
    let points = [];
    const list = element("ol", { style: "max-height:50vh;overflow:auto;padding-left:2em" });
    const both = element("input", { type: "checkbox", checked: true, id: "both" });
    const keep = element("input", { type: "checkbox", id: "keep" });
    const name = element("input", { value: "mine", size: 10, id: "name" });
    const say = element("div", { id: "said", style: "color:#333" });
    const button = (id, text, onclick) => element("button", { id, textContent: text, onclick });
    const row = (...parts) => element("div", { style: "margin:4px 0" }, ...parts);
    document.body.append(
      element(
        "details",
        { open: true, id: "clicks", style:
          "position:fixed;left:8px;top:48px;width:250px;background:#fffd;padding:6px;"
          + "font:13px sans-serif;border:1px solid #ccc" },
        element("summary", { textContent: "A scheme of your own: click on the head" }),
        row(element("label", {}, both, " and the mirrored point")),
        row(element("label", {}, keep, ` with the landmarks of ${told.name}`)),
        row(button("undo", "Undo", () => show(undone(points))), " ",
          button("clear", "Clear", () => show([]))),
        list,
        row(name, ".yaml ", button("download", "Download", download)),
        say));

    // A trace of their own, numbered as in the list.
    Plotly.addTraces(plot, {
      type: "scatter3d", mode: "markers+text", name: "yours", x: [], y: [], z: [], text: [],
      marker: { size: 4, color: "#000", symbol: "diamond" }, hoverinfo: "text",
      textposition: "top center", textfont: { size: 14 },
    });
    const own = plot.data.length - 1;

    function show(now) {
      points = now;
      say.textContent = "";
      list.replaceChildren(...points.map((p, n) =>
        element("li", {},
          element("input", { value: p.name, size: 14,
            oninput: (event) => { points[n] = { ...p, name: event.target.value }; } }),
          " ",
          element("button", { textContent: "x", title: "take it away",
            onclick: () => show(points.filter((_, other) => other !== n)) }))));
      const lifted = points.map((p) => p.place.map((x, i) => x + told.lift * p.normal[i]));
      const axis = (i) => [lifted.map((place) => place[i])];
      Plotly.restyle(plot, { x: axis(0), y: axis(1), z: axis(2),
        text: [points.map((_, n) => String(n + 1))] }, [own]);
    }

    function download() {
      const old = keep.checked ? told.points : [];
      const every = [...old.map(([name, place]) => ({ name, place })), ...points];
      const taken = told.names;
      say.textContent = points.length ? fault(every, taken) : fault(points, taken);
      if (say.textContent) return;
      const text = yaml(every, keep.checked ? told.curves : []);
      const file = `${stem(name.value, told.known)}.yaml`;
      const link = element("a", { download: file, id: "file",
        href: URL.createObjectURL(new Blob([text], { type: "text/yaml" })) });
      link.dataset.text = text;
      document.getElementById("file")?.remove();
      document.body.append(link);
      link.click();
      say.textContent = `lmkjax predict --scheme ${file} --images photo.jpg --out found`;
    }

    function clicked(event) {
      const scene = plot._fullLayout.scene._scene;
      const { model, view, projection } = scene.glplot.cameraParams;
      const [a, b, c] = scene.dataScale;
      const scale = [a, 0, 0, 0, 0, b, 0, 0, 0, 0, c, 0, 0, 0, 0, 1];
      const matrix = [view, model, scale].reduce(product, projection);
      const box = scene.glplot.canvas.getBoundingClientRect();
      const spot = [
        (2 * (event.clientX - box.left)) / box.width - 1,
        1 - (2 * (event.clientY - box.top)) / box.height,
      ];
      let first = null;
      for (const mesh of plot._fullData.filter((t) => t.type === "mesh3d")) {
        const found = hit(matrix, mesh, spot);
        if (found && (!first || found.depth < first.depth))
          first = { ...found, part: mesh.name };
      }
      if (!first) return;
      if (told.parts.includes(first.part)) show(add(points, first, both.checked));
      else say.textContent = `That is the ${first.part}; click on skin or an eye.`;
    }

    let from = null;
    plot.addEventListener("pointerdown", (event) => {
      const inside = event.button === 0 && event.target.closest(".gl-container");
      from = inside ? [event.clientX, event.clientY] : null;
    }, true);
    window.addEventListener("pointerup", (event) => {
      const moved = from && Math.hypot(event.clientX - from[0], event.clientY - from[1]);
      if (from && moved <= NEAR_PX) clicked(event);
      from = null;
    }, true);
  }

  return { product, hit, add, undone, fault, yaml, stem, start };
})();

if (typeof module !== "undefined") module.exports = clicks;
