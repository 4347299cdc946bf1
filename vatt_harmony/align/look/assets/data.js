// What the page carries: alignments and films. Text from outside is only ever set as text.

const $ = (id) => document.getElementById(id);
const about = JSON.parse($("data").textContent);
const SIGNS = { right: "✓", partly: "◐", wrong: "✗", unknown: "" };

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const lines = (figures) =>
  Object.entries(figures).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));

// One alignment, with the partners of each item looked up.
function readSequence(number) {
  const read = JSON.parse(document.querySelector(`script[data-sequence="${number}"]`).textContent);
  const empty = (texts) => texts.map(() => []);
  read.partners = [empty(read.spans), empty(read.lower.texts)];
  read.pairs.forEach(([upper, lower], pair) => {
    read.partners[0][upper].push(pair);
    read.partners[1][lower].push(pair);
  });
  read.missedBy = [empty(read.spans), empty(read.lower.texts)];
  for (const [upper, lower] of read.missed) {
    read.missedBy[0][upper].push([upper, lower]);
    read.missedBy[1][lower].push([upper, lower]);
  }
  return read;
}

const addresses = new Map();

// Where a film can be played from: inside this page, or beside it.
function filmAddress(sequence) {
  const number = sequence.film;
  if (number === null) return null;
  const holder = document.querySelector(`script[data-film="${number}"]`);
  if (!holder) return sequence.address;
  if (!addresses.has(number)) {
    const bytes = Uint8Array.from(atob(holder.textContent), (letter) => letter.charCodeAt(0));
    addresses.set(number, URL.createObjectURL(new Blob([bytes], { type: "video/mp4" })));
  }
  return addresses.get(number);
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}
