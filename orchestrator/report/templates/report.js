"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const tell = (words) => { document.getElementById("told").textContent = words; };
  for (const element of all(".scripted")) element.hidden = false;

  // Rows of a table's body that stand for something: no headings between them, no opened details.
  const linesOf = (body) => [...body.rows].filter((row) => !row.matches(".block, .detail, .sum"));

  // A long table shows its first lines until it is asked for all: drawing thousands anew takes seconds.
  const FIRST = 250;
  const shorten = (table) => {
    let shown = 0;
    for (const row of [...table.tBodies].flatMap(linesOf)) {
      shown += !row.hidden;
      row.classList.toggle("further", !table.whole && shown > FIRST);
    }
  };

  // Sorting: up, down, as it was. What is empty stands last.
  const SECONDS = { s: 1, min: 60, h: 3600, d: 86400 };
  const valueOf = (text) => {
    if (/^\d+ (s|min|h|d)( \d+ (min|h))?$/.test(text)) {
      return [...text.matchAll(/(\d+) (\w+)/g)].reduce((sum, [, count, unit]) => sum + count * SECONDS[unit], 0);
    }
    const found = text.replace("−", "-").replace(/,(?=\d{3})/g, "").match(/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const sort = (table, column, direction) => {
    for (const row of all("tr.detail", table)) close(row.previousElementSibling);
    for (const body of table.tBodies) {
      const rows = linesOf(body).map((row, place) => {
        row.place ??= place;
        return { row, text: row.cells[column]?.textContent.trim() ?? "" };
      });
      for (const each of rows) each.value = valueOf(each.text);
      const empty = (each) => each.text === "" || each.text === "–";
      const numeric = rows.every((each) => empty(each) || !Number.isNaN(each.value));
      rows.sort((a, b) => {
        if (!direction) return a.row.place - b.row.place;
        if (empty(a) !== empty(b)) return empty(a) - empty(b);
        const order = numeric && !empty(a) ? a.value - b.value : collator.compare(a.text, b.text);
        return direction * order || a.row.place - b.row.place;
      });
      body.append(...rows.map((each) => each.row));
    }
    if (table.clearFilter) shorten(table);
  };
  const makeSortable = (table) => {
    if (table.sortable || linesOf(table.tBodies[0]).length + table.tBodies.length < 3) return;
    table.sortable = true;
    all("thead th", table).forEach((head, column) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
        for (const other of all("[aria-sort]", table)) other.removeAttribute("aria-sort");
        if (next) head.setAttribute("aria-sort", next);
        sort(table, column, { ascending: 1, descending: -1 }[next] ?? 0);
        tell(next ? `sorted by ${button.textContent}, ${next}` : "in the order of the plan");
      });
    });
  };

  // Filtering: every word must stand in a row, as a value or as heading=value.
  const makeFilter = (table, name) => {
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    const many = (number) => number.toLocaleString("en");
    const rows = [...table.tBodies].flatMap(linesOf).length;
    const count = make("output");
    const whole = make("button", { type: "button", hidden: rows <= FIRST });
    const tellCount = (found) => {
      const some = found > FIRST && !table.whole ? `, the first ${FIRST} shown` : "";
      count.value = `${input.value ? `${many(found)} of ` : ""}${many(rows)} rows${some}`;
      whole.textContent = table.whole ? `Show the first ${FIRST}` : "Show all";
    };
    let texts;
    const filter = () => {
      const heads = all("thead th", table).map((head) => head.textContent.trim().toLowerCase());
      texts ??= [...table.tBodies].flatMap(linesOf).map((row) => ({
        row,
        text: [...row.cells].map((cell, place) => `${heads[place]}=${cell.textContent.trim().toLowerCase()}`).join(" "),
      }));
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text } of texts) {
        const hidden = !words.every((word) => text.includes(word));
        row.hidden = hidden;
        const detail = row.nextElementSibling;
        if (detail?.matches(".detail")) detail.hidden = hidden;
        shown += !hidden;
      }
      shorten(table);
      tellCount(shown);
    };
    whole.addEventListener("click", () => {
      table.whole = !table.whole;
      filter();
    });
    shorten(table);
    tellCount(rows);
    input.addEventListener("input", filter);
    table.clearFilter = () => { if (input.value) { input.value = ""; filter(); } };
    const words = make("span", {}, "Filter", make("span", { className: "unseen" }, ` ${name}`));
    table.parentElement.before(make("p", { className: "filter" }, make("label", {}, words, input), count, whole));
  };

  // All that is known of one run, below its line.
  const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(10))) : String(value));
  const list = (title, pairs) => {
    const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
    if (!known.length) return "";
    const items = known.flatMap(([name, value]) => [
      make("dt", {}, name),
      make("dd", {}, value instanceof Node ? value : short(value)),
    ]);
    return make("div", {}, make("h4", {}, title), make("dl", {}, ...items));
  };
  const linkTo = (id) => {
    const known = document.getElementById(`run-${id}`);
    return known ? make("a", { href: `#run-${id}` }, id) : document.createTextNode(id);
  };
  const detailsOf = (stage, place) => {
    const id = stage.ids[place];
    const at = (values) => values[values.length === 1 ? 0 : place]; // what all have alike is written once
    const pick = (columns) => Object.entries(columns).map(([name, values]) => [name, at(values)]);
    const parents = make("span");
    for (const parent of stage.parents[place]) parents.append(linkTo(parent), " ");
    return [
      list("Settings that are its own", pick(stage.differing)),
      list("Measured", pick(stage.metrics)),
      list("Time and memory", pick(stage.timing)),
      list("Where", [
        ["state", stage.reasons[place]],
        ["host", stage.hosts[at(stage.host)]],
        ["attempts", at(stage.attempts)],
        ["from", stage.parents[place].length ? parents : ""],
        ["alike, its row taken over", stage.twins[place] ? linkTo(stage.twins[place]) : ""],
        ["folder", `${data.folder}/trials/${id}`],
      ]),
      list("Settings that all runs of its stage share", Object.entries(stage.shared)),
    ];
  };
  const close = (row) => {
    row.nextElementSibling?.matches(".detail") && row.nextElementSibling.remove();
    row.classList.remove("open");
    row.querySelector("th a").setAttribute("aria-expanded", "false");
  };
  const open = (row) => {
    const stage = data.stages.find((each) => each.stage === row.closest("table").dataset.runs);
    const place = stage.ids.indexOf(row.id.slice("run-".length));
    const cell = make("td", { colSpan: row.cells.length }, make("div", {}, ...detailsOf(stage, place)));
    row.after(make("tr", { className: "detail" }, cell));
    row.classList.add("open");
    row.querySelector("th a").setAttribute("aria-expanded", "true");
  };
  const isOpen = (row) => Boolean(row.nextElementSibling?.matches(".detail"));

  // Wherever a link leads is shown: not filtered away, not folded away, a run with all that is known of it.
  const arrive = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    target.closest("table")?.clearFilter?.();
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.classList.remove("further");
    if (target.matches("[data-runs] tr")) {
      if (!isOpen(target)) open(target);
      target.querySelector("th a").focus({ preventScroll: true });
    }
    target.scrollIntoView({ block: "nearest" });
  };
  addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-runs] tbody th a");
    if (!link) return;
    const row = link.closest("tr");
    if (!isOpen(row) && location.hash !== link.hash) return; // the browser goes there, and `arrive` opens it
    event.preventDefault();
    if (isOpen(row)) close(row);
    else open(row);
  });

  // Copying.
  for (const box of all(".copied")) {
    const button = make("button", { type: "button" }, "Copy");
    const held = box.firstElementChild;
    box.append(button);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(held.textContent);
      } catch {
        getSelection().selectAllChildren(held);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      tell("copied");
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  for (const table of all("main table")) {
    const folded = table.closest("details");
    if (table.matches(".appendix, .differences, [data-behind]")) continue;
    if (folded) folded.addEventListener("toggle", () => makeSortable(table), { once: true });
    else makeSortable(table);
    if (table.dataset.runs) makeFilter(table, `the runs of ${table.dataset.runs}`);
    else if (table.closest(".result > .table") && !folded && table.rows.length > 10) makeFilter(table, table.caption.textContent);
  }
  if (location.hash) arrive();
  document.documentElement.dataset.ready = "yes";
  performance.mark("ready");
})();
