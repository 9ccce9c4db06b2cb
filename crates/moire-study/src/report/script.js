"use strict";
// The page is whole without this: it makes tables sortable, pictures comparable, and long lists shorter.
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

for (const table of document.querySelectorAll("table:not(.matrix)")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    const numeric = head.classList.contains("num");
    const compare = (a, b) => {
      const [x, y] = [a, b].map((row) => row.cells[column].dataset.sort);
      return numeric ? x - y : x.localeCompare(y);
    };
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const next = now === "ascending" ? "descending" : now === "descending" ? null : "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      const rows = [...original];
      if (next) {
        head.setAttribute("aria-sort", next);
        rows.sort((a, b) => (next === "ascending" ? compare(a, b) : compare(b, a)));
      }
      body.append(...rows);
    });
  });
}

// The section that is being read, in the table of contents.
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
const seen = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
  const first = [...links.keys()].find((id) => seen.has(id));
  for (const [id, link] of links) {
    if (id === first) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-20% 0px -60% 0px" });
for (const id of links.keys()) {
  const section = document.getElementById(id);
  if (section) watcher.observe(section);
}

// Choices that leave some of the things in a list.
const chooser = (label, values, choose) => {
  const select = make("select", {}, make("option", { value: "", textContent: "all" }),
    ...values.map((v) => make("option", { value: v, textContent: v })));
  select.addEventListener("change", choose);
  return [make("label", {}, label + " ", select), select];
};
for (const list of document.querySelectorAll("[data-choose]")) {
  const items = [...list.children];
  if (items.length <= (list.className === "protected" ? 1 : 6)) continue;
  const choices = ["detector", "attack", "budget", "setting", "photograph"].flatMap((key) => {
    const values = [...new Set(items.map((item) => item.dataset[key]).filter(Boolean))];
    return values.length > 1 ? [[key, ...chooser(key[0].toUpperCase() + key.slice(1), values, () => choose())]] : [];
  });
  const choose = () => {
    for (const item of items) {
      item.hidden = choices.some(([key, , select]) => select.value && item.dataset[key] !== select.value);
    }
  };
  list.before(make("p", { className: "choices" }, ...choices.map(([, label]) => label)));
}
const panels = [...document.querySelectorAll("[data-panel]")];
const shown = () => panels.filter((p) => !p.hidden);

// Given and saved, one over the other: wiped, flipped, enlarged.
const full = (image) => {
  const copy = make("img", { alt: image.alt, src: image.dataset.full ?? image.src });
  // The page may have been moved away from its study.
  copy.addEventListener("error", () => { copy.src = image.src; }, { once: true });
  return copy;
};
const compare = (start) => {
  const stack = make("div", { className: "stack" });
  const slider = make("input", { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", "How much of the picture shows the saved result");
  const title = make("div", {});
  const about = make("p", { className: "about" });
  let over = null;
  let at = start;
  const wipe = () => { over.style.clipPath = `inset(0 0 0 ${100 - slider.value}%)`; };
  const show = (panel) => {
    at = panel;
    const [clean, , saved] = panel.querySelectorAll("img");
    over = full(saved);
    stack.replaceChildren(full(clean), over);
    title.replaceChildren(panel.querySelector(".head").cloneNode(true));
    about.replaceChildren(...panel.querySelector(".about").cloneNode(true).childNodes);
    wipe();
  };
  const turn = (by) => {
    const all = shown();
    show(all[(all.indexOf(at) + by + all.length) % all.length]);
  };
  const flip = () => { slider.value = slider.value < 50 ? 100 : 0; wipe(); };
  const enlarge = (by) => {
    const now = Number(stack.dataset.zoom ?? 1);
    stack.dataset.zoom = Math.min(8, Math.max(1, now * by));
  };
  stack.addEventListener("pointermove", (event) => {
    const box = stack.getBoundingClientRect();
    const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    for (const image of stack.children) image.style.transformOrigin = place.map((v) => `${100 * v}%`).join(" ");
  });
  stack.addEventListener("click", flip);
  slider.addEventListener("input", wipe);
  const button = (text, act) => {
    const made = make("button", { type: "button", textContent: text });
    made.addEventListener("click", act);
    return made;
  };
  const dialog = make("dialog", {}, title, stack,
    make("label", { className: "wipe" }, "given", slider, "saved"),
    make("p", { className: "tools" }, button("Previous", () => turn(-1)), button("Next", () => turn(1)),
      button("Flip (f)", flip), button("Larger (+)", () => enlarge(2)), button("Smaller (-)", () => enlarge(0.5)),
      button("Close", () => dialog.close())), about);
  dialog.setAttribute("aria-label", "Given and saved, compared");
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "f") flip();
    else if (event.key === "+") enlarge(2);
    else if (event.key === "-") enlarge(0.5);
    else if (event.key === "PageDown") turn(1);
    else if (event.key === "PageUp") turn(-1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("close", () => { dialog.remove(); at.querySelector("button")?.focus(); });
  show(start);
  document.body.append(dialog);
  dialog.showModal();
  slider.focus();
};
for (const panel of panels) {
  const button = make("button", { type: "button", textContent: "Compare given and saved" });
  button.addEventListener("click", () => compare(panel));
  panel.append(button);
  // Held under the pointer, the saved picture shows the given one.
  const [clean, , saved] = panel.querySelectorAll("img");
  const own = saved.src;
  saved.title = "Hover: as given";
  saved.addEventListener("pointerenter", () => { saved.src = clean.src; });
  saved.addEventListener("pointerleave", () => { saved.src = own; });
}

// Images by name.
const index = document.getElementById("index-table");
if (index && index.tBodies[0].rows.length > 20) {
  const rows = [...index.tBodies[0].rows];
  const search = make("input", { type: "search" });
  search.addEventListener("input", () => {
    const wanted = search.value.toLowerCase();
    for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  });
  index.parentElement.before(make("p", { className: "choices" }, make("label", {}, "Name contains ", search)));
}
