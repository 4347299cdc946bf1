// What the page carries: columns of the clips, and the clips themselves. Text from outside is only ever set as text.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const count = data.keys.length;

function numbers(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

const cosine = numbers(data.cosine, Float32Array);
const standardError = numbers(data.error, Float32Array);
const loss = numbers(data.loss, Float32Array);
const losses = Object.fromEntries(Object.entries(data.losses).map(([pair, text]) => [pair, numbers(text, Float32Array)]));
const visits = numbers(data.visits, Uint32Array);
const dropped = numbers(data.dropped, Uint32Array);
const group = numbers(data.group, Uint8Array);
const found = numbers(data.found, Uint8Array);
const byCosine = Uint32Array.from(cosine.keys()).sort((a, b) => cosine[a] - cosine[b]);
const byLoss = Uint32Array.from(loss.keys()).sort((a, b) => loss[a] - loss[b]);

const holders = new Map([...document.querySelectorAll("script[data-clip]")].map((holder) => [Number(holder.dataset.clip), holder]));
const addresses = new Map();

// The address of a clip inside this page, or null when it is not among those embedded.
function address(row) {
  const holder = holders.get(row);
  if (!holder) return null;
  if (!addresses.has(row)) {
    const bytes = numbers(holder.textContent, Uint8Array);
    addresses.set(row, URL.createObjectURL(new Blob([bytes], { type: "video/mp4" })));
  }
  return addresses.get(row);
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const signed = (value, digits = 3) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
const many = (value) => value.toLocaleString("en-US");
const captionsOf = (row) => data.captions[row] ?? [];
const pairName = (pair) => pair.split("_").join("–");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
