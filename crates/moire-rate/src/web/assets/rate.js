"use strict";
// The page is whole without this. It measures what the page can only hope for (that a pixel of a picture is a pixel of
// the screen, that both fit, how long it took), listens to keys, and keeps one click from becoming two.
const form = document.getElementById("answer");
const undo = document.getElementById("undo");
const pictures = [...document.querySelectorAll(".exact")];
const field = (name) => form.elements.namedItem(name);

const measure = () => {
  const ratio = window.devicePixelRatio || 1;
  for (const picture of pictures) {
    picture.style.width = `${picture.dataset.width / ratio}px`;
    picture.style.height = `${picture.dataset.height / ratio}px`;
  }
  const stage = document.querySelector(".stage");
  const whole = stage.scrollWidth <= stage.clientWidth + 1
    && pictures.every((picture) => picture.getBoundingClientRect().height <= window.innerHeight);
  document.body.classList.toggle("is-small", !whole);
  document.body.classList.toggle("is-large", whole);
  field("fits").value = whole ? "1" : "0";
  field("ratio").value = ratio.toFixed(4);
};
measure();
window.addEventListener("resize", measure);

let shown = null;
document.body.classList.add("waiting");
Promise.all(pictures.map((picture) => picture.decode().catch(() => null))).then(() => {
  document.body.classList.remove("waiting");
  measure();
  shown = performance.now();
});

let sent = false;
form.addEventListener("submit", (event) => {
  // Before both pictures are there nothing can be judged.
  if (sent || shown === null) { event.preventDefault(); return; }
  sent = true;
  field("ms").value = String(Math.round(performance.now() - shown));
});
// A page that is gone back to may be answered again; the server knows whether it was.
window.addEventListener("pageshow", (event) => { if (event.persisted) { sent = false; } });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const choice = form.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (choice) { event.preventDefault(); choice.focus(); choice.click(); }
  const back = undo && undo.querySelector("button");
  if (event.key === "Backspace" && back && !back.disabled) { event.preventDefault(); back.click(); }
});
const keys = document.querySelector(".keys");
if (keys) keys.hidden = false;
