// What moves over the map: the line, the lasso, the clip under the pointer and the one being shown.

function drawMarks() {
  marks.clearRect(0, 0, size.width, size.height);
  if (line !== null) {
    marks.strokeStyle = colour("accent");
    marks.lineWidth = 1.5;
    marks.setLineDash([6, 5]);
    marks.beginPath();
    marks.moveTo(MARGIN.left, toY(line));
    marks.lineTo(size.width - MARGIN.right, toY(line));
    marks.stroke();
    marks.setLineDash([]);
  }
  if (lasso.length > 1) {
    marks.beginPath();
    lasso.forEach(([x, y], i) => (i ? marks.lineTo(x, y) : marks.moveTo(x, y)));
    marks.closePath();
    marks.fillStyle = colour("wash");
    marks.fill();
    marks.strokeStyle = colour("accent");
    marks.lineWidth = 1.5;
    marks.stroke();
  }
  marks.save();
  marks.beginPath();
  marks.rect(MARGIN.left, MARGIN.top, size.width - MARGIN.left - MARGIN.right, size.height - MARGIN.top - MARGIN.bottom);
  marks.clip();
  for (const row of new Set([current, hovered])) if (row >= 0) drawMark(row);
  marks.restore();
}

// A ring, and two standard errors of the mean up and down.
function drawMark(row) {
  const x = place.x[row], y = place.y[row];
  marks.strokeStyle = colour("ink");
  marks.lineWidth = 1.5;
  if (standardError[row] > 0) {
    marks.globalAlpha = 0.55;
    marks.beginPath();
    marks.moveTo(x, toY(cosine[row] - 2 * standardError[row]));
    marks.lineTo(x, toY(cosine[row] + 2 * standardError[row]));
    marks.stroke();
    marks.globalAlpha = 1;
  }
  marks.beginPath();
  marks.arc(x, y, row === current ? 9 : 7, 0, 7);
  marks.lineWidth = row === current ? 2.5 : 1.5;
  marks.stroke();
}

function showTip(row) {
  const tip = $("tip");
  tip.hidden = row < 0;
  if (row < 0) return;
  const caption = captionsOf(row)[0] ?? "no caption on this page";
  tip.replaceChildren(element("b", {}, caption), element("span", {}, `${data.keys[row]} · cosine ${signed(cosine[row])}${holders.has(row) ? "" : " · not inside the page"}`));
  const box = tip.getBoundingClientRect();
  const left = place.x[row] + 16 + box.width > size.width ? place.x[row] - 16 - box.width : place.x[row] + 16;
  tip.style.left = `${Math.max(0, left)}px`;
  tip.style.top = `${Math.min(Math.max(place.y[row] - box.height / 2, 0), size.height - box.height)}px`;
}

function hover(row) {
  if (row === hovered) return;
  hovered = row;
  $("marks").classList.toggle("point", row >= 0);
  showTip(row);
  drawMarks();
}
