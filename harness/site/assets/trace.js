// Power over time: lines of any runs and channels, laid over each other at the start of their windows, with zoom.
"use strict";
joulemark.traces = (() => {
  const [MIN_WIDTH, MAX_WIDTH] = [320, 960];
  const HEIGHT = 300;
  const [LEFT, RIGHT, TOP, BOTTOM] = [64, 12, 22, 44];
  const COLUMNS = 600;
  const COLOURS = 6;
  const MAX_LINES = 24;
  const MAX_FLAGS = 40;
  const FLAG_WIDTH = 20;
  const NS = 1e9;
  const { make } = joulemark;

  /** Return a line to draw for a channel of a run; null where it has no readings. */
  function lineOf(header, run, channel, label) {
    if (channel.t_ns.length < 2) return null;
    const origin = run.window_ns ? BigInt(run.window_ns[0]) : channel.t_ns[0];
    const base = channel.t_ns[0];
    const offset = Number(base - origin) / NS;
    let t = Float64Array.from(channel.t_ns, (ns) => Number(ns - base));
    let { value } = channel;
    const left = new Set(channel.left_out);
    const dropped = channel.left_out.map((i) => t[i] / NS + offset);
    if (left.size) {
      t = t.filter((_, i) => !left.has(i));
      value = value.filter((_, i) => !left.has(i));
    }
    const trace = joulemark.energy.withoutRepeats(channel, t, value);
    const cells = new joulemark.energy.Cells(trace.channel, trace.t, trace.value);
    const isCounter = channel.kind === "counter";
    const power = isCounter ? Float64Array.from(cells.powers(1, cells.stop), (p) => Math.max(p, 0)) : trace.value;
    const times = Float64Array.from(isCounter ? trace.t.slice(1) : trace.t, (ns) => ns / NS + offset);
    const gaps = [];
    if (cells.hasGaps) {
      for (let cell = 1; cell < cells.stop; cell++) {
        if (cells.length(cell) > cells.gapNs) gaps.push([cells.begin(cell) / NS + offset, trace.t[cell] / NS + offset]);
      }
    }
    const seconds = run.window_ns ? Number(BigInt(run.window_ns[1]) - origin) / NS : null;
    const since = (ns) => Number(BigInt(ns) - origin) / NS;
    const marks = (header.marks ?? [])
      .filter((mark) => mark.run === run.id && mark.channel === channel.id)
      .map((mark) => ({ ...mark, span: mark.span_ns && mark.span_ns.map(since) }));
    return { label, times, power, gaps, dropped, marks, window: seconds === null ? null : [0, seconds] };
  }

  /** Find the first index whose value is not below x. */
  function search(values, x) {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < x) low = middle + 1; else high = middle;
    }
    return low;
  }

  /** Points of a line between two times: of each column its lowest and highest reading. */
  function points(line, from, to, x, y) {
    const first = Math.max(0, search(line.times, from) - 1);
    const stop = Math.min(line.times.length, search(line.times, to) + 1);
    const out = [];
    const step = Math.max(1, Math.floor((stop - first) / COLUMNS));
    for (let i = first; i < stop; i += step) {
      let low = i;
      let high = i;
      for (let j = i; j < Math.min(i + step, stop); j++) {
        if (line.power[j] < line.power[low]) low = j;
        if (line.power[j] > line.power[high]) high = j;
      }
      for (const j of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
        out.push(`${x(line.times[j]).toFixed(1)},${y(line.power[j]).toFixed(1)}`);
      }
    }
    return out.join(" ");
  }

  function ticks(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9));
    const out = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) out.push(n * step);
    return out;
  }

  /** Return the flags of the findings of some lines: each once at each place, from left to right. */
  function flagsOf(lines) {
    const flags = new Map();
    for (const mark of lines.flatMap((line) => line.marks)) flags.set(`${mark.number} ${mark.span}`, mark);
    const place = (mark) => (mark.span ? mark.span[0] : -Infinity);
    return [...flags.values()].sort((a, b) => (place(a) > place(b)) - (place(a) < place(b))).slice(0, MAX_FLAGS);
  }

  /** Show lines in a container, with a legend that chooses among them; return how to show a finding. */
  function show(container, lines, { chosen = 4, hasFlags = false } = {}) {
    const marked = lines.filter((line) => line.marks.length); // what findings are about is among those that can be shown
    const ordered = lines.length > MAX_LINES ? [...new Set([...lines.slice(0, chosen), ...marked, ...lines])] : lines;
    const all = ordered.slice(0, MAX_LINES).map((line, i) => ({ ...line, colour: i % COLOURS, isShown: i < chosen }));
    const whole = () => {
      const shown = all.filter((line) => line.isShown);
      const use = shown.length ? shown : all;
      return [
        Math.min(...use.map((line) => Math.min(line.times[0], line.window?.[0] ?? Infinity))),
        Math.max(...use.map((line) => Math.max(line.times[line.times.length - 1], line.window?.[1] ?? -Infinity))),
      ];
    };
    let view = whole();
    const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, container.clientWidth)); // texts keep their size on a phone
    let lit = null; // number of the finding that was asked for
    const picture = make("svg", {
      viewBox: `0 0 ${width} ${HEIGHT}`, class: "plot", role: "img", tabindex: "0",
      "aria-label": "Power over time. Plus and minus zoom, arrows move, 0 shows all.",
    });
    const x = (t) => LEFT + (width - LEFT - RIGHT) * (t - view[0]) / (view[1] - view[0]);

    function draw() {
      const shown = all.filter((line) => line.isShown);
      let top = 0;
      for (const line of shown) {
        const [first, stop] = [search(line.times, view[0]), search(line.times, view[1]) + 1];
        for (let i = first; i < Math.min(stop, line.power.length); i++) top = Math.max(top, line.power[i]);
      }
      const flags = hasFlags ? flagsOf(shown) : [];
      top = (top || 1) * (flags.length ? 1.2 : 1.06);
      const floor = HEIGHT - BOTTOM;
      const y = (power) => floor - (floor - TOP) * power / top;
      const parts = [];
      const box = (from, to, css, title) => {
        const [a, b] = [Math.max(x(from), LEFT), Math.min(x(to), width - RIGHT)];
        if (b <= a) return;
        parts.push(make("rect", { x: a, y: TOP, width: Math.max(1, b - a), height: floor - TOP, class: css }, make("title", {}, title)));
      };
      for (const line of shown) if (line.window) box(...line.window, "window", `${line.label}: timed window`);
      for (const line of shown) for (const gap of line.gaps.slice(0, 200)) box(...gap, "gap", `${line.label}: gap`);
      for (const tick of ticks(0, top, 5)) {
        parts.push(make("path", { d: `M${LEFT} ${y(tick).toFixed(1)}H${width - RIGHT}`, class: "grid" }));
        parts.push(make("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, joulemark.number(tick || 0)));
      }
      for (const tick of ticks(view[0], view[1], width / 100)) {
        parts.push(make("text", { x: x(tick), y: floor + 18, "text-anchor": "middle" }, joulemark.number(tick || 0, 6)));
      }
      parts.push(make("text", { x: 4, y: 12, class: "label" }, "power [W]"));
      parts.push(make("text", { x: (LEFT + width) / 2, y: HEIGHT - 6, class: "label", "text-anchor": "middle" }, "time since the window began [s]"));
      for (const line of shown) {
        parts.push(make("polyline", { points: points(line, ...view, x, y), class: `trace line-${line.colour}` }));
        for (const t of line.dropped) {
          if (t >= view[0] && t <= view[1]) parts.push(make("path", { d: `M${x(t).toFixed(1)} ${floor}v-9`, class: "dropped" }));
        }
      }
      // what runs beyond the axes is covered by the paper
      parts.push(make("rect", { x: 0, y: TOP, width: LEFT - 1, height: floor - TOP, class: "paper" }));
      for (const tick of ticks(0, top, 5)) {
        parts.push(make("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, joulemark.number(tick || 0)));
      }
      parts.push(...drawFlags(flags, floor));
      picture.replaceChildren(...parts);
    }

    function drawFlags(flags, floor) {
      let next = LEFT + FLAG_WIDTH / 2;
      return flags.map((mark) => {
        const parts = [make("title", {}, `${mark.severity}: ${mark.title}`)];
        let at = next;
        if (mark.span) {
          const [from, to] = mark.span.map(x);
          if (to < LEFT || from > width - RIGHT) return null; // outside of the view
          const [a, b] = [Math.max(from, LEFT), Math.min(to, width - RIGHT)];
          parts.push(make("rect", { x: a, y: TOP, width: Math.max(1.5, b - a), height: floor - TOP, class: "place" }));
          at = Math.max((a + b) / 2, next);
        }
        at = Math.min(at, width - RIGHT - FLAG_WIDTH / 2);
        next = at + FLAG_WIDTH;
        parts.push(make("circle", { cx: at, cy: TOP + 10, r: 8.5 }));
        parts.push(make("text", { x: at, y: TOP + 14, "text-anchor": "middle" }, mark.number));
        const isLit = mark.number === lit ? " lit" : "";
        return make("g", { class: `mark ${mark.severity}${mark.span ? "" : " whole"}${isLit}` }, ...parts);
      }).filter(Boolean);
    }

    /** Show the lines of a finding, and zoom to its first place. */
    function focus(number) {
      const about = all.filter((line) => line.marks.some((mark) => mark.number === number));
      if (!about.length) return;
      lit = number;
      for (const line of all) line.isShown = about.slice(0, COLOURS).includes(line);
      boxes.forEach((box, i) => { box.checked = all[i].isShown; });
      view = whole();
      const span = about[0].marks.find((mark) => mark.number === number && mark.span)?.span;
      if (span) {
        const width = Math.max(8 * (span[1] - span[0]), (view[1] - view[0]) / 20);
        zoom(width / (view[1] - view[0]), (span[0] + span[1]) / 2, 0.5);
      }
      draw();
    }

    /** Zoom about a time; it comes to a share of the width, or stays where it is. */
    function zoom(factor, middle = (view[0] + view[1]) / 2, at = (middle - view[0]) / (view[1] - view[0])) {
      const [low, high] = whole();
      const span = Math.min(high - low, Math.max((view[1] - view[0]) * factor, 1e-3));
      const from = Math.min(Math.max(middle - span * at, low), high - span);
      view = [from, from + span];
      draw();
    }

    function move(share) {
      const [low, high] = whole();
      const span = view[1] - view[0];
      const from = Math.min(Math.max(view[0] + share * span, low), high - span);
      view = [from, from + span];
      draw();
    }

    const reset = () => { view = whole(); draw(); };
    const keys = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: reset,
      ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2),
    };
    picture.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      keys[event.key]();
    });
    const timeAt = (event) => {
      const place = picture.getBoundingClientRect();
      const at = (event.clientX - place.left) / place.width * width;
      return view[0] + (at - LEFT) / (width - LEFT - RIGHT) * (view[1] - view[0]);
    };
    let dragFrom = null;
    picture.addEventListener("pointerdown", (event) => { dragFrom = timeAt(event); });
    picture.addEventListener("pointerup", (event) => {
      if (dragFrom === null) return;
      const ends = [dragFrom, timeAt(event)].sort((a, b) => a - b);
      dragFrom = null;
      if (ends[1] - ends[0] > (view[1] - view[0]) * 0.02) { view = ends; draw(); }
    });
    const button = (text, act) => make("button", { type: "button", class: "quiet", onclick: act }, text);
    const boxes = all.map((line) => {
      const box = make("input", { type: "checkbox", checked: line.isShown });
      box.addEventListener("change", () => { line.isShown = box.checked; draw(); });
      return box;
    });
    const legend = make("fieldset", { class: "controls" }, make("legend", {}, "Lines"), ...all.map((line, i) =>
      make("label", {}, boxes[i], make("span", { class: `key key-${line.colour}` }), line.label, ...findingsOf(line))));
    const hidden = lines.length - all.length;
    container.replaceChildren(make("div", { class: "explorer" },
      legend,
      make("p", { class: "actions" }, button("Zoom in", () => zoom(0.5)), button("Zoom out", () => zoom(2)), button("Show all", reset),
        make("small", {}, "Drag over the picture to zoom.", hasFlags && marked.length ? " Numbers are those of the findings." : "", hidden > 0 ? ` ${hidden} more channels are in the download.` : "")),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Traces, picture" }, picture)));
    draw();
    return { focus };

    /** Return what a line of the legend says of its findings: their numbers, or the worst in words. */
    function findingsOf({ marks }) {
      if (!hasFlags) return marks.slice(0, 1).map(({ severity, rule }) => make("small", {}, ` ${severity}: ${rule}`));
      const numbers = new Map(marks.map((mark) => [mark.number, mark]));
      return [...numbers.values()].slice(0, 6).map(({ number, severity }) => make("span", { class: `flag ${severity}` }, number));
    }
  }

  /** Return the lines of an entry: each channel of each run. */
  function linesOf(header, prefix = "") {
    const several = header.runs.some((run) => run.channels.length > 1);
    const lines = header.runs.flatMap((run) => run.channels.map((channel) =>
      lineOf(header, run, channel, prefix + (several ? `${run.id}, ${channel.id}` : run.id))));
    return lines.filter(Boolean);
  }

  return { show, linesOf };
})();
