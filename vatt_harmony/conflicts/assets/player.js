// One clip beside the map.

function show(row, play) {
  current = row;
  const source = address(row);
  const video = source && element("video", { src: `${source}#t=0.001`, preload: "auto", controls: true, loop: true, playsInline: true });
  $("player").replaceChildren(
    element("div", { className: "screen" }, video ?? absent(row)),
    element("blockquote", {}, ...captionsOf(row).map((text) => element("p", {}, text))),
    element("div", { className: "key-name" }, data.keys[row]),
    gauge(row),
    figuresOf(row),
    dropBox(row),
    element("div", { className: "steps" }, stepButton("← lower", row, -1), stepButton("higher →", row, 1)),
  );
  if (video) {
    video.addEventListener("error", () => video.replaceWith(element("p", {}, "This browser cannot play H.264. Chrome, Edge, Safari and Firefox can.")));
    if (play) start(video);
  }
  drawMarks();
}

function start(video) {
  for (const other of document.querySelectorAll("video")) if (other !== video) other.pause();
  video.play().catch(() => {}); // not allowed before the first click: the controls are there
}

function absent(row) {
  const shard = data.shards[row];
  const where = shard ? `It lies in ${shard}.` : "It is not in the shards that were given.";
  return element("p", {}, `This clip is not inside the page. ${where} More clips: --clips, --megabytes.`);
}

function gauge(row) {
  const bar = element("i", { className: cosine[row] < 0 ? "below" : "" });
  const share = Math.min(Math.abs(cosine[row]) / Math.max(...ranges.cosine.map(Math.abs)), 1) * 50;
  bar.style.width = `${share}%`;
  bar.style.left = cosine[row] < 0 ? `${50 - share}%` : "50%";
  return element("div", { className: "gauge", title: "mean cosine, zero in the middle" }, bar);
}

function figuresOf(row) {
  const error = standardError[row];
  const lines = [["cosine", signed(cosine[row]) + (error > 0 ? ` ± ${(2 * error).toFixed(3)}` : "")], ["visits", many(visits[row])]];
  for (const [pair, values] of Object.entries(losses)) {
    if (Number.isFinite(values[row])) lines.push([`loss ${pairName(pair)}`, values[row].toFixed(3)]);
  }
  if (dropped[row]) lines.push(["dropped in training", `${many(dropped[row])} ×`]);
  return element("dl", {}, ...lines.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function dropBox(row) {
  const box = element("input", { type: "checkbox", id: "drop-this", checked: chosen[row] === 1 });
  box.addEventListener("change", () => {
    byHand.set(row, box.checked);
    choose();
  });
  return element("label", { className: "drop" }, box, "on the drop list");
}

function markChoice() {
  const box = $("drop-this");
  if (box) box.checked = chosen[current] === 1;
}

function stepButton(text, row, by) {
  const next = neighbour(byCosine, row, by);
  const button = element("button", { type: "button", className: "quiet", disabled: next < 0 }, text);
  button.addEventListener("click", () => show(next, true));
  return button;
}

// The next visible row along an order, -1 at its end.
function neighbour(order, row, by) {
  let i = order.indexOf(row) + by;
  while (i >= 0 && i < count && hidden.has(group[order[i]])) i += by;
  return order[i] ?? -1;
}
