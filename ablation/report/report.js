"use strict";

// The page is whole without this script, which only adds the tools that a reader may want.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* Colours */

function setUpTheme() {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const name = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${button.textContent} colours`);
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
  button.hidden = false;
}

/* Tables */

function compare(first, second, isNumber, sign) {
  if (first === "" || second === "") {
    return (first === "") - (second === ""); // what is not there comes last, up or down
  }
  return sign * (isNumber ? Number(first) - Number(second) : collator.compare(first, second));
}

function sortRows(rows, column, isNumber, sign) {
  const keyed = rows.map((row) => {
    const cell = row.cells[column];
    return { row, key: isNumber ? cell.dataset.sort : cell.textContent };
  });
  keyed.sort((first, second) => compare(first.key, second.key, isNumber, sign));
  return keyed.map((one) => one.row);
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = element("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const now = header.getAttribute("aria-sort");
      const next = { ascending: "descending", descending: null }[now ?? ""];
      const order = next === undefined ? "ascending" : next;
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      if (order === null) {
        body.append(...original);
        return;
      }
      header.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      body.append(...sortRows(original, column, header.classList.contains("number"), sign));
    });
  });
}

// "−0.5" is found by "-0.5", and "Zoë" by "zoe".
function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").replaceAll("−", "-").toLowerCase();
}

function makeFilter(filter, rows) {
  const input = filter.querySelector("input");
  const count = filter.querySelector(".count");
  const texts = rows.map((row) => [...row.cells].map((cell) => plain(cell.textContent)));
  input.addEventListener("input", () => {
    const wanted = plain(input.value.trim());
    let shown = 0;
    rows.forEach((row, number) => {
      row.hidden = !texts[number].some((text) => text.includes(wanted));
      shown += !row.hidden;
    });
    const isActive = shown < rows.length;
    filter.classList.toggle("active", isActive);
    count.textContent = isActive ? `${shown} of ${rows.length} rows` : `${shown} rows`;
  });
  filter.hidden = false;
}

function setUpTable(figure) {
  const table = figure.querySelector("table");
  const filter = figure.querySelector(".filter");
  if (filter !== null) {
    makeFilter(filter, [...table.tBodies[0].rows]);
  }
  makeSortable(table);
  setUpCopy(figure.querySelector(".copy"), () => figure.dataset.csv);
}

/* What leaves the page */

async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // A page that came over plain HTTP has no clipboard.
  const area = element("textarea", { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function setUpCopy(button, text) {
  const name = button.textContent;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await copy(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = name), 1500);
  });
  button.hidden = false;
}

// Outside the page its colours are those that it was drawn in.
function standalone(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const alone = svg.cloneNode(true);
  alone.removeAttribute("style");
  alone.setAttribute("width", `${width}pt`);
  alone.setAttribute("height", `${height}pt`);
  return new XMLSerializer()
    .serializeToString(alone)
    .replace(/var\(--[\w-]+, (#[0-9a-f]{6})\)/g, "$1")
    .replaceAll("currentColor", "#000000");
}

function setUpSave(button) {
  button.addEventListener("click", () => {
    const text = standalone(button.closest("figure").querySelector("svg"));
    const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    element("a", { href: address, download: `${button.dataset.name}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000); // once it is saved
  });
  button.hidden = false;
}

/* Paper shows what is folded. */

function setUpPrinting() {
  let opened = [];
  const open = () => {
    opened.push(...document.querySelectorAll("details:not([open])"));
    opened.forEach((one) => (one.open = true));
  };
  const close = () => {
    opened.forEach((one) => (one.open = false));
    opened = [];
  };
  addEventListener("beforeprint", open);
  addEventListener("afterprint", close);
  matchMedia("print").addEventListener("change", (event) => (event.matches ? open() : close()));
}

setUpTheme();
document.querySelectorAll(".table").forEach(setUpTable);
document.querySelectorAll(".save").forEach(setUpSave);
document.querySelectorAll("#again .copy").forEach((button) => {
  setUpCopy(button, () => `${document.querySelector("#again code").textContent}\n`);
});
setUpPrinting();
