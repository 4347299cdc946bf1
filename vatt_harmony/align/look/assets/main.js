// Wiring.

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "light" : "dark";
}

const KEYS = {
  ArrowLeft: () => walk(0, -1), ArrowRight: () => walk(0, 1), ArrowUp: () => walk(1, -1), ArrowDown: () => walk(1, 1),
  n: nextFault, N: nextFault, " ": togglePlay, "+": () => zoom(1.6), "-": () => zoom(1 / 1.6), 0: () => setView(0, 1),
};

// On the stage, and on the page where nothing else listens.
function keyPressed(event) {
  const place = event.target.closest("button, select, input, video, summary, a");
  if (event.ctrlKey || event.metaKey || event.altKey || (place && !$("stage").contains(place))) return;
  if (!KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
}

// A drag moves the stage; a press that stays where it is remains a click.
function dragging(holder, moved) {
  let from = null, dragged = false;
  holder.addEventListener("pointerdown", (event) => {
    [from, dragged] = [event.clientX, false];
  });
  holder.addEventListener("pointermove", (event) => {
    if (from === null || !event.buttons) return;
    if (!dragged && Math.abs(event.clientX - from) < 6) return;
    if (!dragged) holder.setPointerCapture(event.pointerId);
    dragged = true;
    moved((from - event.clientX) / view.width);
    from = event.clientX;
  });
  for (const name of ["pointerup", "pointercancel"]) holder.addEventListener(name, () => (from = null));
  holder.addEventListener("click", (event) => {
    if (dragged) event.stopPropagation();
    dragged = false;
  }, true);
}

function wheel(event) {
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
  if (event.ctrlKey) zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, (event.clientX - $("stage").getBoundingClientRect().x) / view.width);
  else if (sideways) moveBy(sideways / view.width);
  else return; // up and down scroll the page
  event.preventDefault();
}

function lookAt(event) {
  const box = $("overview").getBoundingClientRect(), size = view.to - view.from;
  const middle = (event.clientX - box.x) / box.width;
  setView(middle - size / 2, middle + size / 2);
}

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
$("theme").addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  redraw();
  drawStrips();
});
$("overall").replaceChildren(...lines(about.figures));
$("which").addEventListener("change", () => open(Number($("which").value)));
$("truth").addEventListener("change", drawRibbons);
$("back").addEventListener("click", () => walk(0, -1));
$("on").addEventListener("click", () => walk(0, 1));
$("fault").addEventListener("click", nextFault);
$("in").addEventListener("click", () => zoom(1.6));
$("out").addEventListener("click", () => zoom(1 / 1.6));
$("fit").addEventListener("click", () => setView(0, 1));
document.addEventListener("keydown", keyPressed);
dragging($("stage"), moveBy);
$("stage").addEventListener("wheel", wheel, { passive: false });
$("overview").addEventListener("pointerdown", lookAt);
$("overview").addEventListener("pointermove", (event) => event.buttons && lookAt(event));
view.width = $("stage").clientWidth;
listSequences();
open(0);
new ResizeObserver(() => {
  view.width = $("stage").clientWidth;
  setView(view.from, view.to);
}).observe($("stage"));
