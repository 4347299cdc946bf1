// All sentences to read, and all sequences to choose from.

const strips = about.sequences.map((each) => each.strip);
let shown = 0;

function listTexts() {
  $("texts-title").textContent = sequence.lower.name.replace(/^./, (letter) => letter.toUpperCase());
  $("texts").replaceChildren(...sequence.lower.texts.map((text, item) => {
    const times = sequence.timed ? sequence.intervals[item].map(([from, to]) => `${clock(from)} – ${clock(to)}`).join(", ") : "";
    const alone = !sequence.partners[1][item].length;
    const button = element(
      "button", { type: "button" },
      element("span", { className: `sign ${sequence.verdicts[1][item]}` }, signOf(1, item)),
      element("span", { className: "text" }, text),
      element("span", { className: "when" }, alone ? "no partner" : times),
    );
    button.addEventListener("click", () => chooseLower(item, true));
    return element("li", {}, button);
  }));
}

function listSequences() {
  $("which").replaceChildren(...about.sequences.map((each, i) => element("option", { value: i }, each.name)));
  $("all-holder").hidden = about.sequences.length < 2;
  const names = [...new Set(about.sequences.flatMap((each) => Object.keys(each.figures)))];
  const head = element("tr", {}, ...["", "", ...names].map((name) => element("th", { scope: "col" }, name)));
  const rows = about.sequences.map((each, i) => {
    const button = element("button", { type: "button", className: "quiet" }, each.name);
    button.addEventListener("click", () => open(i));
    const strip = element("canvas", { className: "strip", width: 220, height: 16 });
    return element(
      "tr", {}, element("th", { scope: "row" }, button), element("td", {}, strip),
      ...names.map((name) => element("td", {}, each.figures[name] ?? "")),
    );
  });
  $("all").replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
  drawStrips();
}

function drawStrips() {
  document.querySelectorAll("#all .strip").forEach((canvas, i) => {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    drawStrip(pen, canvas.width, canvas.height, strips[i], (item) => [item / strips[i].length, (item + 1) / strips[i].length]);
  });
}

function open(which) {
  shown = which;
  sequence = readSequence(which);
  [current[0], current[1]] = [-1, -1];
  $("which").value = which;
  $("figures").replaceChildren(...lines(about.sequences[which].figures));
  $("chosen").replaceChildren();
  $("fault").hidden = !sequence.verdicts[0].some((verdict) => ["wrong", "partly"].includes(verdict));
  $("ribbons").setAttribute("aria-label", `${sequence.pairs.length} pairs of ${sequence.spans.length} ${sequence.upper.name} and ${sequence.lower.texts.length} ${sequence.lower.name}`);
  showFilm();
  listTexts();
  firstView();
}
