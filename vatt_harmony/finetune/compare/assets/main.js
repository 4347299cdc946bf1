// Wiring.

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "light" : "dark";
}

function key(names, colour) {
  return element("div", { className: "key" }, ...names.map((name, number) => element("span", {}, swatch(colour(number)), name)));
}

function difference(row, reference) {
  const pair = data.differences[row.name][reference];
  if (row.name === reference || pair === null) return element("small", {}, "–");
  const [mean, low, high] = pair;
  const text = signed(mean);
  if (low === null) return element("span", {}, text);
  const sure = low > 0 || high < 0;
  return element("span", {}, element(sure ? "b" : "span", {}, text), element("small", {}, ` (${signed(low)} … ${signed(high)})`));
}

function drawRows() {
  const reference = $("reference").value;
  const range = within(extent(data.rows.flatMap((row) => row.values)), data.scale);
  const place = linear(range, [6 / 5, 100 - 6 / 5]); // as in strip(), in percent
  const axis = ticks(range.map((end) => end * data.scale), 5).map(([value, text]) => {
    const tick = element("span", {}, text);
    tick.style.left = `${place(value / data.scale)}%`;
    return tick;
  });
  $("rows").querySelector("th.strip").replaceChildren(element("div", { className: "axis" }, ...axis));
  $("figure").textContent = data.label;
  $("difference").textContent = `minus ${reference}`;
  const lines = data.rows.map((row, number) => {
    const button = element("button", { type: "button", className: "row", title: "hide or show its curves" }, swatch(rowColour(number)), row.name);
    button.setAttribute("aria-pressed", String(!hidden.has(row.name)));
    button.addEventListener("click", () => {
      if (!hidden.delete(row.name)) hidden.add(row.name);
      drawAll();
    });
    const error = row.error === null ? "" : ` ± ${told(row.error)}`;
    return element(
      "tr", {},
      element("td", {}, button),
      element("td", { className: "strip" }, strip(row, number, range)),
      element("td", {}, told(row.mean), element("small", {}, error)),
      element("td", { className: "difference" }, difference(row, reference)),
      element("td", { className: "wide" }, row.clips),
      element("td", { className: "wide" }, row.updates.toLocaleString("en-US")),
      element("td", { className: "wide" }, row.minutes.toFixed(1)),
    );
  });
  $("rows").querySelector("tbody").replaceChildren(...lines);
}

function drawCurves() {
  const holder = $("curves").querySelector("div");
  const lines = shown().filter(([row]) => row.curve.length).map(([row, number]) => ({
    name: row.name, colour: rowColour(number),
    points: row.curve.map(([epoch, mean]) => [epoch, mean]),
    band: row.curve.some((point) => point[2] === null) ? null : row.curve.map(([epoch, mean, error]) => [epoch, mean - error, mean + error]),
  }));
  if (lines.length) lineChart(holder, lines, { height: 300, axis: "epoch", label: "Validation figure over the epochs", scale: data.scale });
  else holder.replaceChildren();
  $("curves").querySelector("figcaption").textContent = `Validation ${data.label}, mean over seeds. Band: standard error.`;
}

function drawDistance() {
  const lines = shown().filter(([row]) => row.distance.some((point) => point[1] > 0)).map(([row, number]) => ({ name: row.name, colour: rowColour(number), points: row.distance, band: null }));
  $("distance").hidden = !data.rows.some((row) => row.distance.some((point) => point[1] > 0));
  const holder = $("distance").querySelector("div");
  if (lines.length && !$("distance").hidden) lineChart(holder, lines, { height: 300, axis: "step", label: "Mean distance of k from 1", mark: 0 });
  else holder.replaceChildren();
  $("distance").querySelector("figcaption").textContent = "Mean |k − 1| over modalities and seeds: 0 is plain training of all losses. A rule that fades out falls towards 0.";
}

function drawCoefficients() {
  const rows = shown().filter(([row]) => row.distance.some((point) => point[1] > 0));
  $("coefficients").hidden = !data.rows.some((row) => row.distance.some((point) => point[1] > 0));
  const panels = rows.map(([row]) => [row, element("div", {}, element("h3", {}, row.name), element("div"))]);
  const holder = $("coefficients").querySelector(".panels");
  holder.replaceChildren(...panels.map(([, panel]) => panel));
  for (const [row, panel] of panels) {
    const lines = data.modalities.map((name, number) => ({ name, colour: modalityColour(number), points: row.k[name] ?? [], band: null })).filter((line) => line.points.length);
    lineChart(panel.lastElementChild, lines, { height: 170, axis: "step", label: `Coefficients of ${row.name}`, mark: 1 });
  }
  $("coefficients").querySelector(".key")?.remove();
  holder.before(key(data.modalities, modalityColour));
}

function drawShapley() {
  const rows = shown().filter(([row]) => row.shapley !== null);
  $("shapley").hidden = !data.rows.some((row) => row.shapley !== null);
  const holder = $("shapley").querySelector("div:last-child");
  $("shapley").querySelector(".key")?.remove();
  if (rows.length) bars(holder, rows);
  else holder.replaceChildren();
  holder.before(key(data.modalities, modalityColour));
}

function drawAll() {
  for (const draw of [drawRows, drawCurves, drawDistance, drawCoefficients, drawShapley]) draw();
}

function fillTable() {
  const head = element("tr", {}, element("th", {}, "figure"), ...data.rows.map((row) => element("th", {}, row.name)));
  const body = data.figures.map(([name, cells]) => element("tr", {}, element("td", {}, name), ...cells.map((cell) => element("td", {}, cell))));
  $("all").querySelector("div").append(element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
$("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
$("reference").append(...data.rows.map((row) => element("option", { value: row.name }, row.name)));
$("reference").value = data.reference;
$("reference").addEventListener("change", drawRows);
fillTable();
new ResizeObserver(drawAll).observe($("curves").parentElement);
drawAll();
$("footer").textContent = data.footer;
