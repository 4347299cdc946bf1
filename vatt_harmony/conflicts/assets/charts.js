// Distributions over time and by source, as SVG of the width that there is.

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const path = (corners) => corners.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function drawHistory() {
  const told = data.history;
  $("history").hidden = !told;
  if (!told) return;
  const holder = $("history").querySelector("div");
  const width = Math.max(holder.clientWidth, 260), height = 300, left = 40, right = width - 82, bottom = height - 36;
  const last = told.edges.at(-1);
  const range = extent([...told.all.flat(), ...told.found.flatMap((row) => row.slice(1, 4))].filter((value) => value !== null), 0);
  const x = linear([0, last], [left, right]), y = linear(range, [bottom, 8]);
  const curve = (rows, q) =>
    rows.flatMap((row, i) => (row[q] === null ? [] : [[x((told.edges[i] + told.edges[i + 1]) / 2), y(row[q])]]));
  const band = (rows, low, high) => path([...curve(rows, low), ...curve(rows, high).reverse()]);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Cosine over the steps of the run" });
  for (const [value, text] of ticks(range, 5)) {
    drawn.append(
      svg("line", { class: text === "0" ? "zero" : "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, text),
    );
  }
  for (const [value, text] of ticks([0, last], width / 100)) {
    drawn.append(svg("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, text));
  }
  drawn.append(svg("text", { x: right, y: height - 2, "text-anchor": "end" }, "step →"));
  for (const [rows, low, high, name] of [[told.all, 0, 4, "wide"], [told.all, 1, 3, "half"], [told.found, 1, 3, "conflict-half"]]) {
    drawn.append(svg("path", { class: name, d: band(rows, low, high) }));
  }
  let above = -Infinity;
  for (const [rows, name, kind, text] of [[told.all, "median", "all", "all clips"], [told.found, "conflict", "found", "those found"]]) {
    const median = curve(rows, 2);
    if (!median.length) continue;
    above = Math.max(median.at(-1)[1], above + 16); // labels never lie on one another
    drawn.append(
      svg("path", { class: name, d: path(median) }),
      svg("text", { class: `label ${kind}`, x: right + 8, y: above + 4 }, text),
    );
  }
  holder.replaceChildren(drawn);
  $("history").querySelector("figcaption").textContent =
    "Cosine of single visits. Line: median. Dark band: the middle half of the visits. Light band: 90 % of them.";
}

function drawSources() {
  const rows = data.sources.map(sourceRow);
  const tall = Math.min(Math.max(280 / rows.length - 10, 36), 180);
  const { low, high } = data.sources[0];
  const axis = element("div", { className: "axis" });
  for (const [value, text] of ticks([low, high], 5)) {
    const tick = element("span", {}, text);
    tick.style.left = `${linear([low, high], [0, 100])(value)}%`;
    axis.append(tick);
  }
  const holder = $("sources").querySelector("div");
  holder.style.setProperty("--tall", `${tall}px`);
  holder.replaceChildren(...rows, element("div", { className: "source" }, axis));
  $("sources").querySelector("figcaption").textContent =
    "Clips by mean cosine, one scale for all sources, each as high as its fullest bar. Red: those found. Line: zero.";
}

function sourceRow(source, number) {
  const width = 300, height = 100, most = Math.max(...source.counts, 1), wide = width / source.counts.length;
  const zero = linear([source.low, source.high], [0, width])(0);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const bar = (i, clips, name) => {
    const size = (clips / most) * (height - 2);
    return svg("rect", { x: i * wide, y: height - size, width: wide * 0.86, height: size, style: `fill: var(--${name})` });
  };
  source.counts.forEach((clips, i) => drawn.append(bar(i, clips, `group-${number}`), bar(i, source.found_counts[i], "accent")));
  if (zero > 0 && zero < width) {
    drawn.append(svg("line", { class: "zero", x1: zero, x2: zero, y1: 0, y2: height, "vector-effect": "non-scaling-stroke" }));
  }
  const share = source.clips ? (100 * source.found) / source.clips : 0;
  const words = element("small", {}, `${many(source.clips)} clips`, element("br"), element("b", {}, `${many(source.found)} found`));
  words.append(` · ${share.toFixed(1)} %`);
  return element("div", { className: "source" }, element("span", {}, source.name), drawn, words);
}
