// Which part of the alignment is on the stage. Places run from 0, the start, to 1, the end, in both rows.

let sequence = null;
const view = { from: 0, to: 1, width: 1 };
const READABLE = 132; // pixels of a sentence that can be read

const start = () => sequence.spans[0]?.[0] ?? 0;
const length = () => Math.max((sequence.spans.at(-1)?.[1] ?? 1) - start(), 1e-6);
const upperPlace = (item) => sequence.spans[item].map((time) => (time - start()) / length());
const lowerPlace = (item) => [item / sequence.lower.texts.length, (item + 1) / sequence.lower.texts.length];
const toPixel = (place) => ((place - view.from) / (view.to - view.from)) * view.width;
const pixels = (places) => places.map(toPixel);
const visible = ([left, right]) => right > -40 && left < view.width + 40;

// Zoom until sentences can be read, but never beyond ten times that, and never out of the alignment.
function setView(from, to) {
  const least = Math.min(1, view.width / (10 * READABLE * Math.max(sequence.lower.texts.length, sequence.spans.length, 1)));
  const size = Math.min(Math.max(to - from, least), 1);
  view.from = Math.min(Math.max((from + to - size) / 2, 0), 1 - size);
  view.to = view.from + size;
  redraw();
}

const moveBy = (share) => setView(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));

function zoom(factor, at = 0.5) {
  const middle = view.from + at * (view.to - view.from), size = (view.to - view.from) / factor;
  setView(middle - at * size, middle + (1 - at) * size);
}

function firstView() {
  setView(0, Math.min(1, view.width / (READABLE * Math.max(sequence.lower.texts.length, 1))));
}

// Move only as far as the item is off the stage; `keep` is the share of the stage left free at the edges.
function bringIn([left, right], keep = 0.12) {
  const size = view.to - view.from, margin = keep * size;
  if (left >= view.from + margin && right <= view.to - margin) return;
  const middle = (left + right) / 2;
  setView(middle - size / 2, middle + size / 2);
}
