// What the page carries. Text from outside is only ever set as text.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const hidden = new Set();

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

const swatch = (colour) => {
  const made = element("i");
  made.style.background = colour;
  return made;
};
const rowColour = (number) => `var(--row-${number % 8})`;
const modalityColour = (number) => `var(--modality-${number % 3})`;
const shown = () => data.rows.map((row, number) => [row, number]).filter(([row]) => !hidden.has(row.name));
const minus = (text) => text.replace("-", "−");
const told = (value, digits = data.digits) => (value === null ? "–" : minus((value * data.scale).toFixed(digits)));
const signed = (value) => (value === null ? "–" : (value >= 0 ? "+" : "") + told(value));
