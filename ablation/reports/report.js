"use strict";

// The page is whole without this script, which sorts tables and unfolds what is printed.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compare(first, second, isNumber) {
  return isNumber ? Number(first) - Number(second) : collator.compare(first, second);
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const isNumber = header.classList.contains("number");
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const button = document.createElement("button");
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const now = header.getAttribute("aria-sort");
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      if (now === "descending") {
        body.append(...original);
        return;
      }
      header.setAttribute("aria-sort", now === null ? "ascending" : "descending");
      const sign = now === null ? 1 : -1;
      const known = original.filter((row) => key(row) !== "");
      known.sort((first, second) => sign * compare(key(first), key(second), isNumber));
      body.append(...known, ...original.filter((row) => key(row) === "")); // nothing comes last
    });
  });
}

document.querySelectorAll("table").forEach(makeSortable);
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((one) => (one.open = true));
});
