// Which clips go onto the drop list: those found, by a line, by a share, by a lasso; then each by hand.

const byHand = new Map();
const fenced = new Set();
const number = { line: $("line").querySelector("input"), share: $("share").querySelector("input") };
let frame = 0;
let mode = "found";

function ruleChooses() {
  if (mode === "found") return (row) => found[row] === 1;
  if (mode === "lasso") return (row) => fenced.has(row);
  if (mode === "line") return (row) => cosine[row] < line;
  const last = Math.round((Math.min(Math.max(Number(number.share.value), 0), 100) / 100) * data.total);
  const lowest = new Set(byCosine.subarray(0, last));
  return (row) => lowest.has(row);
}

function choose() {
  line = mode === "line" ? Number(number.line.value) : null;
  const chooses = ruleChooses();
  let total = 0;
  for (let row = 0; row < count; row++) total += chosen[row] = Number(byHand.get(row) ?? chooses(row));
  $("chosen").replaceChildren(element("b", {}, many(total)), total === 1 ? " clip" : " clips");
  $("export").disabled = !total;
  const beyond = data.complete !== null && byCosine.some((row) => chosen[row] && cosine[row] > data.complete);
  $("warning").hidden = data.complete === null;
  $("warning").textContent = data.complete === null ? "" :
    `The map holds ${many(count)} of ${many(data.total)} clips: all those below ${signed(data.complete)}, and a spread of the others.` +
    (beyond ? " The list can only name clips on the map." : "");
  for (const name of ["line", "share", "lasso"]) $(name).hidden = mode !== name;
  $("marks").classList.toggle("lasso", mode === "lasso");
  drawPoints();
  drawMarks();
  markChoice();
}

function setMode(name) {
  mode = name;
  byHand.clear();
  document.querySelector(`#modes input[value="${name}"]`).checked = true;
  choose();
}

// Called with every movement of the pointer: at most one drawing a frame.
function dragLine(value) {
  number.line.value = Math.min(Math.max(value, -1), 1).toFixed(3);
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(choose);
}

// Even-odd rule over the drawn outline.
function inside(x, y) {
  let within = false;
  for (let i = 0, j = lasso.length - 1; i < lasso.length; j = i++) {
    const [xi, yi] = lasso[i], [xj, yj] = lasso[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

function closeLasso(add) {
  if (!add) fenced.clear();
  for (let row = 0; row < count; row++) {
    if (!hidden.has(group[row]) && inside(place.x[row], place.y[row])) fenced.add(row);
  }
  lasso = [];
  byHand.clear();
  choose();
}

function howChosen() {
  const rule = {
    found: "mean cosine below zero by more than chance explains (false discovery rate 5 %)",
    line: `mean cosine below ${number.line.value}`,
    share: `lowest ${number.share.value} % by mean cosine`,
    lasso: "drawn on the map by hand",
  }[mode];
  return byHand.size ? `${rule}; ${byHand.size} clips changed by hand` : rule;
}

function dropList() {
  const oneLine = (text) => String(text).replace(/[\r\n]+/g, " ");
  const keys = [...byCosine].filter((row) => chosen[row]).map((row) => data.keys[row]);
  const listed = keys.filter((key) => !/[\r\n]/.test(key));
  const head = [
    "drop list of vatt-harmony conflicts report, for: vatt-harmony shards build --exclude FILE",
    `run ${data.run}, step ${data.step}, signal ${data.signal}, rule ${data.rule}`,
    `chosen: ${howChosen()}`,
    `${listed.length} of ${data.total} clips, lowest cosine first; ${new Date().toISOString()}`,
  ];
  return [...head.map((text) => `# ${oneLine(text)}`), ...listed].join("\n") + "\n";
}

function exportList() {
  const link = element("a", { download: "drop-list.txt" });
  link.href = URL.createObjectURL(new Blob([dropList()], { type: "text/plain" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
