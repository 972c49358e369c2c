// The index: filters, search, sorting, ties, CO2e at an intensity of the reader; all of it in the address.
// A table is read and changed only when a reader needs it: those near the screen at once, the others when there is time.
"use strict";
(() => {
  const COLUMNS = ["rank", "system", "energy", "interval", "first", "performance", "quality", "round", "verdict"];
  const COLUMNS_WITH_CO2E = [...COLUMNS.slice(0, 7), "co2e", ...COLUMNS.slice(7)];
  const TABLE_FACETS = ["task", "benchmark", "scenario", "division", "class", "boundary"];
  const J_PER_KWH = 3.6e6;
  const TABLES_AT_ONCE = 3;
  const SLICE_MS = 8;
  const form = document.getElementById("filters");
  const search = document.getElementById("q");
  const intensity = document.getElementById("intensity");
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const selects = [...form.querySelectorAll("select")];
  const collator = new Intl.Collator("en", { numeric: true });
  const state = { sort: null, descending: false, tied: null, perKwh: 0 };

  // Tables and rows

  const tables = [...document.querySelectorAll("section.board")].map((section) => {
    const { dataset: data } = section;
    return {
      section,
      data,
      statesCo2e: "co2e" in data, // the site's own column
      heading: `${data.benchmark} ${data.scenario} ${data.task}`.toLowerCase(),
      rowCount: Number(data.rows),
      isShown: true,
      isStale: false, // whether other rows fit than are drawn
      isNear: false,
      perKwh: 0, // intensity of the column that the reader added
      order: "",
    };
  });

  const keysOf = (table) => (table.statesCo2e || table.perKwh ? COLUMNS_WITH_CO2E : COLUMNS);
  const headsOf = (table) => [...table.section.querySelectorAll("thead th")];

  /** Return the bodies of a table with their rows; the rows keep the order that the site gave them. */
  function bodiesOf(table) {
    table.bodies ??= [...table.section.querySelectorAll("tbody")].map((body) => ({
      body,
      rows: Array.from(body.rows, (row) => ({ row, fits: true, isHidden: false })),
    }));
    return table.bodies;
  }

  const nameOf = (item) => item.row.cells[1].querySelector("a").getAttribute("href").slice(8, -5);

  /** Return what a filter of rows looks at; read at the first use. */
  function facetsOf(table, item) {
    const cells = item.row.cells;
    item.facets ??= {
      submitter: cells[1].querySelector("small").textContent,
      round: cells[keysOf(table).indexOf("round")].textContent.trim(),
      verdict: cells[keysOf(table).indexOf("verdict")].firstChild.data.trim(),
    };
    return item.facets;
  }

  function textOf(item) {
    item.text ??= item.row.textContent.toLowerCase();
    return item.text;
  }

  /** Read a number out of a cell; NaN where there is none. */
  function numberIn(text) {
    return Number.parseFloat(text.replace(/[^0-9.e+-]/g, "") || "NaN");
  }

  // Sorting

  function addSorter(table, head) {
    if (!head.dataset.sort) return;
    const button = joulemark.make("button", { type: "button", class: "sorter", title: head.title || null });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const key = keysOf(table)[head.cellIndex];
      if (state.sort !== key) Object.assign(state, { sort: key, descending: false });
      else if (!state.descending) state.descending = true;
      else Object.assign(state, { sort: null, descending: false });
      update();
    });
  }

  /** Return what a row is sorted by; read once for each column. */
  function keyOf(item, column, kind) {
    item.keys ??= [];
    if (!(column in item.keys)) {
      const text = item.row.cells[column].textContent.trim();
      item.keys[column] = kind === "text" ? text : numberIn(kind === "rank" ? text.split("–")[0] : text);
    }
    return item.keys[column];
  }

  function sorted(rows, column, kind) {
    const sign = state.descending ? -1 : 1;
    const keyed = rows.map((item, place) => ({ item, place, key: keyOf(item, column, kind) }));
    const byText = (a, b) => sign * collator.compare(a.key, b.key) || a.place - b.place;
    const byNumber = (a, b) => Number.isNaN(a.key) - Number.isNaN(b.key) // what has no number comes last either way
      || sign * (a.key - b.key) || a.place - b.place;
    return keyed.sort(kind === "text" ? byText : byNumber).map((entry) => entry.item);
  }

  const wantedOrder = () => (state.sort ? `${state.descending ? "-" : ""}${state.sort}` : "");

  function sortTable(table) {
    const heads = headsOf(table);
    const column = keysOf(table).indexOf(state.sort);
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const kind = heads[column]?.dataset.sort;
    for (const { body, rows } of bodiesOf(table)) {
      const fragment = document.createDocumentFragment();
      for (const item of kind ? sorted(rows, column, kind) : rows) fragment.append(item.row);
      body.append(fragment);
    }
    table.order = wantedOrder();
  }

  // CO2e at the reader's intensity

  function grams(value) {
    const units = [[1e6, "t"], [1e3, "kg"], [1, "g"], [1e-3, "mg"], [1e-6, "µg"], [1e-9, "ng"], [1e-12, "pg"]];
    return units.find(([factor]) => value >= factor) ?? units.at(-1);
  }

  function showCo2e(table) {
    const items = bodiesOf(table).flatMap(({ rows }) => rows);
    for (const cell of table.section.querySelectorAll(".co2e")) cell.remove();
    if (state.perKwh) addCo2e(table, items);
    table.perKwh = state.perKwh;
    table.order = null; // the columns moved
    for (const item of items) item.keys = undefined;
  }

  function addCo2e(table, items) {
    const factor = Number(table.data.joules) * state.perKwh / J_PER_KWH;
    const values = items.map((item) => numberIn(item.row.cells[2].textContent) * factor);
    const ordered = values.filter(Number.isFinite).sort((a, b) => a - b);
    const [size, unit] = grams(ordered[ordered.length >> 1] ?? 1);
    const heads = headsOf(table);
    const of = heads[2].textContent.split("/")[1] ?? "";
    const head = joulemark.make("th", {
      scope: "col", class: "co2e", "data-sort": "number", title: `Energy times ${state.perKwh} g/kWh`,
    }, `CO₂e, ${unit}/${of.trim()}`);
    heads[6].after(head);
    addSorter(table, head);
    items.forEach((item, i) => {
      item.row.cells[6].after(joulemark.make("td", { class: "co2e" }, joulemark.number(values[i] / size, 3)));
    });
  }

  // Filters

  /** Decide which rows fit, and hide whole tables; return whether tables moved by that. */
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.fromEntries(selects.map((select) => [select.dataset.facet, select.value]));
    const rowFacets = ["round", "submitter", "verdict"].filter((key) => wanted[key]);
    let count = 0;
    let areMoved = false;
    for (const table of tables) {
      const isWanted = TABLE_FACETS.every((key) => !wanted[key] || table.data[key] === wanted[key]);
      const inRows = words.filter((word) => !table.heading.includes(word));
      const fits = (item) => rowFacets.every((key) => facetsOf(table, item)[key] === wanted[key])
        && inRows.every((word) => textOf(item).includes(word));
      const inTable = isWanted ? countFitting(table, rowFacets.length || inRows.length ? fits : null) : 0;
      table.isShown = inTable > 0;
      areMoved ||= table.isStale || table.section.hidden === table.isShown;
      if (table.section.hidden === table.isShown) table.section.hidden = !table.isShown;
      count += inTable;
    }
    shown.textContent = `${count.toLocaleString("en")} shown`;
    nothing.hidden = count > 0;
    return areMoved;
  }

  /** Mark the rows of a table that fit, and return their number. fits: null where all do. */
  function countFitting(table, fits) {
    if (!fits && !table.isFiltered) return table.rowCount;
    let count = 0;
    for (const { rows } of bodiesOf(table)) {
      for (const item of rows) {
        item.fits = !fits || fits(item);
        count += item.fits;
      }
    }
    table.isFiltered = fits !== null;
    table.isStale = true;
    return count;
  }

  function hideRows(table) {
    for (const { rows } of bodiesOf(table)) {
      for (const item of rows) {
        if (item.isHidden !== item.fits) continue;
        item.isHidden = !item.fits;
        item.row.hidden = item.isHidden;
      }
    }
    table.isStale = false;
  }

  // Drawing

  const hasOldCo2e = (table) => !table.statesCo2e && table.perKwh !== state.perKwh;
  const isOld = (table) => table.isShown && (table.isStale || table.order !== wantedOrder() || hasOldCo2e(table));

  function draw(table) {
    if (hasOldCo2e(table)) showCo2e(table);
    if (table.order !== wantedOrder()) sortTable(table);
    if (table.isStale) hideRows(table);
  }

  let waiting = 0;

  /** Draw the tables near the screen at once, and the others when there is time. */
  function drawTables(areMoved) {
    cancelAnimationFrame(waiting);
    const firstNear = tables.findIndex((table) => table.isNear && table.isShown);
    const first = Math.max(0, firstNear);
    let left = areMoved || firstNear < 0 ? TABLES_AT_ONCE : 0; // those that come near because others are shorter
    const later = [];
    tables.forEach((table, place) => {
      if (!table.isShown) return;
      const isNext = place >= first && left-- > 0;
      if (!isOld(table)) return;
      if (table.isNear || isNext) draw(table);
      else later.push(table);
    });
    const drawMore = () => {
      const until = performance.now() + SLICE_MS;
      while (later.length && performance.now() < until) draw(later.shift());
      if (later.length) waiting = requestAnimationFrame(drawMore);
    };
    if (later.length) waiting = requestAnimationFrame(drawMore);
  }

  function update() {
    drawTables(filter());
    remember();
  }

  // Ties

  let marked = [];

  function mark(item, css) {
    item.row.classList.add(css);
    if (css === "chosen") item.button?.setAttribute("aria-pressed", "true");
    marked.push(item);
  }

  function showTies() {
    for (const { row, button } of marked) {
      row.classList.remove("tied", "chosen");
      button?.setAttribute("aria-pressed", "false");
    }
    marked = [];
    const link = /^[a-z0-9-]+$/.test(state.tied ?? "") && document.querySelector(`td a[href="results/${state.tied}.html"]`);
    const table = link && tables.find(({ section }) => section.contains(link));
    const rows = table ? bodiesOf(table)[0].rows : [];
    const chosen = rows.find(({ row }) => row.contains(link));
    if (!chosen) return;
    addTieButtons(table);
    for (const part of (chosen.row.dataset.t ?? "").split(" ").filter(Boolean)) {
      const [from, to = from] = part.split("-").map(Number);
      for (const item of rows.slice(from, to + 1)) mark(item, "tied");
    }
    mark(chosen, "chosen");
  }

  /** Let the ranks of a table show ties; done once. */
  function addTieButtons(table) {
    if (table.hasTieButtons) return;
    table.hasTieButtons = true;
    for (const item of bodiesOf(table)[0]?.rows ?? []) {
      if (item.row.dataset.t === undefined) continue;
      const cell = item.row.cells[0];
      const rank = cell.textContent.trim();
      item.button = joulemark.make("button", {
        type: "button", class: "rank", "aria-pressed": "false", "aria-label": `Rank ${rank}: show ties`,
      }, rank);
      cell.replaceChildren(item.button);
      item.button.addEventListener("click", () => {
        const name = nameOf(item);
        state.tied = state.tied === name ? null : name;
        showTies();
        remember();
      });
    }
  }

  /** Read the texts of all rows before the first search, one table in each idle time. */
  function readTextsInIdleTime() {
    const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
    const unread = [...tables];
    const readNext = () => {
      const table = unread.shift();
      if (!table) return;
      for (const { rows } of bodiesOf(table)) rows.forEach(textOf);
      whenIdle(readNext);
    };
    whenIdle(readNext);
  }

  // The address

  function readIntensity() {
    const value = Number.parseFloat(intensity.value);
    state.perKwh = value > 0 ? value : 0;
  }

  function remember() {
    const pairs = new URLSearchParams();
    if (search.value) pairs.set("q", search.value);
    for (const select of selects) if (select.value) pairs.set(select.dataset.facet, select.value);
    if (state.perKwh) pairs.set("g", intensity.value);
    if (state.sort) pairs.set("sort", wantedOrder());
    if (state.tied) pairs.set("tied", state.tied);
    const text = pairs.toString();
    if (!text && !location.hash.includes("=")) return;
    try {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    } catch { /* some browsers limit how often the address may change */ }
  }

  function recall() {
    const pairs = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    search.value = pairs.get("q") ?? "";
    for (const select of selects) {
      const value = pairs.get(select.dataset.facet) ?? "";
      select.value = [...select.options].some((option) => option.value === value || option.text === value) ? value : "";
    }
    intensity.value = pairs.get("g") ?? "";
    readIntensity();
    const sort = pairs.get("sort") ?? "";
    state.descending = sort.startsWith("-");
    state.sort = sort.replace(/^-/, "") || null;
    if (!COLUMNS_WITH_CO2E.includes(state.sort)) Object.assign(state, { sort: null, descending: false });
    state.tied = pairs.get("tied");
    update();
    showTies();
  }

  function reset() {
    search.value = "";
    for (const select of selects) select.value = "";
    intensity.value = "";
    readIntensity();
    Object.assign(state, { sort: null, descending: false, tied: null });
    update();
    showTies();
  }

  const more = document.getElementById("more");
  more.addEventListener("click", () => {
    const isOpen = document.getElementById("facets").classList.toggle("open");
    more.setAttribute("aria-expanded", String(isOpen));
  });
  for (const table of tables) for (const head of headsOf(table)) addSorter(table, head);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); reset(); });
  nothing.querySelector("button").addEventListener("click", reset);
  search.addEventListener("input", update);
  search.addEventListener("focus", readTextsInIdleTime, { once: true });
  for (const select of selects) select.addEventListener("change", update);
  intensity.addEventListener("input", () => { readIntensity(); update(); });
  addEventListener("hashchange", () => {
    const isPlace = location.hash && !location.hash.includes("="); // a table, or the skip link
    if (!isPlace) recall();
  });
  recall();
  const bySection = new Map(tables.map((table) => [table.section, table]));
  const nearness = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const table = bySection.get(target);
      table.isNear = isIntersecting;
      if (!isIntersecting) continue;
      addTieButtons(table);
      if (isOld(table)) draw(table);
    }
  }, { rootMargin: "100% 0px" });
  for (const table of tables) nearness.observe(table.section);
})();
