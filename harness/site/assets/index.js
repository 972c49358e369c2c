// The index: filters, search, sorting, ties, CO2e at an intensity of the reader; all of it in the address.
"use strict";
(() => {
  const COLUMNS = ["rank", "system", "energy", "interval", "first", "performance", "quality", "round", "verdict"];
  const J_PER_KWH = 3.6e6;
  const form = document.getElementById("filters");
  const search = document.getElementById("q");
  const intensity = document.getElementById("intensity");
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const selects = [...form.querySelectorAll("select")];
  const collator = new Intl.Collator("en", { numeric: true });

  /** Read a number out of a cell; NaN where there is none. */
  function numberIn(text) {
    return Number.parseFloat(text.replace(/[^0-9.e+-]/g, "") || "NaN");
  }

  const tables = [...document.querySelectorAll("section.board")].map((section) => {
    const heads = [...section.querySelectorAll("thead th")];
    const hasCo2e = heads.some((head) => head.classList.contains("co2e"));
    const keys = hasCo2e ? [...COLUMNS.slice(0, 7), "co2e", ...COLUMNS.slice(7)] : COLUMNS;
    const bodies = [...section.querySelectorAll("tbody")].map((body) => ({
      body,
      rows: [...body.rows].map((row) => ({
        row,
        submitter: row.cells[1].querySelector("small").textContent,
        round: row.cells[keys.indexOf("round")].textContent.trim(),
        verdict: row.cells[keys.indexOf("verdict")].firstElementChild.textContent,
        name: row.cells[1].querySelector("a").getAttribute("href").slice(8, -5),
      })),
    }));
    return { section, heads, keys, bodies, data: section.dataset, hasCo2e };
  });
  const state = { sort: null, descending: false, tied: null };

  // Sorting

  function valueOf(item, column, kind) {
    item.values ??= {};
    if (!(column in item.values)) {
      const text = item.row.cells[column].textContent.trim();
      item.values[column] = kind === "text" ? text : numberIn(kind === "rank" ? text.split("–")[0] : text);
    }
    return item.values[column];
  }

  function sortTable(table) {
    const column = table.keys.indexOf(state.sort);
    table.heads.forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const kind = column < 0 ? null : table.heads[column].dataset.sort;
    for (const { body, rows } of table.bodies) {
      let ordered = rows;
      if (kind) {
        const sign = state.descending ? -1 : 1;
        const keyed = rows.map((item, place) => ({ item, place, value: valueOf(item, column, kind) }));
        const isNumber = kind !== "text";
        keyed.sort((a, b) => {
          if (isNumber) {
            const missing = Number.isNaN(a.value) - Number.isNaN(b.value);
            if (missing) return missing; // what has no number comes last either way
            return sign * (a.value - b.value) || a.place - b.place;
          }
          return sign * collator.compare(a.value, b.value) || a.place - b.place;
        });
        ordered = keyed.map((entry) => entry.item);
      }
      const fragment = document.createDocumentFragment();
      for (const item of ordered) fragment.append(item.row);
      body.append(fragment);
    }
    table.sorted = `${state.sort} ${state.descending}`;
  }

  const isSorted = (table) => (table.sorted ?? "null false") === `${state.sort} ${state.descending}`;
  let waiting = 0;

  /** Sort the tables near the screen at once, and the others when there is time. */
  function sortTables() {
    cancelAnimationFrame(waiting);
    const unsorted = tables.filter((table) => table.visible && !isSorted(table));
    if (!unsorted.length) return;
    const places = unsorted.map((table) => table.section.getBoundingClientRect());
    const isNear = (place) => place.top < 2 * innerHeight && place.bottom > -innerHeight;
    const later = unsorted.filter((table, i) => {
      if (isNear(places[i])) sortTable(table);
      return !isSorted(table);
    });
    const sortMore = () => {
      const until = performance.now() + 8;
      while (later.length && performance.now() < until) sortTable(later.shift());
      if (later.length) waiting = requestAnimationFrame(sortMore);
    };
    waiting = requestAnimationFrame(sortMore);
  }

  function addSorters() {
    for (const table of tables) {
      table.heads.forEach((head, column) => {
        if (!head.dataset.sort) return;
        const button = joulemark.make("button", { type: "button", class: "sorter" });
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const key = table.keys[column];
          if (state.sort !== key) Object.assign(state, { sort: key, descending: false });
          else if (!state.descending) state.descending = true;
          else Object.assign(state, { sort: null, descending: false });
          update();
        });
      });
    }
  }

  // Ties

  function showTies() {
    for (const { bodies } of tables) {
      const rows = bodies[0]?.rows ?? [];
      const chosen = rows.find((item) => item.name === state.tied);
      const tied = new Set();
      for (const part of (chosen?.row.dataset.t ?? "").split(" ").filter(Boolean)) {
        const [first, last = first] = part.split("-").map(Number);
        for (let place = first; place <= last; place++) tied.add(place);
      }
      rows.forEach((item, place) => {
        item.row.classList.toggle("tied", tied.has(place));
        item.row.classList.toggle("chosen", item === chosen);
        item.button?.setAttribute("aria-pressed", String(item === chosen));
      });
    }
  }

  function addTieButtons() {
    for (const { bodies } of tables) {
      for (const item of bodies[0]?.rows ?? []) {
        if (item.row.dataset.t === undefined) continue;
        const cell = item.row.cells[0];
        const rank = cell.textContent.trim();
        item.button = joulemark.make("button", {
          type: "button", class: "rank", "aria-pressed": "false", "aria-label": `Rank ${rank}: show ties`,
        }, rank);
        cell.replaceChildren(item.button);
        item.button.addEventListener("click", () => {
          state.tied = state.tied === item.name ? null : item.name;
          showTies();
          remember();
        });
      }
    }
  }

  // CO2e at the reader's intensity

  function grams(value) {
    const units = [[1e6, "t"], [1e3, "kg"], [1, "g"], [1e-3, "mg"], [1e-6, "µg"], [1e-9, "ng"], [1e-12, "pg"]];
    return units.find(([factor]) => value >= factor) ?? units.at(-1);
  }

  function showCo2e() {
    const perKwh = Number.parseFloat(intensity.value);
    const wanted = perKwh > 0;
    for (const table of tables) {
      if (table.hasCo2e && !table.added) continue; // the site states its own
      if (table.added) {
        for (const cell of table.section.querySelectorAll(".co2e")) cell.remove();
        Object.assign(table, { added: false, hasCo2e: false, keys: COLUMNS });
      }
      if (wanted) addCo2e(table, perKwh);
      table.heads = [...table.section.querySelectorAll("thead th")];
      for (const { rows } of table.bodies) for (const item of rows) item.values = undefined;
    }
  }

  function addCo2e(table, perKwh) {
    const factor = Number(table.data.joules) * perKwh / J_PER_KWH;
    const items = table.bodies.flatMap(({ rows }) => rows);
    const values = items.map((item) => numberIn(item.row.cells[2].textContent) * factor);
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
    if (!sorted.length) return;
    const [size, unit] = grams(sorted[sorted.length >> 1]);
    const of = table.heads[2].textContent.split("/")[1] ?? "";
    const head = joulemark.make("th", { scope: "col", class: "co2e", title: `Energy times ${perKwh} g/kWh` });
    head.textContent = `${unit} CO₂e/${of.trim()}`;
    table.heads[6].after(head);
    items.forEach((item, i) => {
      const cell = joulemark.make("td", { class: "co2e" });
      cell.textContent = joulemark.number(values[i] / size, 3);
      item.row.cells[6].after(cell);
    });
    Object.assign(table, { added: true, hasCo2e: true, keys: [...COLUMNS.slice(0, 7), "co2e", ...COLUMNS.slice(7)] });
  }

  // Filters

  /** Text of a row; of all rows it is found at the first search. */
  function textOf(item) {
    item.text ??= item.row.textContent.toLowerCase();
    return item.text;
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.fromEntries(selects.map((select) => [select.dataset.facet, select.value]));
    let count = 0;
    for (const table of tables) {
      const data = table.data;
      const fits = ["task", "benchmark", "scenario", "division", "class", "boundary"]
        .every((key) => !wanted[key] || data[key] === wanted[key]);
      let inTable = 0;
      if (fits) {
        const heading = `${data.benchmark} ${data.scenario} ${data.task}`.toLowerCase();
        for (const { rows } of table.bodies) {
          for (const item of rows) {
            const visible = (!wanted.round || item.round === wanted.round)
              && (!wanted.submitter || item.submitter === wanted.submitter)
              && (!wanted.verdict || item.verdict === wanted.verdict)
              && words.every((word) => heading.includes(word) || textOf(item).includes(word));
            if (item.row.hidden === visible) item.row.hidden = !visible;
            inTable += visible;
          }
        }
      }
      table.visible = inTable > 0;
      if (table.section.hidden === table.visible) table.section.hidden = !table.visible;
      count += inTable;
    }
    shown.textContent = `${count.toLocaleString("en")} shown`;
    nothing.hidden = count > 0;
  }

  function update() {
    filter();
    sortTables();
    remember();
  }

  // The address

  function remember() {
    const pairs = new URLSearchParams();
    if (search.value) pairs.set("q", search.value);
    for (const select of selects) if (select.value) pairs.set(select.dataset.facet, select.value);
    if (Number.parseFloat(intensity.value) > 0) pairs.set("g", intensity.value);
    if (state.sort) pairs.set("sort", state.descending ? `-${state.sort}` : state.sort);
    if (state.tied) pairs.set("tied", state.tied);
    const text = pairs.toString();
    if (text || location.hash.includes("=")) {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    }
  }

  function recall() {
    const pairs = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    search.value = pairs.get("q") ?? "";
    for (const select of selects) {
      const value = pairs.get(select.dataset.facet) ?? "";
      select.value = [...select.options].some((option) => option.value === value || option.text === value) ? value : "";
    }
    intensity.value = pairs.get("g") ?? "";
    const sort = pairs.get("sort") ?? "";
    state.descending = sort.startsWith("-");
    state.sort = sort.replace(/^-/, "") || null;
    if (![...COLUMNS, "co2e"].includes(state.sort)) Object.assign(state, { sort: null, descending: false });
    state.tied = pairs.get("tied");
    if (intensity.value || tables.some((table) => table.added)) showCo2e();
    update();
    showTies();
  }

  function reset() {
    search.value = "";
    for (const select of selects) select.value = "";
    intensity.value = "";
    Object.assign(state, { sort: null, descending: false, tied: null });
    showCo2e();
    update();
    showTies();
  }

  for (const id of ["facets", "reading"]) document.getElementById(id).open = innerWidth > 700;
  addSorters();
  addTieButtons();
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); reset(); });
  nothing.querySelector("button").addEventListener("click", reset);
  search.addEventListener("input", update);
  for (const select of selects) select.addEventListener("change", update);
  intensity.addEventListener("input", () => { showCo2e(); update(); });
  addEventListener("hashchange", () => {
    const isPlace = location.hash && !location.hash.includes("="); // a table, or the skip link
    if (!isPlace) recall();
  });
  recall();
})();
