// Check every file of the site against the tree: over HTTP by itself, from a disk by the folder that the reader chooses.
"use strict";
(async () => {
  const { make } = joulemark;
  const report = document.getElementById("report");
  const overHttp = location.protocol.startsWith("http");
  const ALONE = ["tree.js", "SHA256SUMS"]; // they state the tree, and are not in it
  let tree;
  try {
    tree = await joulemark.tree();
  } catch (error) {
    report.replaceChildren(make("p", { class: "verdict invalid" }, error.message));
    return;
  }
  document.getElementById("root").textContent = tree.root;

  function show(faults, count, label) {
    const good = !faults.length;
    report.replaceChildren(
      make("p", { class: `verdict ${good ? "valid" : "invalid"}` },
        good ? `All ${count.toLocaleString("en")} files are those of the tree.` : `${faults.length} of ${count.toLocaleString("en")} files differ${faults.length === 1 ? "s" : ""} ${label}.`),
      make("ul", { class: "steps" }, ...faults.slice(0, 200).map((text) => make("li", { class: "bad" }, text))));
    report.dataset.faults = faults.length;
  }

  function rootFaults() {
    const root = joulemark.treeRoot(tree.files);
    return root === tree.root ? [] : [`tree.js: its files have the root ${root}`];
  }

  async function checkOver(read, names, extra) {
    const faults = [...rootFaults(), ...extra];
    let done = 0;
    for (const name of names) {
      try {
        const bytes = await read(name);
        if (bytes === null) faults.push(`${name}: is missing`);
        else if (joulemark.hex(joulemark.sha256(bytes)) !== tree.files[name]) faults.push(`${name}: has other bytes`);
      } catch (error) {
        faults.push(`${name}: ${error.message}`);
      }
      if (++done % 50 === 0) {
        report.replaceChildren(make("p", {}, `${done.toLocaleString("en")} of ${names.length.toLocaleString("en")} files…`));
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    show(faults, names.length, "from the tree");
  }

  async function fetched(name) {
    const response = await fetch(name, { cache: "no-store" });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  }

  if (overHttp) {
    const button = document.getElementById("check");
    button.hidden = false;
    button.addEventListener("click", () => checkOver(fetched, Object.keys(tree.files), []));
    return;
  }
  const label = document.getElementById("pick");
  label.hidden = false;
  label.querySelector("input").addEventListener("change", async (event) => {
    const files = new Map();
    for (const file of event.target.files) files.set(file.webkitRelativePath.split("/").slice(1).join("/") || file.name, file);
    const extra = [...files.keys()]
      .filter((name) => !(name in tree.files) && !ALONE.includes(name))
      .map((name) => `${name}: is not in the tree`);
    const read = async (name) => (files.has(name) ? new Uint8Array(await files.get(name).arrayBuffer()) : null);
    await checkOver(read, Object.keys(tree.files), extra);
  });
})();
