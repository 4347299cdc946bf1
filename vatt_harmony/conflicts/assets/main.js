// Wiring.

function drawLegend() {
  data.groups.forEach((name, number) => {
    const swatch = element("i");
    swatch.style.background = `var(--group-${number})`;
    const button = element("button", { type: "button", title: "show or hide" }, swatch, name);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const shown = hidden.delete(number) || !hidden.add(number);
      button.setAttribute("aria-pressed", String(shown));
      drawPoints();
    });
    $("legend").append(button);
  });
  $("legend").append(element("span", { className: "key" }, element("i", { className: "ring" }), "on the drop list"));
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "light" : "dark";
}

function pointerPlace(event) {
  const box = $("marks").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

let drag = null;

function press(event) {
  const [x, y] = pointerPlace(event);
  if (mode === "line" && Math.abs(y - toY(line)) < 8 && nearest(x, y) < 0) drag = "line";
  else if (mode === "lasso") [drag, lasso] = ["lasso", [[x, y]]];
  if (!drag) return;
  hover(-1);
  $("marks").setPointerCapture(event.pointerId);
}

function move(event) {
  const [x, y] = pointerPlace(event);
  if (drag === "line") return dragLine(fromY(y));
  if (drag === "lasso") {
    lasso.push([x, y]);
    return drawMarks();
  }
  hover(nearest(x, y));
  $("marks").classList.toggle("line", mode === "line" && hovered < 0 && Math.abs(y - toY(line)) < 8);
}

function release(event) {
  const [x, y] = pointerPlace(event);
  const was = drag;
  drag = null;
  if (was === "line") return;
  if (was === "lasso" && lasso.length > 4) return closeLasso(event.shiftKey);
  lasso = [];
  const row = nearest(x, y);
  if (row < 0) return drawMarks();
  show(row, true);
  if (innerWidth < 1020) $("player").scrollIntoView({ block: "nearest" });
}

function keyPressed(event) {
  const moves = { ArrowUp: [byCosine, 1], ArrowDown: [byCosine, -1], ArrowRight: [byLoss, 1], ArrowLeft: [byLoss, -1] };
  const from = hovered >= 0 ? hovered : current;
  if (moves[event.key]) {
    const next = neighbour(moves[event.key][0], from, moves[event.key][1]);
    if (next >= 0) hover(next);
  } else if ((event.key === "Enter" || event.key === " ") && from >= 0) show(from, true);
  else if (event.key === "Escape") hover(-1);
  else return;
  event.preventDefault();
}

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
$("theme").addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  layOut();
});
drawLegend();
number.line.value = Math.min(cosine[byCosine[Math.round(0.05 * (count - 1))]], 0).toFixed(3);
for (const input of document.querySelectorAll("#modes input")) input.addEventListener("change", () => setMode(input.value));
for (const input of Object.values(number)) input.addEventListener("input", choose);
$("chooser").addEventListener("submit", (event) => event.preventDefault());
$("export").addEventListener("click", exportList);
$("more").addEventListener("click", moreCards);
$("marks").addEventListener("pointerdown", press);
$("marks").addEventListener("pointermove", move);
$("marks").addEventListener("pointerup", release);
$("marks").addEventListener("pointerleave", () => hover(-1));
$("marks").addEventListener("keydown", keyPressed);
new ResizeObserver(() => [layOut, drawHistory].forEach((draw) => draw())).observe($("plot"));
layOut();
setMode(mode);
show(byCosine.find((row) => address(row)) ?? byCosine[0], false);
drawSources();
drawHistory();
moreCards();
$("footer").textContent =
  `Run ${data.run}, step ${many(data.step)}. Signal ${data.signal}, rule ${data.rule}. ` +
  "Made by vatt-harmony conflicts report; the page is one file and fetches nothing.";
