// Line charts and bars, as SVG of the width that there is.

const linear = ([low, high], [from, to]) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function extent(values, ...more) {
  const known = [...values, ...more].filter((value) => value !== null);
  const low = Math.min(...known), high = Math.max(...known);
  const margin = 0.06 * (high - low) || 0.05;
  return [low - margin, high + margin];
}

// A share is drawn from 0 to 1 at most, whatever the margin.
const within = ([low, high], scale) => (scale === 100 ? [Math.max(low, 0), Math.min(high, 1)] : [low, high]);

// No two ticks are nearer than `least`: there are no half epochs.
function ticks([low, high], about, least = 0) {
  const rough = Math.max((high - low) / about, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const values = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9; tick += step) values.push(tick);
  return values.map((value) => [value, minus(Math.abs(value) < step / 2 ? "0" : value.toFixed(digits))]);
}

// lines: [{points: [[x, y]], band: [[x, low, high]] or null, colour, name}]; scale multiplies what the axis tells.
function lineChart(holder, lines, { height, axis, label, scale = 1, mark = null }) {
  const width = Math.max(holder.clientWidth, 240), left = 44, right = width - 10, bottom = height - 34;
  const ys = lines.flatMap((line) => [...line.points.map((point) => point[1]), ...(line.band ?? []).flatMap((b) => [b[1], b[2]])]);
  const xs = lines.flatMap((line) => line.points.map((point) => point[0]));
  const range = within(extent(ys, ...(mark === null ? [] : [mark])), scale), across = [Math.min(...xs), Math.max(...xs)];
  const x = linear(across, [left, right]), y = linear(range, [bottom, 10]);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const [value, text] of ticks(range.map((end) => end * scale), 4)) {
    drawn.append(
      svg("line", { class: "grid", x1: left, x2: right, y1: y(value / scale), y2: y(value / scale) }),
      svg("text", { x: left - 8, y: y(value / scale) + 4, "text-anchor": "end" }, text),
    );
  }
  if (mark !== null) drawn.append(svg("line", { class: "one", x1: left, x2: right, y1: y(mark), y2: y(mark) }));
  for (const [value, text] of ticks(across, width / 110, 1)) {
    drawn.append(svg("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, text));
  }
  drawn.append(svg("text", { x: right, y: height - 1, "text-anchor": "end" }, `${axis} →`));
  for (const line of lines) {
    if (line.band) {
      const corners = [...line.band.map((b) => [x(b[0]), y(b[1])]), ...line.band.map((b) => [x(b[0]), y(b[2])]).reverse()];
      drawn.append(svg("path", { class: "band", d: path(corners), style: `fill: ${line.colour}` }));
    }
  }
  for (const line of lines) {
    const points = line.points.map(([across, up]) => [x(across), y(up)]);
    const curve = svg("path", { class: "curve", d: path(points), style: `stroke: ${line.colour}` }, svg("title", {}, line.name));
    drawn.append(curve);
    if (points.length === 1) drawn.append(svg("circle", { cx: points[0][0], cy: points[0][1], r: 3.5, style: `fill: ${line.colour}` }));
  }
  holder.replaceChildren(drawn);
}

// Each seed a dot, the mean a tick with its standard error, on a scale that all rows share.
function strip(row, number, range) {
  const width = 500, height = 34, x = linear(range, [6, width - 6]);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": row.name });
  for (const [value] of ticks(range.map((end) => end * data.scale), 5)) {
    drawn.append(svg("line", { class: "grid", x1: x(value / data.scale), x2: x(value / data.scale), y1: 0, y2: height, "vector-effect": "non-scaling-stroke" }));
  }
  const style = `fill: ${rowColour(number)}; stroke: ${rowColour(number)}`;
  const mark = (attributes) => svg("line", { ...attributes, style: `stroke: ${rowColour(number)}`, "vector-effect": "non-scaling-stroke" });
  if (row.error !== null) drawn.append(mark({ x1: x(row.mean - row.error), x2: x(row.mean + row.error), y1: 17, y2: 17, "stroke-width": 6, opacity: 0.35 }));
  drawn.append(mark({ x1: x(row.mean), x2: x(row.mean), y1: 6, y2: 28, "stroke-width": 2.5 }));
  row.values.forEach((value, i) => {
    if (value !== null) drawn.append(svg("ellipse", { class: "seed", cx: x(value), cy: 17, rx: 3.2, ry: 3.2, style, opacity: 0.75 }, svg("title", {}, `seed ${row.seeds[i]}: ${told(value)}`)));
  });
  return drawn;
}

// Bars of several modalities for each row, from zero to either side.
function bars(holder, rows) {
  const tall = 15, gap = 14, left = 130, width = Math.max(holder.clientWidth, 300), right = width - 60;
  const each = data.modalities.length * tall + gap, height = rows.length * each + 26;
  const ends = rows.flatMap(([row]) => data.modalities.map((name) => row.shapley[name]).flatMap(([mean, error]) => [mean - (error ?? 0), mean + (error ?? 0)]));
  const range = extent(ends, 0), x = linear(range, [left, right]);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Shapley values" });
  for (const [value, text] of ticks(range.map((end) => end * data.scale), 5)) {
    drawn.append(
      svg("line", { class: "grid", x1: x(value / data.scale), x2: x(value / data.scale), y1: 0, y2: height - 22 }),
      svg("text", { x: x(value / data.scale), y: height - 6, "text-anchor": "middle" }, text),
    );
  }
  rows.forEach(([row], place) => {
    const top = place * each + gap / 2;
    drawn.append(svg("text", { x: left - 12, y: top + (each - gap) / 2 + 4, "text-anchor": "end" }, row.name));
    data.modalities.forEach((name, number) => {
      const [mean, error] = row.shapley[name], y = top + number * tall;
      const [from, to] = [x(0), x(mean)].sort((a, b) => a - b);
      const bar = svg("rect", { x: from, y, width: Math.max(to - from, 0.5), height: tall - 3, rx: 2, style: `fill: ${modalityColour(number)}` });
      bar.append(svg("title", {}, `${row.name}, ${name}: ${told(mean)}`));
      drawn.append(bar);
      if (error !== null) drawn.append(svg("line", { class: "one", x1: x(mean - error), x2: x(mean + error), y1: y + 6, y2: y + 6 }));
    });
  });
  drawn.append(svg("line", { class: "grid", x1: x(0), x2: x(0), y1: 0, y2: height - 22, style: "stroke: var(--soft)" }));
  holder.replaceChildren(drawn);
}
