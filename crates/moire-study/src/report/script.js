"use strict";
// The page is whole without this: it makes tables sortable and pictures comparable.
for (const table of document.querySelectorAll("table:not(.matrix)")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const numeric = head.classList.contains("num");
    const compare = (a, b) => {
      const [x, y] = [a, b].map((row) => row.cells[column].dataset.sort);
      return numeric ? x - y : x.localeCompare(y);
    };
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const next = now === "ascending" ? "descending" : now === "descending" ? null : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      const rows = [...original];
      if (next) {
        head.setAttribute("aria-sort", next);
        rows.sort((a, b) => (next === "ascending" ? compare(a, b) : compare(b, a)));
      }
      body.append(...rows);
    });
  });
}

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
for (const panel of document.querySelectorAll("[data-panel]")) {
  const [clean, , adversarial] = panel.querySelectorAll("img");
  const open = () => {
    const under = make("img", { src: clean.src, alt: clean.alt });
    const over = make("img", { src: adversarial.src, alt: adversarial.alt });
    const slider = make("input", { type: "range", min: 0, max: 100, value: 50 });
    slider.setAttribute("aria-label", "How much of the picture shows the saved result");
    const wipe = () => { over.style.clipPath = `inset(0 0 0 ${100 - slider.value}%)`; };
    slider.addEventListener("input", wipe);
    wipe();
    const close = make("button", { type: "button", textContent: "Close" });
    const dialog = make("dialog", {},
      panel.querySelector(".head").cloneNode(true),
      make("div", { className: "stack" }, under, over),
      make("label", {}, "given", slider, "saved"),
      close);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    slider.focus();
  };
  const button = make("button", { type: "button", textContent: "Compare given and saved" });
  button.addEventListener("click", open);
  panel.append(button);
}
