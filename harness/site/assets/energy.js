// Energy from readings: a second implementation of harness.energy, step by step as docs/explanation/methodology.md
// states it. Times are nanoseconds after the first reading of a channel, so that they fit into a number.
"use strict";
joulemark.energy = (() => {
  const NS = 1e9;
  const GAP_CELLS = 1.5;
  const NEAREST_CELLS = 10;
  const MIN_OUTSIDE_CELLS = 3;
  const MAX_OUTSIDE_CELLS = 10000;
  const CAP_TOLERANCE = 0.005;
  const MAX_NOISE_LAG = 3;
  const MIN_NOISE_STEPS = 5;
  const MIN_FLOOR_STEPS = 20;
  const MAX_NOISE_CELLS = 200;
  const MEDIAN_STEP = 0.954;
  const MEDIAN_ERROR = 1.2;
  const MIN_REPEATS = 0.2;
  const UNKNOWN_UPDATE_S = 0.1;
  const ALIGNED = 0.75;
  const QUANTILES = 65;
  const SEARCH = { normal: 4, uniform: 1.5 };
  const SEARCH_POINTS = 49;
  const MIN_REACH = 0.25;
  const MIN_EFFECT = 2e-5;
  const PLATEAU = 1e-9;
  const MIN_DROP = 0.1;
  const PROFILE_LIMIT = 4;
  const MAX_NODES = 1e6;

  // Numbers

  /** Add with the rounding errors of each addition kept (Neumaier). */
  function sum(values) {
    let total = 0;
    let lost = 0;
    for (const value of values) {
      const next = total + value;
      lost += Math.abs(total) >= Math.abs(value) ? (total - next) + value : (value - next) + total;
      total = next;
    }
    return total + lost;
  }

  /** Round half to even. */
  function round(x) {
    const below = Math.floor(x);
    if (x - below !== 0.5) return Math.round(x);
    return below % 2 === 0 ? below : below + 1;
  }

  /** First index whose value is not below x ("left"), or is above it ("right"). */
  function search(values, x, side = "left") {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (side === "left" ? values[middle] < x : values[middle] <= x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const largest = (values) => values.reduce((a, b) => Math.max(a, b));
  const smallest = (values) => values.reduce((a, b) => Math.min(a, b));
  const mean = (values) => sum(values) / values.length;

  function linspace(low, high, count) {
    return Array.from({ length: count }, (_, i) => low + (high - low) * i / (count - 1));
  }

  /** Interpolate linearly; beyond both ends the value there is held. */
  function interpolate(x, xs, ys) {
    if (x <= xs[0]) return ys[0];
    if (x >= xs[xs.length - 1]) return ys[ys.length - 1];
    const i = search(xs, x, "right") - 1;
    return (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]) * (x - xs[i]) + ys[i];
  }

  function quantile(values, p) {
    const sorted = [...values].sort((a, b) => a - b);
    const place = p * (sorted.length - 1);
    const i = Math.floor(place);
    const next = sorted[Math.min(i + 1, sorted.length - 1)];
    return sorted[i] + (next - sorted[i]) * (place - i);
  }

  const A = [2.50908_09287_30122_6727e+3, 3.34305_75583_58812_8105e+4, 6.72657_70927_00870_0853e+4, 4.59219_53931_54987_1457e+4, 1.37316_93765_50946_1125e+4, 1.97159_09503_06551_4427e+3, 1.33141_66789_17843_7745e+2, 3.38713_28727_96366_6080e+0];
  const B = [5.22649_52788_52854_5610e+3, 2.87290_85735_72194_2674e+4, 3.93078_95800_09271_0610e+4, 2.12137_94301_58659_5867e+4, 5.39419_60214_24751_1077e+3, 6.87187_00749_20579_0830e+2, 4.23133_30701_60091_1252e+1, 1];
  const C = [7.74545_01427_83414_07640e-4, 2.27238_44989_26918_45833e-2, 2.41780_72517_74506_11770e-1, 1.27045_82524_52368_38258e+0, 3.64784_83247_63204_60504e+0, 5.76949_72214_60691_40550e+0, 4.63033_78461_56545_29590e+0, 1.42343_71107_49683_57734e+0];
  const D = [1.05075_00716_44416_84324e-9, 5.47593_80849_95344_94600e-4, 1.51986_66563_61645_71966e-2, 1.48103_97642_74800_74590e-1, 6.89767_33498_51000_04550e-1, 1.67638_48301_83803_84940e+0, 2.05319_16266_37758_82187e+0, 1];
  const horner = (coefficients, x) => coefficients.reduce((value, c) => value * x + c);

  /** Quantile of the standard normal distribution (Wichura 1988, AS 241), for probabilities that occur here. */
  function normalQuantile(p) {
    const q = p - 0.5;
    if (Math.abs(q) <= 0.425) {
      const r = 0.180625 - q * q;
      return horner(A, r) * q / horner(B, r);
    }
    const r = Math.sqrt(-Math.log(q <= 0 ? p : 1 - p)) - 1.6;
    const x = horner(C, r) / horner(D, r);
    return q < 0 ? -x : x;
  }

  const standardQuantiles = {};
  function quantilesOf(base) {
    standardQuantiles[base] ??= Array.from({ length: QUANTILES }, (_, i) => {
      const p = (i + 0.5) / QUANTILES;
      return base === "uniform" ? 2 * p - 1 : normalQuantile(p);
    });
    return standardQuantiles[base];
  }

  // Cells: the steps between readings, each with its mean power

  class Cells {
    /** channel: kind and intervals; t: times [ns]; value: readings. */
    constructor(channel, t, value) {
      Object.assign(this, { channel, t, value, kind: channel.kind });
      this.intervalNs = round(Cells.expectedInterval(channel, t) * NS);
      this.gapNs = Math.trunc(GAP_CELLS * this.intervalNs);
      this.first = this.kind === "mean" ? 0 : 1;
      this.stop = t.length;
      this.hasGaps = this.kind !== "counter";
      this.startNs = t[0] - (this.first === 0 ? this.intervalNs : 0);
      this.falls = this.kind === "counter" ? this.findFalls() : new Map();
    }

    static expectedInterval(channel, t) {
      const nominal = channel.nominal_interval_s ?? 0;
      if (t.length < 2) return nominal;
      const steps = Float64Array.from({ length: t.length - 1 }, (_, i) => t[i + 1] - t[i]).sort();
      return Math.max(steps[steps.length >> 1] / NS, nominal);
    }

    begin(cell) { return cell > 0 ? this.t[cell - 1] : this.startNs; }
    length(cell) { return this.t[cell] - this.begin(cell); }

    power(cell) {
      const { value } = this;
      if (this.kind === "counter") {
        let rise = value[cell] - value[cell - 1];
        if (rise < 0) rise = this.falls.get(cell);
        return rise / (this.length(cell) / NS);
      }
      if (this.kind !== "mean") return (value[cell - 1] + value[cell]) / 2;
      const length = this.length(cell);
      if (length <= this.gapNs) return value[cell];
      const unread = 1 - this.intervalNs / length;
      return value[cell] + unread * (value[cell - 1] - value[cell]) / 2;
    }

    powers(first, stop) {
      return Array.from({ length: Math.max(0, stop - first) }, (_, i) => this.power(first + i));
    }

    energy(first, stop) {
      const { power, length } = this;
      function* cells(self) {
        for (let cell = first; cell < stop; cell++) yield power.call(self, cell) * length.call(self, cell);
      }
      return sum(cells(this)) / NS;
    }

    /** Energy of cells in which a counter shows less than before: it passed its modulus, or began anew. */
    findFalls() {
      const { t, value } = this;
      const modulus = this.channel.counter_modulus_j;
      const falls = new Map();
      for (let cell = 1; cell < t.length; cell++) {
        const rise = value[cell] - value[cell - 1];
        if (rise >= 0) continue;
        if (modulus && rise + modulus >= 0 && rise + modulus <= modulus / 2) falls.set(cell, rise + modulus);
        else if (cell === this.first) falls.set(cell, value[cell]);
        else {
          const before = falls.has(cell - 1) ? falls.get(cell - 1) : value[cell - 1] - value[cell - 2];
          falls.set(cell, before / (t[cell - 1] - t[cell - 2]) * (t[cell] - t[cell - 1]));
        }
      }
      return falls;
    }

    /** Range of the cells that lie wholly inside a window. */
    inside(startNs, stopNs) {
      let first = search(this.t, startNs) + 1;
      if (this.first === 0 && this.startNs >= startNs) first = 0;
      return [first, search(this.t, stopNs, "right")];
    }
  }

  // Edges

  function surroundings(cells, first, stop, startNs, stopNs) {
    const head = cells.powers(first, Math.min(stop, first + NEAREST_CELLS));
    const tail = cells.powers(Math.max(first, stop - NEAREST_CELLS), stop).reverse();
    const headNs = cells.begin(first);
    const tailNs = cells.t[stop - 1];
    const crossesStart = headNs > startNs && first > cells.first;
    const crossesStop = tailNs < stopNs && stop < cells.stop;
    const before = crossesStart ? first - 1 : first;
    const after = crossesStop ? stop + 1 : stop;
    const earlier = cells.powers(Math.max(cells.first, before - MAX_OUTSIDE_CELLS), before);
    const later = cells.powers(after, Math.min(cells.stop, after + MAX_OUTSIDE_CELLS));
    const floors = [earlier, later].filter((side) => side.length).map(smallest);
    const floor = floors.length ? smallest(floors) : null;
    const floorCells = earlier.length + later.length;
    const floorSd = scatterOfFloor([earlier.slice(-MAX_NOISE_CELLS), later.slice(0, MAX_NOISE_CELLS)]);
    const crossing = (cell, crosses) => {
      if (!crosses) return { crossing: null, crossingNs: 0 };
      const power = cells.kind === "mean" ? cells.value[cell] : cells.power(cell);
      return { crossing: power, crossingNs: cells.length(cell) };
    };
    return [
      { inside: head, outside: earlier.slice(-NEAREST_CELLS).reverse(), floor, floorCells, floorSd, ...crossing(first - 1, crossesStart), uncoveredNs: headNs - startNs },
      { inside: tail, outside: later.slice(0, NEAREST_CELLS), floor, floorCells, floorSd, ...crossing(stop, crossesStop), uncoveredNs: stopNs - tailNs },
    ];
  }

  /** Standard deviation of a cell from the median step between cells up to a distance. */
  function scatter(powers, maxLag) {
    let widest = 0;
    for (let lag = 1; lag <= maxLag; lag++) {
      const steps = powers.slice(lag).map((power, i) => Math.abs(power - powers[i])).sort((a, b) => a - b);
      if (!steps.length || (lag > 1 && steps.length < MIN_NOISE_STEPS)) break;
      widest = Math.max(widest, steps[steps.length >> 1] / MEDIAN_STEP);
    }
    return widest;
  }

  /** The same for all cells on both sides of the window, raised by its standard error. */
  function scatterOfFloor(sides) {
    let widest = 0;
    for (let lag = 1; lag <= MAX_NOISE_LAG; lag++) {
      const steps = sides.flatMap((side) => side.slice(lag).map((power, i) => Math.abs(power - side[i])));
      if (!steps.length || (lag > 1 && steps.length < MIN_FLOOR_STEPS)) break;
      const error = MEDIAN_ERROR / Math.sqrt(steps.length);
      widest = Math.max(widest, quantile(steps, 0.5) / MEDIAN_STEP * (1 + error));
    }
    return widest;
  }

  function deviation(values) {
    if (values.length < 2) return 0;
    const middle = mean(values);
    return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
  }

  function isFloor(around) {
    if (around.floor === null || around.outside.length < MIN_OUTSIDE_CELLS) return false;
    const deviations = Math.sqrt(2 * Math.log(around.floorCells)) + 2;
    const tolerance = deviations * around.floorSd + CAP_TOLERANCE * around.floor;
    return around.outside[0] - around.floor <= tolerance;
  }

  function outsidePower(around, outsideS, cells) {
    const intervalS = cells.intervalNs / NS;
    if (!isFloor(around)) {
      return [around.outside[0], scatter(around.outside, 1) * Math.sqrt(outsideS * intervalS + outsideS ** 2)];
    }
    const limit = around.outside[0] + 3 * around.floorSd;
    const level = around.outside.filter((power) => power <= limit);
    return [mean(level), deviation(level) * Math.sqrt(outsideS * intervalS + outsideS ** 2 / level.length)];
  }

  /** Hold the power inside over the uncovered part. */
  function held(around) {
    return { rule: "held", energy: around.inside[0] * around.uncoveredNs / NS };
  }

  /** Put the power of an unread part between the powers on both sides of the gap. */
  function boundedGap(around, readJ, unreadS, outsideW) {
    const inside = mean(around.inside) * unreadS;
    const outside = outsideW * unreadS;
    return { rule: "gap", energy: readJ + (inside + outside) / 2, filled: readJ + Math.max(inside, outside) };
  }

  /** Energy inside if the power outside had been the floor of the trace. */
  function mostInside(around, insideS, outsideS) {
    if (around.floor === null || around.outside.length < MIN_OUTSIDE_CELLS) return Infinity;
    return around.crossing * (insideS + outsideS) - around.floor * outsideS;
  }

  /** The energy at an edge of a mean or a counter, by the evidence around it. */
  function meanEdge(around, cells, side) {
    if (!around.uncoveredNs) return { rule: "covered", energy: 0 };
    const insideS = around.uncoveredNs / NS;
    const hold = held(around);
    if (around.crossing === null || !around.outside.length) return hold;
    if (cells.hasGaps && around.crossingNs > cells.gapNs) {
      const readNs = side === "start" ? Math.min(around.uncoveredNs, cells.intervalNs) : 0;
      const unreadS = (around.uncoveredNs - readNs) / NS;
      return boundedGap(around, around.crossing * readNs / NS, unreadS, around.outside[0]);
    }
    // 1. What the crossing cell leaves for the part inside.
    const outsideS = around.crossingNs / NS - insideS;
    const [outsideW, uOutside] = outsidePower(around, outsideS, cells);
    const rest = around.crossing * (insideS + outsideS) - outsideW * outsideS;
    // 2. Whether that is more than the load can draw, and whether the floor is outside.
    const cap = largest(around.inside) * (1 + CAP_TOLERANCE);
    const noise = Math.hypot(uOutside, scatter(around.inside, MAX_NOISE_LAG) * Math.sqrt(insideS * cells.intervalNs / NS));
    const isAboveCap = rest > cap * insideS + noise;
    const atFloor = isFloor(around);
    // 3. Load that goes on outside; nothing below the floor; otherwise two bounds.
    if (isAboveCap && !atFloor) return hold;
    if (atFloor && !isAboveCap) return { rule: "outside", energy: Math.max(0, rest) };
    const lower = Math.max(0, rest);
    const other = atFloor ? hold.energy : Math.min(hold.energy, mostInside(around, insideS, outsideS));
    const filled = isAboveCap ? hold.energy : Math.max(lower, other);
    return { rule: isAboveCap ? "surplus" : "between", energy: (lower + other) / 2, filled };
  }

  /** The energy at an edge of instants: the nearest reading stands for one interval. */
  function instantEdge(around, cells, nearest, direction) {
    const { t, value } = cells;
    const following = nearest + direction;
    const outside = nearest - direction;
    const outsideW = outside >= 0 && outside < value.length ? value[outside] : null;
    const uncovered = around.uncoveredNs;
    if (!uncovered) return { rule: "nearest", energy: 0 };
    const weight = Math.min(cells.intervalNs, Math.abs(t[following] - t[nearest]));
    const shared = Math.min(uncovered, weight) - weight / 2;
    const rise = value[following] - value[nearest];
    const read = uncovered > cells.gapNs && outsideW !== null ? cells.intervalNs : uncovered;
    const energy = (value[nearest] * read + rise * shared) / NS;
    if (read < uncovered) return boundedGap(around, energy, (uncovered - read) / NS, outsideW);
    return { rule: "nearest", energy };
  }

  function bothEdges(cells, around, first, stop) {
    if (cells.kind === "mean" || cells.kind === "counter") {
      return [meanEdge(around[0], cells, "start"), meanEdge(around[1], cells, "stop")];
    }
    return [instantEdge(around[0], cells, first - 1, 1), instantEdge(around[1], cells, stop - 1, -1)];
  }

  // The clock: the energy of windows that are shifted against the readings

  function withStep(seconds, power, around, isEnd) {
    const crossing = clamp(search(seconds, 0) - 1, 0, power.length - 1);
    const length = seconds[crossing + 1] - seconds[crossing];
    const inside = around.inside[0];
    const outside = around.outside[0];
    if (inside === outside) return [seconds, power];
    const share = clamp((power[crossing] - outside) / (inside - outside), 0, 1);
    if (!(share > 0 && share < 1)) return [seconds, power];
    const step = seconds[crossing] + length * (isEnd ? share : 1 - share);
    const pair = isEnd ? [inside, outside] : [outside, inside];
    return [
      [...seconds.slice(0, crossing + 1), step, ...seconds.slice(crossing + 1)],
      [...power.slice(0, crossing), ...pair, ...power.slice(crossing + 1)],
    ];
  }

  /** Energy from one end of the window to each shift of it, negative before it. */
  function energyTo(cells, endNs, shifts, around, isEnd) {
    const reach = round(largest(shifts.map(Math.abs)) * NS);
    const first = Math.max(cells.first, search(cells.t, endNs - reach) - 1);
    const stop = Math.min(cells.stop, search(cells.t, endNs + reach, "right") + 2);
    let seconds = [cells.begin(first), ...cells.t.slice(first, stop)].map((t) => (t - endNs) / NS);
    let power = cells.powers(first, stop);
    if (around.crossing !== null) [seconds, power] = withStep(seconds, power, around, isEnd);
    const cumulative = [0];
    power.forEach((watt, i) => cumulative.push(cumulative[i] + watt * (seconds[i + 1] - seconds[i])));
    const at = (shift) => interpolate(shift, seconds, cumulative)
      + Math.min(shift - seconds[0], 0) * power[0]
      + Math.max(shift - seconds[seconds.length - 1], 0) * power[power.length - 1];
    const origin = at(0);
    return shifts.map((shift) => at(shift) - origin);
  }

  function energyBetween(cells, fromNs, toNs) {
    const place = (cut) => {
      const cell = clamp(search(cells.t, cut, "right"), cells.first, cells.stop - 1);
      return [cell, cells.power(cell) * (cut - cells.begin(cell)) / NS];
    };
    const [from, before] = place(fromNs);
    const [to, after] = place(toNs);
    return (to > from ? cells.energy(from, to) : 0) + after - before;
  }

  /** Energy of load as long as the window, wherever it lies within reach of it. */
  function alignedEnergy(cells, startNs, stopNs, reachS) {
    const reach = round(reachS * NS);
    const first = Math.max(search(cells.t, startNs - reach, "right") - 1, cells.first);
    const last = Math.min(search(cells.t, stopNs + reach), cells.stop - 1);
    const all = energyBetween(cells, cells.t[first], cells.t[last]);
    const before = mean(cells.powers(Math.max(first - 2, cells.first), first + 1));
    const after = mean(cells.powers(last, Math.min(last + 3, cells.stop)));
    return all - before * (startNs - cells.t[first]) / NS - after * (cells.t[last] - stopNs) / NS;
  }

  /** Energy of a shifted window that load fills up to both of its ends. */
  function filledEnergy(cells, startNs, stopNs, shiftS) {
    const shift = round(shiftS * NS);
    const [from, to] = [startNs + shift, stopNs + shift];
    const [first, stop] = cells.inside(from, to);
    if (stop <= first) return 0;
    const edges = bothEdges(cells, surroundings(cells, first, stop, from, to), first, stop);
    const [start, end] = edges.map((edge) => edge.filled ?? edge.energy);
    return cells.energy(first, stop) + (start + end);
  }

  /** Equally likely effects as a function of a standard normal X, at equally spaced X. */
  function profile(effect) {
    const sorted = [...effect].sort((a, b) => a - b);
    const quantiles = quantilesOf("normal");
    return linspace(-PROFILE_LIMIT, PROFILE_LIMIT, QUANTILES).map((x) => interpolate(x, quantiles, sorted));
  }

  /** Expectation of a profile over the normal distribution, by Simpson's rule. */
  function profileMean(values) {
    if (!values.length) return 0;
    const x = linspace(-PROFILE_LIMIT, PROFILE_LIMIT, 16 * (values.length - 1) + 1);
    const grid = linspace(-PROFILE_LIMIT, PROFILE_LIMIT, values.length);
    const weights = x.map((at, i) => {
      const simpson = i === 0 || i === x.length - 1 ? 1 : i % 2 ? 4 : 2;
      return simpson * Math.exp(-(at ** 2) / 2);
    });
    return sum(x.map((at, i) => weights[i] * interpolate(at, grid, values))) / sum(weights);
  }

  /** Return which shift has the largest energy; of equal ones, the one nearest to 0. */
  function nearestLargest(shifts, energies, tolerance) {
    const least = largest(energies) - tolerance;
    return energies.reduce((best, energy, i) => {
      if (energy < least) return best;
      return best < 0 || Math.abs(shifts[i]) < Math.abs(shifts[best]) ? i : best;
    }, -1);
  }

  function clockEffect(cells, startNs, stopNs, around, edges, energy, [scale, base]) {
    const insideW = Math.max(around[0].inside[0], around[1].inside[0]);
    if (!scale || insideW <= 0) return [];
    const shifts = quantilesOf(base).map((q) => scale * q);
    if (!around[0].outside.length || !around[1].outside.length) return profile(shifts.map((s) => insideW * s));
    // 1. The cumulative energy at every shift of both ends.
    const searched = linspace(-1, 1, SEARCH_POINTS).map((x) => scale * SEARCH[base] * x);
    const all = [...shifts, ...searched];
    const gained = energyTo(cells, stopNs, all, around[1], true);
    const lost = energyTo(cells, startNs, all, around[0], false);
    const change = gained.map((value, i) => value - lost[i]);
    let effect = change.slice(0, QUANTILES);
    const found = change.slice(QUANTILES);
    const seconds = (stopNs - startNs) / NS;
    if (largest(effect.map(Math.abs)) < MIN_EFFECT * insideW * seconds) return [];
    // 2. Load that falls off on both sides of one shift is aligned with the window there.
    const best = nearestLargest(searched, found, PLATEAU * insideW * seconds);
    const drop = MIN_DROP * insideW * scale;
    if (Math.min(found[best] - found[0], found[best] - found[found.length - 1]) > drop) {
      // what an edge counts of load for a moment outside is not there if the load fills the window
      const surplus = edges.map((edge) => Math.max(0, edge.energy - (edge.filled ?? edge.energy)));
      let aligned = found[best] - (surplus[0] + surplus[1]);
      const intervalS = cells.intervalNs / NS;
      const reach = searched[searched.length - 1];
      if (reach > MIN_REACH * intervalS) {
        const shifted = filledEnergy(cells, startNs, stopNs, searched[best]) - energy;
        const conserved = alignedEnergy(cells, startNs, stopNs, reach) - energy;
        aligned = Math.max(aligned, shifted, Math.min(conserved, shifted + insideW * intervalS / 2));
      }
      const count = round(QUANTILES * (1 - ALIGNED));
      const some = Array.from({ length: count }, (_, i) => Math.min(quantile(effect, (i + 0.5) / count), aligned));
      effect = [...some, ...new Array(QUANTILES - count).fill(aligned)];
    }
    return profile(effect);
  }

  // Channels, runs, results

  /** Drop what a counter repeats between two of its updates; return how old a count may be [s]. */
  function withoutRepeats(channel, t, value) {
    if (channel.kind !== "counter") return { channel, t, value, age: 0 };
    const update = channel.update_interval_s ?? UNKNOWN_UPDATE_S;
    if (t.length < 3) return { channel, t, value, age: update };
    const moved = Array.from(value, (count, i) => i === 0 || count !== value[i - 1]);
    const kept = moved.filter(Boolean).length;
    if (kept > (1 - MIN_REPEATS) * moved.length || kept < 3) return { channel, t, value, age: update };
    return {
      channel: { ...channel, nominal_interval_s: null },
      t: t.filter((_, i) => moved[i]),
      value: value.filter((_, i) => moved[i]),
      age: Cells.expectedInterval(channel, t),
    };
  }

  /** Energy of a channel in a window, and the expectation of what its clock adds; null where it has none. */
  function channelEnergy(stated, windowNs) {
    if (stated.fault !== null || !stated.t_ns.length) return null;
    const origin = stated.t_ns[0];
    let t = Float64Array.from(stated.t_ns, (ns) => Number(ns - origin));
    let { value } = stated;
    if (stated.left_out.length) {
      const left = new Set(stated.left_out);
      t = t.filter((_, i) => !left.has(i));
      value = value.filter((_, i) => !left.has(i));
    }
    let [startNs, stopNs] = windowNs.map((ns) => Number(BigInt(ns) - origin));
    if (!t.length || stopNs <= startNs) return null;
    // 1. Readings that are late by a known lag speak of the window when it has passed by that lag.
    const trace = withoutRepeats(stated, t, value);
    const lag = round((trace.age / 2 + (stated.stamp_lag_s ?? 0)) * NS);
    startNs += lag;
    stopNs += lag;
    // 2. The whole cells inside the window.
    const cells = new Cells(trace.channel, trace.t, trace.value);
    const [first, stop] = cells.inside(startNs, stopNs);
    const covered = Math.min(trace.t[trace.t.length - 1] + lag, stopNs) - Math.max(trace.t[0], startNs);
    if (covered <= 0 || stop <= first) return null;
    // 3. The uncovered part at either end.
    const around = surroundings(cells, first, stop, startNs, stopNs);
    const edges = bothEdges(cells, around, first, stop);
    const energy = cells.energy(first, stop) + (edges[0].energy + edges[1].energy);
    // 4. What the clock adds on average.
    const effect = clockEffect(cells, startNs, stopNs, around, edges, energy, stated.clock);
    return { energy, clock: profileMean(effect), edges };
  }

  /** Energy of a run: its channels, its rated parts, and the nodes that nobody measured; null where it has none. */
  function runEnergy(run) {
    if (run.window_ns === null) return null;
    const seconds = Number(BigInt(run.window_ns[1]) - BigInt(run.window_ns[0])) / NS;
    if (!(seconds > 0)) return null;
    const channels = run.channels.map((channel) => ({ channel, result: channelEnergy(channel, run.window_ns) }));
    const measured = channels.filter(({ result }) => result !== null);
    if (!measured.length || run.channels.some((channel) => channel.fault !== null)) return null;
    const parts = measured.map(({ channel, result }) => result.energy * channel.factor);
    const clocks = measured.map(({ channel, result }) => result.clock * channel.factor);
    const rated = run.rated.map((part) => part.power_w * seconds);
    const nodes = new Map();
    measured.forEach(({ channel }, i) => {
      if (channel.boundary === "node") nodes.set(channel.node, (nodes.get(channel.node) ?? 0) + parts[i]);
    });
    const missing = nodes.size ? Math.min(run.nodes_expected, MAX_NODES) - nodes.size : 0;
    const assumed = missing > 0 ? missing * sum(nodes.values()) / nodes.size : 0;
    // what else the budget expects is stated by the evidence, and the page says so
    const stated = run.corrections.filter((item) => !item.is_bound).map((item) => item.energy_j);
    const energy = sum([...parts, ...clocks, ...rated, assumed, ...stated]);
    // a rated part is bounded by its power, and on average half way down to its idle share
    const below = run.rated.map((part, i) => -rated[i] * (1 - part.idle_share) / 2);
    // a stated efficiency is the peak: supplies at part load lie below it, on average half way
    const partLoad = measured.map(({ channel }, i) => -parts[i] * channel.below / 2);
    const bounds = run.corrections.filter((item) => item.is_bound).map((item) => item.energy_j);
    return { energy, expected: sum([energy, ...below, ...partLoad, ...bounds]), channels: channels.map(({ result }) => result) };
  }

  /** Recompute a result from its readings: the energy of each run, their mean, and the energy per unit. */
  function recompute(header) {
    const runs = header.runs.map(runEnergy);
    const counted = header.runs.map((run, i) => [run, runs[i]]).filter(([run, result]) => run.counts && result);
    if (!counted.length) return { runs, energy: null, perUnit: null };
    const energy = mean(counted.map(([, result]) => result.expected));
    let perUnit = null;
    if (header.per_unit !== null) {
      const ratios = counted.map(([run, result]) => result.expected / run.work);
      const oneEach = counted.every(([run]) => run.work === 1);
      if (header.per_unit_unit === "J/run" && ratios.length > 1 && oneEach) perUnit = energy;
      else if (smallest(ratios) <= 0) perUnit = mean(ratios);
      else perUnit = Math.exp(mean(ratios.map(Math.log)));
    }
    return { runs, energy, perUnit };
  }

  return { recompute, runEnergy, normalQuantile, Cells, withoutRepeats };
})();
