"use strict";
// A form narrows the rows that `data-rows` selects: by a text anywhere in them or in their group's head, and by
// what stands in the column of each choice. A page without scripts shows all rows and no form.
for (const form of document.forms) {
  const rows = [...document.querySelectorAll(form.dataset.rows)];
  const search = form.querySelector("input");
  const choices = [...form.querySelectorAll("select")];
  const told = form.querySelector("output");
  const head = (row) => row.parentElement.tagName === "TBODY" ? row.parentElement.querySelector(".g") : null;
  const cells = (row) => row.tagName === "DETAILS" ? row.firstElementChild.children : row.children;
  const texts = new Map();

  function text(row) {
    if (!texts.has(row)) {
      texts.set(row, `${head(row)?.textContent ?? ""} ${row.textContent}`.toLowerCase());
    }
    return texts.get(row);
  }

  function narrow() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choices.filter((choice) => choice.value);
    const kept = new Set();
    let shown = 0;
    for (const row of rows) {
      const fits = chosen.every((choice) => cells(row)[choice.dataset.column].textContent === choice.value)
        && wanted.every((word) => text(row).includes(word));
      row.hidden = !fits;
      if (fits) {
        shown += 1;
        kept.add(head(row));
      }
    }
    for (const group of new Set(rows.map(head))) {
      if (group) {
        group.parentElement.hidden = !kept.has(group);
      }
    }
    told.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  }

  function fold(open) {
    for (const row of rows) {
      if (!row.hidden && row.tagName === "DETAILS") {
        row.open = open;
      }
    }
  }

  form.addEventListener("input", narrow);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(narrow));
  form.addEventListener("click", (event) => {
    if (event.target.dataset.fold) {
      fold(event.target.dataset.fold === "open");
    }
  });
  form.hidden = false;
  narrow();
}

// What a link leads to is unfolded, and shown where a form has hidden it.
function reveal(hash) {
  const row = hash.length > 1 && document.getElementById(hash.slice(1))?.closest("details");
  if (row) {
    row.hidden = false;
    row.open = true;
  }
}
document.addEventListener("click", (event) => reveal(event.target.closest("a")?.hash ?? ""));
reveal(location.hash);
