// Linear scales with round ticks.

function extent(values, ...more) {
  let low = Math.min(...more), high = Math.max(...more);
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const margin = 0.05 * (high - low) || 0.1;
  return [low - margin, high + margin];
}

function ticks([low, high], about) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const values = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9; tick += step) values.push(tick);
  return values.map((value) => [value, Math.abs(value) < step / 2 ? "0" : value.toFixed(digits).replace("-", "−")]);
}

const linear = ([low, high], [from, to]) => (value) => from + ((value - low) / (high - low)) * (to - from);
