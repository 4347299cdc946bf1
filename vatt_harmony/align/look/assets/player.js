// The film, and the alignment that follows it.

function showFilm() {
  const address = filmAddress(sequence);
  if (!address) {
    $("screen").replaceChildren(element("p", {}, "There is no film to play. The alignment can be read all the same."));
    return;
  }
  const film = element("video", { src: address, controls: true, playsInline: true, preload: "auto" });
  film.addEventListener("error", () => film.replaceWith(element("p", {}, "This browser cannot play the film, or it is no longer where it was.")));
  for (const name of ["timeupdate", "seeked"]) film.addEventListener(name, followFilm);
  film.addEventListener("play", () => requestAnimationFrame(glide));
  $("screen").replaceChildren(film, element("p", { className: "caption", id: "caption", hidden: true }));
}

const film = () => $("screen").querySelector("video");

function glide() {
  placeHead();
  if (film() && !film().paused) requestAnimationFrame(glide);
}

// The clip at a time, -1 between clips: the spans are in order.
function clipAt(time) {
  let low = 0, high = sequence.spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sequence.spans[middle][0] <= time + 1e-3) low = middle + 1;
    else high = middle;
  }
  return low && time < sequence.spans[low - 1][1] ? low - 1 : -1;
}

function followFilm() {
  placeHead();
  if (!sequence.timed) return;
  const clip = clipAt(film().currentTime);
  const said = clip < 0 ? [] : sequence.partners[0][clip].map((pair) => sequence.lower.texts[sequence.pairs[pair][1]]);
  $("caption").textContent = said.join(" / ");
  $("caption").hidden = !said.length;
  if (film().paused || clip < 0 || clip === current[0]) return;
  chooseUpper(clip, false);
}

function seek(time) {
  if (!film() || !sequence.timed) return;
  film().currentTime = time + 0.001; // at the very edge a player may show the picture before
}

function togglePlay() {
  if (!film()) return;
  if (film().paused) film().play().catch(() => {}); // not allowed before the first click: the controls are there
  else film().pause();
}
