// The map: a canvas of all points, and above it one for what moves.

const MARGIN = { left: 58, right: 14, top: 10, bottom: 40 };
const CELL = 16;
const REACH = 14;
const points = $("points").getContext("2d");
const marks = $("marks").getContext("2d");
const hidden = new Set();
const chosen = new Uint8Array(count);
const ranges = { loss: extent(loss), cosine: extent(cosine, 0) };
const size = { width: 0, height: 0, ratio: 1 };
const place = { x: new Float32Array(count), y: new Float32Array(count), columns: 0, starts: null, rows: null };
let toY = () => 0;
let fromY = () => 0;
let current = -1;
let hovered = -1;
let lasso = [];
let line = null;

function layOut() {
  const box = $("plot").getBoundingClientRect();
  Object.assign(size, { width: box.width, height: box.height, ratio: devicePixelRatio || 1 });
  for (const context of [points, marks]) {
    context.canvas.width = Math.round(size.width * size.ratio);
    context.canvas.height = Math.round(size.height * size.ratio);
    context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  }
  const toX = linear(ranges.loss, [MARGIN.left, size.width - MARGIN.right]);
  const bottom = size.height - MARGIN.bottom;
  toY = linear(ranges.cosine, [bottom, MARGIN.top]);
  fromY = linear([bottom, MARGIN.top], ranges.cosine);
  for (let row = 0; row < count; row++) {
    place.x[row] = toX(loss[row]);
    place.y[row] = toY(cosine[row]);
  }
  sortIntoCells();
  drawPoints(toX);
  drawMarks();
}

// Counting sort of the rows into square cells, so that the nearest point is found without looking at all of them.
function sortIntoCells() {
  place.columns = Math.ceil(size.width / CELL) + 1;
  const cells = place.columns * (Math.ceil(size.height / CELL) + 1);
  place.starts = new Uint32Array(cells + 1);
  for (let row = 0; row < count; row++) place.starts[cellOf(row) + 1]++;
  for (let cell = 0; cell < cells; cell++) place.starts[cell + 1] += place.starts[cell];
  const next = place.starts.slice();
  place.rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) place.rows[next[cellOf(row)]++] = row;
}

const cellOf = (row) => Math.floor(place.y[row] / CELL) * place.columns + Math.floor(place.x[row] / CELL);

function nearest(x, y) {
  let best = -1, distance = REACH * REACH;
  for (let down = Math.floor(y / CELL) - 1; down <= Math.floor(y / CELL) + 1; down++) {
    for (let across = Math.floor(x / CELL) - 1; across <= Math.floor(x / CELL) + 1; across++) {
      const cell = down * place.columns + across;
      for (let i = place.starts[cell] ?? 0; i < (place.starts[cell + 1] ?? 0); i++) {
        const row = place.rows[i];
        const away = (place.x[row] - x) ** 2 + (place.y[row] - y) ** 2;
        if (away < distance && !hidden.has(group[row])) [best, distance] = [row, away];
      }
    }
  }
  return best;
}

function drawPoints(toX = linear(ranges.loss, [MARGIN.left, size.width - MARGIN.right])) {
  points.clearRect(0, 0, size.width, size.height);
  drawAxes(toX);
  const radius = Math.max(1.3, 5.8 - 0.9 * Math.log10(count + 1));
  const ringed = chosen.some(Boolean);
  for (const [wanted, alpha] of [[0, (count > 5000 ? 0.35 : 0.6) * (ringed ? 0.8 : 1)], [1, 1]]) {
    points.globalAlpha = alpha;
    const playable = stamps(radius, wanted), silent = stamps(0.72 * radius, wanted);
    for (let row = 0; row < count; row++) {
      if (chosen[row] !== wanted || hidden.has(group[row])) continue;
      const stamp = (holders.has(row) ? playable : silent)[group[row]], half = stamp.width / size.ratio / 2;
      points.drawImage(stamp, place.x[row] - half, place.y[row] - half, 2 * half, 2 * half);
    }
  }
  points.globalAlpha = 1;
}

// One stamp for each source. Where points are too small for a ring, those chosen take its colour instead.
function stamps(radius, ringed) {
  const accent = ringed ? colour("accent") : null, small = count > 5000;
  return data.groups.map((_, number) => dot(radius, (small && accent) || colour(`group-${number}`), small ? null : accent));
}

// A point drawn once, to be stamped a hundred thousand times.
function dot(radius, fill, ring) {
  const half = Math.ceil((radius + 3) * size.ratio);
  const stamp = element("canvas", { width: 2 * half, height: 2 * half });
  const context = stamp.getContext("2d");
  context.scale(size.ratio, size.ratio);
  context.translate(half / size.ratio, half / size.ratio);
  context.beginPath();
  context.arc(0, 0, radius, 0, 7);
  context.fillStyle = fill;
  context.fill();
  if (ring) {
    context.beginPath();
    context.arc(0, 0, radius + 1.4, 0, 7);
    context.strokeStyle = ring;
    context.lineWidth = 1.6;
    context.stroke();
  }
  return stamp;
}

function drawAxes(toX) {
  const right = size.width - MARGIN.right, bottom = size.height - MARGIN.bottom, zero = toY(0);
  points.fillStyle = colour("wash");
  points.fillRect(MARGIN.left, zero, right - MARGIN.left, bottom - zero);
  points.font = "12px ui-sans-serif, system-ui, sans-serif";
  points.lineWidth = 1;
  points.textBaseline = "middle";
  points.textAlign = "right";
  for (const [value, text] of ticks(ranges.cosine, size.height / 80)) {
    points.strokeStyle = colour(text === "0" ? "soft" : "faint");
    points.beginPath();
    points.moveTo(MARGIN.left, Math.round(toY(value)) + 0.5);
    points.lineTo(right, Math.round(toY(value)) + 0.5);
    points.stroke();
    points.fillStyle = colour("soft");
    points.fillText(text, MARGIN.left - 8, toY(value));
  }
  points.textAlign = "center";
  for (const [value, text] of ticks(ranges.loss, size.width / 110)) points.fillText(text, toX(value), bottom + 14);
  points.textAlign = "right";
  points.fillText("loss, mean over visits →", right, bottom + 31);
  points.fillText("agree ↑", right - 6, MARGIN.top + 10);
  points.fillText("disagree ↓", right - 6, bottom - 10);
  points.save();
  points.translate(12, (MARGIN.top + bottom) / 2);
  points.rotate(-Math.PI / 2);
  points.textAlign = "center";
  points.fillText("cosine, mean over visits →", 0, 0);
  points.restore();
}
