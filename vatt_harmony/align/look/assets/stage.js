// The stage: clips above on a time line, sentences below, and where the film is. Only what is in view is drawn.

const NARROW = 5; // pixels; narrower items have their ribbon alone
const WORDY = 40; // pixels from which on a text is shown

function redraw() {
  drawAxis();
  drawRow($("uppers"), 0, upperPlace, upperItem);
  drawRow($("lowers"), 1, lowerPlace, lowerItem);
  drawRibbons();
  drawOverview();
  placeHead();
}

// A row whose items are too narrow to see, or sentences too narrow to read, gives its height away.
function drawRow(row, side, place, make) {
  const typical = view.width / (view.to - view.from) / Math.max(sequence.partners[side].length, 1);
  row.classList.toggle("far", typical < NARROW);
  row.classList.toggle("near", typical > WORDY);
  row.replaceChildren(...(typical < NARROW ? [] : items(side, place, make)));
}

function items(side, place, make) {
  const made = [];
  sequence.partners[side].forEach((_, item) => {
    const [left, right] = pixels(place(item));
    if (!visible([left, right]) || right - left < NARROW) return;
    const button = make(item, right - left);
    const verdict = sequence.verdicts[side][item];
    button.className = `item ${verdict}${sequence.partners[side][item].length ? "" : " alone"}${current[side] === item ? " chosen" : ""}`;
    button.style.left = `${left}px`;
    button.style.width = `${Math.max(right - left - 2, 2)}px`;
    button.dataset.item = item;
    button.tabIndex = -1; // the stage is one stop; arrows walk inside it
    made.push(button);
  });
  return made;
}

function upperItem(item, width) {
  const sign = signOf(0, item), text = sequence.upper.texts[item], picture = sequence.pictures[item];
  const button = element("button", { type: "button", title: tellUpper(item) });
  if (picture && width > 12) button.append(element("img", { src: `data:image/jpeg;base64,${picture}`, alt: "" }));
  if (text && width > WORDY) button.append(element("span", { className: "text" }, text));
  if (width > 16) button.append(element("span", { className: "sign" }, width > 44 ? `${item + 1} ${sign}` : sign));
  button.addEventListener("click", () => chooseUpper(item, true));
  return button;
}

function lowerItem(item, width) {
  const text = sequence.lower.texts[item], sign = signOf(1, item);
  const button = element("button", { type: "button", title: text });
  if (width > 16) button.append(element("span", { className: "sign" }, width > 44 ? `${item + 1} ${sign}` : sign));
  if (width > WORDY) button.append(element("span", { className: "text" }, text));
  button.addEventListener("click", () => chooseLower(item, true));
  return button;
}

function signOf(side, item) {
  return (sequence.partners[side][item].length ? "" : "∅") + SIGNS[sequence.verdicts[side][item]];
}

const tellUpper = (item) => `${number(0, item)}${sequence.timed ? `, ${clock(sequence.spans[item][0])} – ${clock(sequence.spans[item][1])}` : ""}`;

function drawAxis() {
  const marks = [];
  if (sequence.timed) {
    const seconds = (view.to - view.from) * length(), rough = seconds / Math.max(view.width / 90, 1);
    const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600].find((size) => size >= rough) ?? 7200;
    const first = start() + view.from * length(), last = start() + view.to * length();
    for (let time = Math.ceil(first / step) * step; time <= last; time += step) {
      const mark = element("span", {}, clock(time));
      mark.style.left = `${Math.max(toPixel((time - start()) / length()), 14)}px`; // the first one is not cut off
      marks.push(mark);
    }
  }
  $("axis").replaceChildren(...marks);
}

// The whole alignment as a strip of verdicts, with the part on the stage framed.
function drawOverview() {
  const canvas = $("overview"), ratio = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  drawStrip(pen, box.width, box.height, strips[shown], upperPlace);
  pen.strokeStyle = colour("ink");
  pen.lineWidth = 2;
  pen.strokeRect(view.from * box.width + 1, 1, Math.max((view.to - view.from) * box.width - 2, 2), box.height - 2);
}

const STRIP = { r: ["right", 1], p: ["partly", 0.6], w: ["wrong", 0.36], u: ["none", 1] };

// A letter of `strip` for each clip: height tells right, partly and wrong without colour; small: no partner.
function drawStrip(pen, width, height, strip, place) {
  const colours = Object.fromEntries(["right", "partly", "wrong", "none"].map((name) => [name, colour(name)]));
  [...strip].forEach((letter, i) => {
    const verdict = letter.toLowerCase(), [name, share] = STRIP[verdict], [left, right] = place(i);
    const size = (right - left) * width;
    pen.fillStyle = colours[letter === verdict && verdict !== "w" ? "none" : name];
    pen.fillRect(left * width, height * (1 - share), Math.max(size - (size > 3 ? 0.6 : 0), 0.6), height * share);
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function placeHead() {
  const head = $("head"), film = $("screen").querySelector("video");
  head.hidden = !film || !sequence.timed;
  if (head.hidden) return;
  const x = toPixel((film.currentTime - start()) / length());
  head.hidden = x < 0 || x > view.width;
  head.style.transform = `translateX(${x}px)`;
}
