// What joins the rows: a ribbon for each pair, a stub for each item without a partner, a dashed line for what was missed.

const KINDS = { right: "right", wrong: "wrong", unknown: "none" };

function drawRibbons() {
  const height = $("ribbons").clientHeight;
  const drawn = [];
  const each = (places, kind, shape, told, side, item) => {
    if (!visible(places)) return;
    const path = svg("path", { class: kind, d: shape }, svg("title", {}, told));
    path.addEventListener("click", () => (side ? chooseLower : chooseUpper)(item, true));
    drawn.push(path);
  };
  sequence.pairs.forEach(([upper, lower, probability, verdict], pair) => {
    const above = pixels(upperPlace(upper)), below = pixels(shareOf(pair, lower));
    const chosen = isChosen(upper, lower) ? " chosen" : "";
    each(hull(above, below), `ribbon ${KINDS[verdict]}${chosen}`, band(above, below, height), tellPair(upper, lower, probability, verdict), 0, upper);
  });
  for (const [side, place] of [[0, upperPlace], [1, lowerPlace]]) {
    sequence.partners[side].forEach((partners, item) => {
      if (partners.length) return;
      const places = pixels(place(item));
      each(places, `ribbon none stub ${sequence.verdicts[side][item]}`, stub(places, side, height), tellNone(side, item), side, item);
    });
  }
  for (const [upper, lower] of sequence.missed) {
    if (!$("truth").checked && !isChosen(upper, lower)) continue;
    const above = pixels(upperPlace(upper)), below = pixels(lowerPlace(lower));
    each(hull(above, below), "missed", thread(above, below, height), `belongs together, not found: ${number(0, upper)}, ${number(1, lower)}`, 0, upper);
  }
  $("ribbons").replaceChildren(...drawn);
}

const hull = (above, below) => [Math.min(above[0], below[0]), Math.max(above[1], below[1])];
const number = (side, item) => `${(side ? sequence.lower : sequence.upper).name.replace(/s$/, "")} ${item + 1}`;
const fixed = (value) => value.toFixed(1);

// The part of a sentence's width that is one pair's: its clips stand side by side on it.
function shareOf(pair, lower) {
  const [left, right] = lowerPlace(lower), all = sequence.partners[1][lower], size = (right - left) / all.length;
  const rank = all.indexOf(pair);
  return [left + rank * size, left + (rank + 1) * size];
}

function band([a, b], [c, d], height) {
  const gap = b - a > 3 ? 0.5 : 0, low = d - c > 3 ? 0.5 : 0, middle = fixed(height / 2);
  const [p, q, r, s] = [a + gap, b - gap, d - low, c + low].map(fixed);
  return `M${p} 0L${q} 0C${q} ${middle} ${r} ${middle} ${r} ${height}L${s} ${height}C${s} ${middle} ${p} ${middle} ${p} 0Z`;
}

function stub([left, right], side, height) {
  const inset = Math.min((right - left) / 4, 10), edge = side ? height : 0, tip = side ? height - 16 : 16;
  return `M${fixed(left + 0.5)} ${edge}L${fixed(right - 0.5)} ${edge}L${fixed(right - inset)} ${tip}L${fixed(left + inset)} ${tip}Z`;
}

function thread(above, below, height) {
  const x = fixed((above[0] + above[1]) / 2), y = fixed((below[0] + below[1]) / 2), middle = fixed(height / 2);
  return `M${x} 0C${x} ${middle} ${y} ${middle} ${y} ${height}`;
}

function tellPair(upper, lower, probability, verdict) {
  const sure = probability === null ? "" : `, probability ${probability.toFixed(2)}`;
  const right = verdict === "unknown" ? "" : `, ${verdict}`;
  return `${number(0, upper)} with ${number(1, lower)}${right}${sure}: ${sequence.lower.texts[lower]}`;
}

function tellNone(side, item) {
  const verdict = sequence.verdicts[side][item];
  return `${number(side, item)}: no partner${verdict === "unknown" ? "" : `, ${verdict}`}`;
}
