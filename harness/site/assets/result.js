// The page of a result: recompute and verify, explore the traces, download them as CSV.
"use strict";
(() => {
  const { make } = joulemark;
  const proof = document.getElementById("proof");
  const name = proof.dataset.evidence;
  const button = document.getElementById("recompute");
  const output = document.getElementById("proof-result");
  const figure = document.getElementById("trace");
  const explorer = document.getElementById("explore");
  const TOLERANCE = 1e-12;

  const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const short = (digest) => `${digest.slice(0, 12)}…`;
  const agree = (a, b) => (a === null || b === null ? a === b : Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b)));

  class Steps {
    constructor() { this.items = []; }
    add(state, text) { this.items.push({ state, text }); }
    check(holds, good, bad) { this.add(holds ? "good" : "bad", holds ? good : bad); return holds; }
    get faults() { return this.items.filter((item) => item.state === "bad").length; }
    list() { return make("ul", { class: "steps" }, ...this.items.map((item) => make("li", { class: item.state }, item.text))); }
  }

  async function checkTree(steps, loaded) {
    const tree = await joulemark.tree();
    const root = joulemark.treeRoot(tree.files);
    steps.check(root === tree.root, `The tree of ${Object.keys(tree.files).length.toLocaleString("en")} files has the root ${short(root)}`,
      `The tree has the root ${short(root)}, and states ${short(tree.root)}`);
    steps.check(tree.files[loaded.path] === loaded.digest, `The evidence file is the one in the tree (${short(loaded.digest)})`,
      `The evidence file has the hash ${short(loaded.digest)}, the tree lists ${short(tree.files[loaded.path] ?? "none")}`);
    const page = `results/${name}.html`;
    if (location.protocol.startsWith("http")) {
      const bytes = new Uint8Array(await (await fetch(location.pathname)).arrayBuffer());
      const digest = joulemark.hex(joulemark.sha256(bytes));
      steps.check(digest === tree.files[page], `This page is the one in the tree (${short(digest)})`, "This page is not the one in the tree");
    } else {
      steps.add("open", "A page from a disk cannot read itself: Verify checks all files of the folder, this one too");
    }
  }

  function checkReadings(steps, header) {
    const channels = header.runs.flatMap((run) => run.channels);
    const wrong = channels.filter((channel) => joulemark.hex(joulemark.sha256(channel.columns)) !== channel.content_sha256);
    const readings = channels.reduce((total, channel) => total + channel.readings, 0);
    steps.check(!wrong.length, `The hashes of ${count(readings, "reading")} of ${count(channels.length, "channel")} are those that were recorded`,
      `${wrong.length} of ${count(channels.length, "channel")} have other readings than were recorded: ${wrong.map((item) => item.id).join(", ")}`);
  }

  async function checkSigned(steps, header) {
    if (!header.signed) {
      steps.add("open", "The result is not packed: there is no manifest to compare with");
      return;
    }
    const signed = await joulemark.signed(header.signed);
    let manifest;
    try { manifest = JSON.parse(signed.manifest); } catch { steps.add("bad", "The manifest cannot be read"); return; }
    const listed = new Map(manifest.files.map((file) => [file.path, file.sha256]));
    const bound = header.runs.filter((run) => {
      if (!run.record) return false;
      if (joulemark.hex(joulemark.sha256(joulemark.utf8.encode(run.record.text))) !== listed.get(run.record.path)) return false;
      const recorded = new Set((JSON.parse(run.record.text).traces ?? []).map((trace) => trace.content_sha256));
      return run.channels.every((channel) => recorded.has(channel.content_sha256));
    });
    steps.check(bound.length === header.runs.length, `The records of ${count(bound.length, "run")} name these readings, and the manifest lists the records`,
      `Of ${count(header.runs.length, "run")} only ${bound.length} are bound to the manifest`);
    await checkSignatures(steps, signed, manifest);
  }

  async function checkSignatures(steps, signed, manifest) {
    if (!signed.envelope) { steps.add("open", "The manifest is not signed"); return; }
    let envelope;
    try { envelope = JSON.parse(signed.envelope); } catch { steps.add("bad", "The envelope of the signatures cannot be read"); return; }
    const payload = joulemark.fromBase64(envelope.payload);
    const own = joulemark.utf8.encode(signed.manifest);
    const isSame = joulemark.hex(joulemark.sha256(payload)) === joulemark.hex(joulemark.sha256(own));
    if (!steps.check(isSame, "The manifest is what was signed, byte for byte", "The manifest is not what was signed")) return;
    const type = joulemark.utf8.encode(envelope.payloadType);
    const head = joulemark.utf8.encode(`DSSEv1 ${type.length} ${envelope.payloadType} ${payload.length} `);
    const message = joulemark.joined(head, payload);
    for (const { keyid, sig } of envelope.signatures) {
      const known = signed.keys[keyid];
      if (!known) {
        steps.add("open", `Signed by key ${short(keyid)}, which this site does not hold: joulemark verify checks it`);
      } else if (known.owner !== manifest.submitter) {
        steps.add("bad", `Signed by key ${short(keyid)} of ${known.owner}, and the submitter is ${manifest.submitter}`);
      } else {
        await checkSignature(steps, keyid, known, sig, message);
      }
    }
  }

  async function checkSignature(steps, keyid, known, sig, message) {
    try {
      const key = await crypto.subtle.importKey("raw", joulemark.fromBase64(known.key), "Ed25519", false, ["verify"]);
      const holds = await crypto.subtle.verify("Ed25519", key, joulemark.fromBase64(sig), message);
      steps.check(holds, `The signature of ${known.owner} (key ${short(keyid)}) holds`, `The signature by key ${short(keyid)} does not hold`);
    } catch {
      steps.add("open", `This browser cannot check signatures by Ed25519: joulemark verify checks that of key ${short(keyid)}`);
    }
  }

  function checkEnergy(steps, header) {
    const started = performance.now();
    const again = joulemark.energy.recompute(header);
    const ms = performance.now() - started;
    const stated = { energy: Number(proof.dataset.energy || NaN), perUnit: Number(proof.dataset.perUnit || NaN) };
    const shown = (value) => (Number.isNaN(value) ? null : value);
    const runsAgree = header.runs.every((run, i) => agree(run.energy_j, again.runs[i]?.energy ?? null));
    steps.check(runsAgree, `The energy of ${count(header.runs.length, "run")} is the same to twelve digits (${ms.toFixed(0)} ms)`, "The energy of a run is another one");
    const statedTerms = new Set(header.runs.flatMap((run) => run.corrections.map((item) => item.name)));
    for (const term of statedTerms) steps.add("open", `What "${term}" adds is stated by the budget, and not computed again`);
    if (again.energy === null && header.energy_j === null && shown(stated.energy) === null) {
      steps.add("good", "No energy follows from the readings, as this page says");
      return again;
    }
    steps.check(agree(again.energy, header.energy_j) && agree(again.energy, shown(stated.energy)),
      `Energy of a run: ${digits(again.energy)} J, as this page says`, `Energy of a run: ${digits(again.energy)} J; this page says ${digits(shown(stated.energy))} J`);
    steps.check(agree(again.perUnit, header.per_unit) && agree(again.perUnit, shown(stated.perUnit)),
      `Energy per unit: ${digits(again.perUnit)} ${header.per_unit_unit}, as this page says`, `Energy per unit: ${digits(again.perUnit)} ${header.per_unit_unit}; this page says ${digits(shown(stated.perUnit))}`);
    return again;
  }

  const digits = (value) => (value === null ? "none" : value.toPrecision(12));

  function runTable(header, again) {
    const cell = (text, css) => make("td", css ? { class: css } : {}, text);
    const rows = header.runs.slice(0, 60).map((run, i) => make("tr", {},
      cell(run.id), cell(digits(run.energy_j), "n"), cell(digits(again.runs[i]?.energy ?? null), "n")));
    const head = ["Run", "This site [J]", "This browser [J]"].map((text) => make("th", { scope: "col" }, text));
    return make("details", {}, make("summary", {}, "Energy of each run"),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Energy of each run" },
        make("table", { class: "data" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))));
  }

  async function prove() {
    button.disabled = true;
    output.replaceChildren(make("p", {}, "Computing…"));
    const steps = new Steps();
    let again = null;
    let header = null;
    try {
      const loaded = await joulemark.evidence(name);
      await checkTree(steps, loaded);
      if (loaded.fault) throw loaded.fault;
      header = loaded.header;
      checkReadings(steps, header);
      await checkSigned(steps, header);
      again = checkEnergy(steps, header);
    } catch (error) {
      steps.add("bad", `Cannot be checked: ${error.message}`);
    }
    const verdict = steps.faults ? `${count(steps.faults, "check")} failed.` : "All checks hold.";
    output.replaceChildren(
      make("p", { class: `verdict ${steps.faults ? "invalid" : "valid"}` }, verdict),
      steps.list(), ...(again ? [runTable(header, again)] : []));
    output.dataset.faults = steps.faults;
    button.disabled = false;
  }

  let explored = null;

  /** Show all runs and channels in place of the picture; return what shows a finding in them. */
  async function explore() {
    const { header, fault } = await joulemark.evidence(name);
    if (fault) throw fault;
    const caption = figure.querySelector("figcaption");
    caption.querySelector(".trace-label").hidden = true;
    explored ??= joulemark.traces.show(figure, joulemark.traces.linesOf(header), { chosen: 6, hasFlags: true });
    explorer.hidden = true;
    figure.append(caption);
    figure.querySelector("svg").focus({ preventScroll: true, focusVisible: false });
    return explored;
  }

  async function tryToExplore(number = null) {
    explorer.disabled = true;
    try {
      const explored = await explore();
      if (number !== null) explored.focus(number);
    } catch (error) {
      explorer.after(make("p", { role: "alert" }, `Cannot be shown: ${error.message}`));
    }
  }

  /** Return the readings as CSV: one row a reading. */
  async function csv(header) {
    const quoted = (text) => `"${String(text).replaceAll('"', '""').replace(/^[=+\-@]/, "'$&")}"`;
    const lines = ["run,channel,kind,t_ns,value\n"];
    for (const run of header.runs) {
      for (const channel of run.channels) {
        const start = `${quoted(run.id)},${quoted(channel.id)},${channel.kind}`;
        for (let i = 0; i < channel.readings; i++) lines.push(`${start},${channel.t_ns[i]},${channel.value[i]}\n`);
      }
    }
    return new Blob(lines, { type: "text/csv" });
  }

  async function parquet(header) {
    await joulemark.load("assets/parquet.js");
    return joulemark.parquet.file(header);
  }

  /** Return a button that makes a file of the readings and hands it to the reader. */
  function downloadButton(text, ending, fileOf) {
    const download = async ({ target }) => {
      try {
        const { header, fault } = await joulemark.evidence(name);
        if (fault) throw fault;
        const address = URL.createObjectURL(await fileOf(header));
        make("a", { href: address, download: `${name}.${ending}` }).click();
        setTimeout(() => URL.revokeObjectURL(address), 10000);
      } catch (error) {
        target.after(make("span", { role: "alert" }, ` Cannot be made: ${error.message} `));
      }
    };
    return make("button", { type: "button", class: "quiet", onclick: download }, text);
  }

  button.addEventListener("click", prove);
  if (explorer) {
    explorer.addEventListener("click", () => tryToExplore());
    for (const link of document.querySelectorAll("a.in-trace")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        figure.scrollIntoView({ block: "center" });
        tryToExplore(Number(link.dataset.number));
      });
    }
    const asked = /^#mark-(\d+)$/.exec(location.hash); // another page leads to the place of a finding
    if (asked) {
      figure.scrollIntoView({ block: "center" });
      tryToExplore(Number(asked[1]));
    }
  }
  document.getElementById("trace-downloads")?.prepend(
    downloadButton("Readings as CSV", "csv", csv), " ", downloadButton("Readings as Parquet", "parquet", parquet), " ");
})();
