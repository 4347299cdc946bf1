// The lowest clips as cards that play where they stand.

const CARDS = 12;
let cards = 0;

function moreCards() {
  for (const row of byCosine.subarray(cards, cards + CARDS)) $("cards").append(card(row));
  cards = Math.min(cards + CARDS, count);
  $("more").hidden = cards >= count;
}

function card(row) {
  const source = address(row);
  const video = source && element("video", { src: `${source}#t=0.001`, preload: "metadata", loop: true, playsInline: true });
  const caption = captionsOf(row)[0] ?? "no caption on this page";
  const picture = element(
    "button", { type: "button", className: "picture", disabled: !video },
    video ?? "not inside the page", element("span", { className: "value" }, signed(cosine[row])),
  );
  picture.setAttribute("aria-label", `play: ${caption}`);
  if (video) {
    picture.addEventListener("click", () => (video.paused ? start(video) : video.pause()));
    inviting(video, picture);
  }
  return element(
    "div", { className: "card" },
    picture, element("p", { title: caption }, caption), element("span", { className: "key-name" }, data.keys[row]),
  );
}

// A sign over the picture while it stands still.
function inviting(video, frame) {
  const follow = () => frame.classList.toggle("waiting", video.paused);
  for (const name of ["play", "pause"]) video.addEventListener(name, follow);
  follow();
}
