// Comparison of two results by joint draws: what harness.ranking.comparison does, with random numbers of our own.
"use strict";
joulemark.compare = (() => {
  const DRAWS = 200000;
  const SEED = 20210410;
  const PROFILE_LIMIT = 4;
  const ALL = new Set(); // every key is shared, as those of grids are

  // Random numbers: a key gives the same draws wherever it stands, which is how shared errors cancel

  /** Return a generator of 32 random bits (sfc32), seeded by the SHA-256 of a key. */
  function generator(key) {
    const view = new DataView(joulemark.sha256(joulemark.utf8.encode(`${SEED}|${key}`)).buffer);
    let [a, b, c, counter] = [view.getUint32(0), view.getUint32(4), view.getUint32(8), 1];
    const next = () => {
      const t = (a + b + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + t | 0;
      return t >>> 0;
    };
    for (let i = 0; i < 16; i++) next();
    return next;
  }

  const cache = new Map();
  function cached(key, make) {
    if (!cache.has(key)) cache.set(key, make());
    return cache.get(key);
  }

  const open = (bits) => (bits + 0.5) / 4294967296; // uniform on (0, 1)

  function uniform(key) {
    return cached(`uniform|${key}`, () => {
      const next = generator(`uniform|${key}`);
      return Float64Array.from({ length: DRAWS }, () => 2 * open(next()) - 1);
    });
  }

  function fillNormal(next, out) {
    for (let i = 0; i < out.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(open(next())));
      const angle = 2 * Math.PI * open(next());
      out[i] = radius * Math.cos(angle);
      out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  const normal = (key) => cached(`normal|${key}`, () => fillNormal(generator(`normal|${key}`), new Float64Array(DRAWS)));

  /** Student's t (Bailey 1994); normal for infinite degrees of freedom. */
  function student(key, dof) {
    if (dof === null) return normal(key);
    const next = generator(`t|${key}`);
    return Float64Array.from({ length: DRAWS }, () => {
      const u = open(next());
      const v = open(next());
      return Math.sqrt(dof * Math.expm1(-2 / dof * Math.log(u))) * Math.cos(2 * Math.PI * v);
    });
  }

  function mixture({ scales, weights }, key) {
    const draws = normal(`mixture|${key}`).slice();
    const next = generator(`choice|${key}`);
    for (let i = 0; i < DRAWS; i++) {
      let left = open(next());
      let j = 0;
      while (j < weights.length - 1 && left >= weights[j]) left -= weights[j++];
      draws[i] *= scales[j];
    }
    return draws;
  }

  // Draws of a budget

  function addProfile(total, profile, x, limit) {
    const step = (profile.length - 1) / (2 * limit);
    for (let i = 0; i < DRAWS; i++) {
      const place = (Math.min(Math.max(x[i], -limit), limit) + limit) * step;
      const j = Math.min(Math.floor(place), profile.length - 2);
      total[i] += profile[j] + (profile[j + 1] - profile[j]) * (place - j);
    }
  }

  /** Values that could be true, without the scatter between runs. shared: calibrations that both sides have, or ALL keys. */
  function fixedDraws(budget, shared) {
    const total = new Float64Array(DRAWS);
    for (const [calibration, energy, gain, offset, efficiency] of budget.metered) {
      const key = shared.has(calibration) ? calibration : `${calibration}|${budget.id}`;
      const g = gain ? uniform(`gain|${key}`) : null;
      const o = offset ? uniform(`offset|${key}`) : null;
      const e = efficiency ? uniform(`efficiency|${key}`) : null;
      const inverse = gain ? (gain < 1e-3 ? 1 + gain ** 2 / 3 : Math.atanh(Math.min(gain, 0.999)) / gain) : 1;
      for (let i = 0; i < DRAWS; i++) {
        const read = energy - (o ? offset * o[i] : 0);
        total[i] += read * (e ? 1 + efficiency * e[i] : 1) / ((g ? 1 + gain * g[i] : 1) * inverse);
      }
    }
    for (const [name, up, down, base, key, dof, profile] of budget.components) {
      const own = shared === ALL && key !== null ? key : `${key ?? name}|${budget.id}`;
      const x = base === "uniform" ? uniform(own) : dof === null ? normal(own) : student(own, dof);
      if (profile.length) {
        addProfile(total, profile, x, base === "normal" ? PROFILE_LIMIT : 1);
      } else {
        for (let i = 0; i < DRAWS; i++) total[i] += x[i] > 0 ? up * x[i] : -down * x[i];
      }
    }
    for (const factor of budget.factors) multiply(total, factor, budget.id);
    return total;
  }

  /** Multiply draws by those of a factor exp(scale X), or floor + (1 - floor) exp(scale X - scale²/2). */
  function multiply(total, [name, scale, key, floor], id) {
    if (!scale) return;
    const x = normal(`factor|${key ?? `${name}|${id}`}`);
    for (let i = 0; i < DRAWS; i++) {
      total[i] *= floor ? floor + (1 - floor) * Math.exp(scale * x[i] - scale ** 2 / 2) : Math.exp(scale * x[i]);
    }
  }

  /** Logarithms of draws; null where an energy is not positive within its uncertainty. */
  function logs(values) {
    const out = new Float64Array(DRAWS);
    for (let i = 0; i < DRAWS; i++) {
      if (!(values[i] > 0)) return null;
      out[i] = Math.log(values[i]);
    }
    return out;
  }

  function scatterDraws(budget) {
    const { scatter } = budget;
    if (!scatter?.scale) return null;
    const key = `runs|${budget.id}`;
    return scatter.mixture ? mixture(scatter.mixture, key) : student(key, scatter.dof);
  }

  // What two entries share

  function sharedCalibrations(a, b) {
    const claims = new Map(a.claims.map((claim) => [claim.calibration, claim]));
    return new Set(b.claims.filter((claim) => {
      const other = claims.get(claim.calibration);
      return other && areOneInstrument(other, claim);
    }).map((claim) => claim.calibration));
  }

  /** One instrument: same site, model and limits, and no overlap in time. */
  function areOneInstrument(a, b) {
    if (JSON.stringify([a.site, a.limits]) !== JSON.stringify([b.site, b.limits])) return false;
    const spans = new Map([...a.spans, ...b.spans].map((span) => [span.join(), span.map(BigInt)]));
    const sorted = [...spans.values()].sort((x, y) => (x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] < y[1] ? -1 : 1));
    return sorted.every((span, i) => i === 0 || sorted[i - 1][1] <= span[0]);
  }

  function evidenceOf(header) {
    return JSON.stringify(header.runs
      .filter((run) => run.window_ns && run.channels.length)
      .map((run) => [...run.window_ns, ...run.channels.map((channel) => channel.content_sha256).sort()]).sort());
  }

  function differences(a, b) {
    const names = { task: "tasks", benchmark: "benchmarks", scenario: "scenarios", unit: "units of work", boundary: "boundaries" };
    const out = Object.entries(names)
      .filter(([name]) => a.table[name] !== b.table[name])
      .map(([name, text]) => `different ${text}: ${a.table[name] || "unknown"} and ${b.table[name] || "unknown"}`);
    if (a.table.simulated !== b.table.simulated) out.push("one is simulated, the other is real");
    if (a.table.modelled !== b.table.modelled) out.push("one is modelled, the other is measured");
    return out;
  }

  const valueOf = (budget) => budget.metered.reduce((total, item) => total + item[1], 0);
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

  function deviation(values) {
    const middle = mean(values);
    return Math.sqrt(values.reduce((total, value) => total + (value - middle) ** 2, 0) / values.length);
  }

  /** Return both ends of the interval of some draws. */
  function ends(draws, level) {
    const sorted = draws.slice().sort();
    const position = Math.trunc((1 - level) / 2 * DRAWS);
    return [sorted[position], sorted[DRAWS - 1 - position]];
  }

  /** Compare A with B per unit of work; lower energy is better. */
  function compare(a, b) {
    if (!a.budget || !b.budget) return { verdict: "not comparable", reasons: ["one has no energy per unit of work"] };
    const reasons = differences(a, b);
    if (reasons.length) return { verdict: "not comparable", reasons };
    const ratio = a.per_unit / b.per_unit;
    if (evidenceOf(a) !== "[]" && evidenceOf(a) === evidenceOf(b)) {
      return { verdict: "tied", ratio, reasons: ["both are results of the same recorded runs"] };
    }
    // the draws of a budget belong to its id, and results of other runs share none
    if (a.budget.id === b.budget.id && a.name !== b.name) b = { ...b, budget: { ...b.budget, id: `${b.budget.id}|${b.name}` } };
    const shared = sharedCalibrations(a, b);
    const errors = (budget) => budget.metered.filter((item) => item[2] || item[3]).map((item) => item[0]);
    const cancelled = [...new Set(errors(a.budget))].filter((key) => shared.has(key) && errors(b.budget).includes(key));
    const fixed = [a.budget, b.budget].map((budget) => logs(fixedDraws(budget, shared)));
    if (fixed.includes(null)) return { verdict: "not resolved", ratio, cancelled, reasons: ["an energy is not positive within its uncertainty"] };
    const change = fixed[0].map((value, i) => value - fixed[1][i]);
    if (!a.budget.scatter || !b.budget.scatter) return unresolved(a, b, change, ratio, cancelled);
    const middle = mean(change);
    for (const [budget, sign] of [[a.budget, 1], [b.budget, -1]]) {
      const x = scatterDraws(budget);
      if (x) for (let i = 0; i < DRAWS; i++) change[i] += sign * budget.scatter.scale * x[i];
    }
    let better = 0;
    for (const value of change) better += value < 0 ? 1 : value === 0 ? 0.5 : 0;
    const [low, high] = ends(change, a.level);
    const value = Math.min(Math.max(middle, low), high);
    return {
      verdict: high < 0 ? "better" : low > 0 ? "worse" : "tied",
      ratio: Math.exp(value), low: Math.exp(low), high: Math.exp(high), better: better / DRAWS, cancelled, reasons: [], change,
    };
  }

  /** Scatter between runs is unknown: say up to which scatter the order holds. */
  function unresolved(a, b, change, ratio, cancelled) {
    const k = joulemark.energy.normalQuantile((1 + a.level) / 2);
    const runs = [a, b].reduce((total, item) => total + 1 / (item.budget.scatter?.n || 1), 0);
    const left = (Math.log(ratio) / k) ** 2 - deviation(change) ** 2;
    const limit = left > 0 ? Math.sqrt(left / runs) : 0;
    const reason = limit > 0
      ? `of a single run, scatter is unknown: the order holds while runs scatter by less than ${(100 * limit).toPrecision(2)} %`
      : "the difference is within the meters' errors";
    return { verdict: "not resolved", ratio, cancelled, reasons: [reason], breakEven: limit };
  }

  /** Return the factors of CO2e of A over B per unit, each with its interval; null without a grid, or without a ratio. */
  function factors(a, b, result) {
    if (!a.co2e || !b.co2e || result.ratio === undefined) return null;
    const other = a.budget.id === b.budget.id ? `|${b.name}` : ""; // as in compare: results of other runs share no draws
    const names = [["mechanization", "PUE"], ["map", "intensity of the grid"]];
    const out = [{ name: "machine", what: "energy per unit of work", ratio: result.ratio, low: result.low, high: result.high }];
    const whole = result.change?.slice(); // undefined where the scatter between runs is not known
    let product = result.ratio;
    for (const [name, what] of names) {
      const [of, over] = [a.co2e[name], { ...b.co2e[name], id: b.co2e[name].id + other }];
      const [drawn, drawnOver] = [of, over].map((budget) => logs(fixedDraws(budget, ALL)));
      if (!drawn || !drawnOver) return null;
      const change = drawn.map((value, i) => value - drawnOver[i]);
      const ratio = valueOf(of) / valueOf(over);
      const [low, high] = ends(change, a.level);
      out.push({ name, what, ratio, low: Math.min(Math.exp(low), ratio), high: Math.max(Math.exp(high), ratio) });
      whole?.forEach((_, i) => { whole[i] += change[i]; });
      product *= ratio;
    }
    const [low, high] = whole ? ends(whole, a.level).map(Math.exp) : [];
    out.push({ name: "the whole", what: "CO₂e per unit of work", ratio: product, low, high });
    return out;
  }

  return { compare, factors };
})();
