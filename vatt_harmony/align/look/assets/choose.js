// The clip and the sentence that are looked at, and walking from one to the next.

const current = [-1, -1];
const isChosen = (upper, lower) => current[0] === upper || current[1] === lower;

// `moved`: by the user, so that the film goes there; else the film itself has come here.
function chooseUpper(item, moved) {
  const pair = sequence.partners[0][item][0];
  choose(item, pair === undefined ? -1 : sequence.pairs[pair][1]);
  if (moved) seek(sequence.spans[item][0]);
  if (moved || $("follow").checked) bringIn(upperPlace(item));
}

function chooseLower(item, moved) {
  const pair = sequence.partners[1][item][0];
  choose(pair === undefined ? -1 : sequence.pairs[pair][0], item);
  if (moved && pair !== undefined) seek(sequence.spans[sequence.pairs[pair][0]][0]);
  bringIn(lowerPlace(item));
}

function choose(upper, lower) {
  [current[0], current[1]] = [upper, lower];
  const told = [];
  if (upper >= 0) told.push(card(0, upper, tellUpper(upper), sequence.upper.texts[upper]));
  if (lower >= 0) told.push(card(1, lower, timesOf(lower), sequence.lower.texts[lower]));
  $("chosen").replaceChildren(...told);
  for (const old of document.querySelectorAll("#texts .chosen")) old.classList.remove("chosen");
  $("texts").children[lower]?.classList.add("chosen");
  redraw();
}

function card(side, item, head, text) {
  const verdict = sequence.verdicts[side][item], alone = !sequence.partners[side][item].length;
  const word = [alone ? "no partner" : null, verdict === "unknown" ? null : verdict].filter(Boolean).join(", ");
  const belongs = sequence.missedBy[side][item].map((pair) => pair[1 - side] + 1);
  return element(
    "div", { className: "card" },
    element("span", { className: `badge ${verdict}` }, `${signOf(side, item)} ${word}`.trim() || "paired"),
    element("span", { className: "where" }, head),
    text ? element("p", {}, text) : null,
    belongs.length ? element("p", { className: "missing" }, `belongs with ${number(1 - side, belongs[0] - 1).replace(/ \d+$/, "")} ${belongs.join(", ")}`) : null,
  );
}

function timesOf(lower) {
  const intervals = sequence.timed ? sequence.intervals[lower] : [];
  const times = intervals.map(([from, to]) => `${clock(from)} – ${clock(to)}`).join(", ");
  return times ? `${number(1, lower)}, ${times}` : number(1, lower);
}

function walk(side, by) {
  const size = sequence.partners[side].length;
  if (!size) return;
  const next = current[side] < 0 ? (by > 0 ? 0 : size - 1) : Math.min(Math.max(current[side] + by, 0), size - 1);
  (side ? chooseLower : chooseUpper)(next, true);
}

function nextFault() {
  const size = sequence.spans.length;
  for (let step = 1; step <= size; step++) {
    const item = (current[0] + step + size) % size;
    if (["wrong", "partly"].includes(sequence.verdicts[0][item])) return chooseUpper(item, true);
  }
}
