// The comparison page: two to four results, named in the address as compare.html#a,b.
"use strict";
(() => {
  const { make } = joulemark;
  const form = document.getElementById("choose");
  const output = document.getElementById("comparison");
  const slots = [...form.querySelectorAll("input")];
  const LETTERS = "ABCD";
  const NAMES = joulemark.names ?? [];
  const label = ([name, title, submitter]) => `${title}${submitter ? `, ${submitter}` : ""} [${name.slice(-6)}]`;
  const byLabel = new Map(NAMES.map((item) => [label(item), item[0]]));
  const byName = new Map(NAMES.map((item) => [item[0], item]));

  document.getElementById("names").append(...NAMES.map((item) => make("option", { value: label(item) })));

  const percent = (share, digits = 3) => `${(100 * share).toPrecision(digits)} %`;

  /** Write a probability from draws, without digits that they do not have. */
  function chance(share) {
    if (share < 0.001) return "<0.1 %";
    return share > 0.999 ? ">99.9 %" : `${(100 * share).toFixed(1)} %`;
  }

  function unitOf(value, unit) {
    const [factor, prefix] = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]]
      .find(([size]) => Math.abs(value) >= size) ?? [1, ""];
    return [factor, prefix + unit];
  }

  /** Return how to write a number and the ends of its interval: with two digits of half the interval. */
  function writer(low, high) {
    const half = (high - low) / 2;
    if (!(half > 0)) return (value) => joulemark.number(value, 4);
    const places = Math.min(Math.max(0, 1 - Math.floor(Math.log10(half))), 9);
    return (value) => value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
  }

  /** Write a value with its interval; alone where it has none, or where nothing is uncertain but the last bits. */
  function withInterval(value, low, high) {
    if (high - low <= 1e-9 * Math.abs(value)) return joulemark.number(value, 4);
    const write = writer(low, high);
    return low === undefined || low === null ? write(value) : `${write(value)} [${write(low)}, ${write(high)}]`;
  }

  function energyText(header) {
    if (header.per_unit === null) return "no energy per unit";
    const [factor, unit] = unitOf(header.per_unit, header.per_unit_unit);
    const [value, low, high] = [header.per_unit, ...header.interval].map((item) => (item === null ? null : item / factor));
    return `${withInterval(value, low, high)} ${unit}`;
  }

  function entryTable(headers) {
    const head = ["Letter", "Result", "Energy per unit"].map((text) => make("th", { scope: "col" }, text));
    const rows = headers.map((header, i) => make("tr", {},
      make("th", { scope: "row" }, LETTERS[i]),
      make("td", {}, make("a", { href: `results/${header.name}.html` }, header.title), " ", make("small", {}, header.submitter), " ", make("span", { class: `verdict ${header.verdict}` }, header.verdict)),
      make("td", { class: "n" }, energyText(header))));
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Results that are compared" },
      make("table", { class: "data" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
  }

  function sentence(result, a, b) {
    if (result.verdict === "not comparable") return `${a} and ${b} cannot be compared.`;
    if (result.low === undefined) {
      return result.verdict === "tied" ? `${a} and ${b} are tied.` : `Which of ${a} and ${b} needs less is not resolved; ${a} needs ${joulemark.number(result.ratio, 4)} times as much by the single runs.`;
    }
    const size = Math.abs(1 - result.ratio);
    const direction = result.ratio < 1 ? "less" : "more";
    const ends = `ratio ${withInterval(result.ratio, result.low, result.high)}`;
    if (result.verdict === "tied") return `${a} and ${b} are tied: ${ends}.`;
    return `${a} needs ${percent(size)} ${direction} energy than ${b}: ${ends}.`;
  }

  /** Return about so many round ratios between two: steps of 1, 2 or 5, and over more than a decade its powers with their multiples. */
  function roundRatios(low, high, count) {
    const powers = [];
    if (high / low > 10) {
      for (let n = Math.floor(Math.log10(low)); n <= Math.log10(high); n++) powers.push(...[1, 2, 5].map((m) => m * 10 ** n));
      return powers.filter((ratio) => ratio >= low && ratio <= high);
    }
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((size) => size >= rough);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
  }

  function ratioPlot(pairs) {
    const drawn = pairs.filter(({ result }) => result.low !== undefined);
    if (!drawn.length) return null;
    const [width, row] = [Math.min(960, Math.max(320, output.clientWidth)), 30];
    const height = row * drawn.length + 50;
    const ends = drawn.flatMap(({ result }) => [result.low, result.high, 1]).map(Math.log);
    const pad = 0.06 * (Math.max(...ends) - Math.min(...ends) || 0.1);
    const [low, high] = [Math.min(...ends) - pad, Math.max(...ends) + pad];
    const x = (ratio) => 90 + (width - 110) * (Math.log(ratio) - low) / (high - low);
    const parts = [make("path", { d: `M${x(1)} 6V${height - 40}`, class: "axis" }), make("text", { x: x(1), y: height - 22, "text-anchor": "middle" }, "equal")];
    for (const ratio of roundRatios(Math.exp(low), Math.exp(high), width / 120)) {
      if (Math.abs(x(ratio) - x(1)) < 40) continue;
      parts.push(make("path", { d: `M${x(ratio)} 6V${height - 40}`, class: "grid" }));
      parts.push(make("text", { x: x(ratio), y: height - 22, "text-anchor": "middle" }, joulemark.number(ratio, 6)));
    }
    parts.push(make("text", { x: (90 + width) / 2, y: height - 6, class: "label", "text-anchor": "middle" }, "ratio of energies"));
    drawn.forEach(({ names, result }, i) => {
      const y = row * (i + 0.5) + 4;
      parts.push(make("text", { x: 76, y: y + 4, class: "label", "text-anchor": "end" }, `${names[0]} over ${names[1]}`));
      parts.push(make("path", { d: `M${x(result.low)} ${y}H${x(result.high)}`, class: "interval" }));
      parts.push(make("circle", { cx: x(result.ratio), cy: y, r: 5, class: "dot front" }));
    });
    return make("figure", {}, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ratios, picture" },
      make("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": "Ratios of energies with their intervals" }, ...parts)));
  }

  function cancelledText({ verdict, cancelled }) {
    if (verdict === "not comparable") return "–";
    return cancelled?.length ? `the meter errors of ${cancelled.join(", ")}` : "nothing";
  }

  function pairTable(pairs) {
    const hasNotes = pairs.some(({ result }) => result.reasons.length);
    const head = ["Pair", "Verdict", "Ratio of energies", "P(first needs less)", "What cancelled", ...(hasNotes ? ["Notes"] : [])]
      .map((text) => make("th", { scope: "col", class: text === "Verdict" && "wide" }, text));
    const rows = pairs.map(({ names, result }) => make("tr", {},
      make("th", { scope: "row" }, names.join(" over ")),
      make("td", { class: "wide" }, result.verdict), // the sentences say it too
      make("td", { class: "n" }, result.ratio === undefined ? "–" : withInterval(result.ratio, result.low, result.high)),
      make("td", { class: "n" }, result.better === undefined ? "–" : chance(result.better)),
      make("td", {}, cancelledText(result)),
      hasNotes ? make("td", {}, result.reasons.join("; ")) : null));
    const table = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Pairs" },
      make("table", { class: "data" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
    const cancels = pairs.some(({ result }) => result.cancelled?.length);
    return [table, make("p", { class: "notes" }, cancels
      ? "The errors of an instrument that measured both sides cancel in their ratio."
      : "No instrument is shown to have measured both sides of a pair, so no error of a meter cancels.")];
  }

  /** Return why CO2e differs, as a table of factors whose product is the whole; null without a grid. */
  function factorTable(pairs, headers) {
    const names = ["machine", "mechanization", "map", "the whole"];
    const rows = pairs.map(({ names: letters, places: [i, j], result }) => {
      const factors = joulemark.compare.factors(headers[i], headers[j], result);
      return factors && make("tr", {}, make("th", { scope: "row" }, letters.join(" over ")),
        ...factors.map(({ ratio, low, high }) => make("td", { class: "n" }, withInterval(ratio, low, high))));
    }).filter(Boolean);
    if (!rows.length) return [];
    const meanings = ["energy per unit of work", "PUE", "intensity of the grid", "CO₂e per unit of work"];
    const head = [make("th", { scope: "col" }, "Pair"), ...names.map((name, i) =>
      make("th", { scope: "col" }, name[0].toUpperCase() + name.slice(1), make("br"), make("small", {}, meanings[i])))];
    return [
      make("h2", {}, "Factors of CO₂e"),
      make("p", { class: "notes" }, "Why the emissions per unit differ: the factors of a row multiply to the whole. One intensity for all results cancels."),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Factors of CO₂e" },
        make("table", { class: "data factors" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))),
    ];
  }

  async function show() {
    const names = location.hash.slice(1).split(/,|%2C/i).filter(Boolean).slice(0, 4);
    slots.forEach((slot, i) => { slot.value = names[i] && byName.has(names[i]) ? label(byName.get(names[i])) : ""; });
    if (names.length < 2) {
      output.replaceChildren(...(names.length ? [make("p", {}, "Choose a second result.")] : []));
      return;
    }
    output.replaceChildren(make("p", {}, "Drawing…"));
    try {
      const headers = [];
      for (const name of names) {
        const { header, fault } = await joulemark.evidence(name);
        if (fault) throw new Error(`${name}: ${fault.message}`);
        headers.push(header);
      }
      await new Promise((resolve) => setTimeout(resolve));
      const pairs = [];
      for (let i = 0; i < headers.length; i++) {
        for (let j = i + 1; j < headers.length; j++) {
          pairs.push({ names: [LETTERS[i], LETTERS[j]], places: [i, j], result: joulemark.compare.compare(headers[i], headers[j]) });
        }
      }
      const traces = make("div", {});
      output.replaceChildren(
        entryTable(headers),
        ...pairs.map(({ names: [a, b], result }) => make("p", { class: "sentence" }, sentence(result, a, b))),
        ...[ratioPlot(pairs)].filter(Boolean), ...pairTable(pairs),
        ...factorTable(pairs, headers),
        make("h2", {}, "Traces"), traces);
      const lines = headers.flatMap((header, i) => joulemark.traces.linesOf(header, `${LETTERS[i]}: `).map((line, k) => ({ ...line, isFirst: k === 0 })));
      lines.sort((a, b) => b.isFirst - a.isFirst);
      if (lines.length) joulemark.traces.show(traces, lines, { chosen: headers.length });
      output.dataset.done = names.join();
    } catch (error) {
      output.replaceChildren(make("p", { role: "alert", class: "verdict invalid" }, error.message));
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = slots.map((slot) => byLabel.get(slot.value) ?? (byName.has(slot.value) ? slot.value : null));
    const wrong = slots.find((slot, i) => slot.value && !chosen[i]);
    if (wrong) {
      output.replaceChildren(make("p", { role: "alert" }, "Choose results from the list."));
      wrong.focus();
      return;
    }
    location.hash = chosen.filter(Boolean).join(",");
  });
  addEventListener("hashchange", show);
  show();
})();
