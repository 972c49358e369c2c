// The audit: filters by text, severity, rule, submitter and verdict; all of it in the address.
"use strict";
(() => {
  const form = document.getElementById("filters");
  const search = document.getElementById("q");
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const selects = [...form.querySelectorAll("select")];
  const severityOf = (row) => row.classList[0] ?? "";

  const sections = [...document.querySelectorAll("section.audited")].map((section) => ({
    section,
    verdict: section.dataset.verdict,
    count: section.querySelector("h2 small"),
    entries: [...section.querySelectorAll("li.entry")].map((row) => ({ row, isHidden: false })),
  }));

  /** Read what the filters look at; once for each entry, at the first use. */
  function read(entry) {
    if (entry.text !== undefined) return entry;
    entry.text = entry.row.textContent.toLowerCase();
    entry.submitter = entry.row.querySelector("small").textContent;
    entry.findings = Array.from(entry.row.querySelectorAll("li[data-r]"), (row) => ({
      row, rule: row.dataset.r, severity: severityOf(row), isHidden: false,
    }));
    return entry;
  }

  function hide(item, isHidden) {
    if (item.isHidden === isHidden) return;
    item.isHidden = isHidden;
    item.row.hidden = isHidden;
  }

  /** Show the findings of an entry that fit; return whether the entry fits. */
  function filterEntry(entry, wanted, words) {
    const { text, submitter, findings } = read(entry);
    const fits = (finding) => (!wanted.rule || finding.rule === wanted.rule)
      && (!wanted.severity || finding.severity === wanted.severity);
    let fitting = 0;
    for (const finding of findings) {
      const isFitting = fits(finding);
      hide(finding, !isFitting);
      fitting += isFitting;
    }
    const hasFinding = fitting > 0 || (!wanted.rule && !wanted.severity);
    return hasFinding && (!wanted.submitter || submitter === wanted.submitter)
      && words.every((word) => text.includes(word));
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.fromEntries(selects.map((select) => [select.dataset.facet, select.value]));
    let total = 0;
    for (const { section, verdict, count, entries } of sections) {
      let inSection = 0;
      const isWanted = !wanted.verdict || verdict === wanted.verdict;
      for (const entry of isWanted ? entries : []) {
        const isFitting = filterEntry(entry, wanted, words);
        hide(entry, !isFitting);
        inSection += isFitting;
      }
      section.hidden = inSection === 0;
      count.textContent = inSection.toLocaleString("en");
      total += inSection;
    }
    shown.textContent = `${total.toLocaleString("en")} shown`;
    nothing.hidden = total > 0;
  }

  function remember() {
    const pairs = new URLSearchParams();
    if (search.value) pairs.set("q", search.value);
    for (const select of selects) if (select.value) pairs.set(select.dataset.facet, select.value);
    const text = pairs.toString();
    if (!text && !location.hash.includes("=")) return;
    try {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    } catch { /* some browsers limit how often the address may change */ }
  }

  function update() {
    filter();
    remember();
  }

  function recall() {
    const pairs = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    search.value = pairs.get("q") ?? "";
    for (const select of selects) {
      const value = pairs.get(select.dataset.facet) ?? "";
      select.value = [...select.options].some((option) => option.value === value) ? value : "";
    }
    if (pairs.size) form.scrollIntoView();
    update();
  }

  function reset() {
    search.value = "";
    for (const select of selects) select.value = "";
    update();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); reset(); });
  nothing.querySelector("button").addEventListener("click", reset);
  search.addEventListener("input", update);
  for (const select of selects) select.addEventListener("change", update);
  addEventListener("hashchange", () => {
    const isPlace = location.hash && !location.hash.includes("="); // a heading, or the skip link
    if (!isPlace) recall();
  });
  recall();
})();
