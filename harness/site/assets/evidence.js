// Evidence files, hashes and the tree of hashes. SHA-256 is our own: not every browser offers one on pages from a disk.
"use strict";
Object.assign(joulemark, (() => {
  const K = new Uint32Array(64);
  const H0 = new Uint32Array(8);
  (() => {
    // FIPS 180-4: fractional parts of cube and square roots of the first primes
    const fraction = (x) => Number(x & 0xffffffffn);
    const root = (n, degree) => { // floor(n^(1/degree)) for large n, by bisection
      let low = 0n;
      let high = 1n << 40n;
      while (high - low > 1n) {
        const middle = (low + high) >> 1n;
        if (middle ** degree <= n) low = middle; else high = middle;
      }
      return low;
    };
    for (let candidate = 2, count = 0; count < 64; candidate++) {
      let isPrime = true;
      for (let d = 2; d * d <= candidate; d++) if (candidate % d === 0) isPrime = false;
      if (!isPrime) continue;
      K[count] = fraction(root(BigInt(candidate) << 96n, 3n));
      if (count < 8) H0[count] = fraction(root(BigInt(candidate) << 64n, 2n));
      count++;
    }
  })();

  /** Return the SHA-256 of some bytes, as 32 bytes. */
  function sha256(bytes) {
    const h = H0.slice();
    const w = new Uint32Array(64);
    const blocks = (bytes.length + 9 + 63) >> 6;
    const tail = new Uint8Array(128);
    const whole = bytes.length >> 6;
    tail.set(bytes.subarray(whole << 6));
    tail[bytes.length & 63] = 0x80;
    const tailView = new DataView(tail.buffer);
    const last = (blocks - whole) * 64;
    tailView.setUint32(last - 8, Math.floor(bytes.length / 0x20000000));
    tailView.setUint32(last - 4, (bytes.length << 3) >>> 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let block = 0; block < blocks; block++) {
      const source = block < whole ? view : tailView;
      const at = block < whole ? block << 6 : (block - whole) << 6;
      for (let i = 0; i < 16; i++) w[i] = source.getUint32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const a = w[i - 15];
        const b = w[i - 2];
        const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
        const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, k] = h;
      for (let i = 0; i < 64; i++) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (k + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        k = g; g = f; f = e; e = (d + t1) | 0;
        d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += k;
    }
    const out = new Uint8Array(32);
    const outView = new DataView(out.buffer);
    h.forEach((word, i) => outView.setUint32(4 * i, word));
    return out;
  }

  const utf8 = new TextEncoder();
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

  function joined(...parts) {
    const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) { out.set(part, at); at += part.length; }
    return out;
  }

  /** Return the root of the tree over files: an object of paths and hexadecimal hashes. */
  function treeRoot(files) {
    const names = Object.keys(files).map((name) => utf8.encode(name));
    const order = names.map((name, i) => [name, i]).sort(([a], [b]) => compareBytes(a, b));
    const keys = Object.keys(files);
    const leaves = order.map(([name, i]) => sha256(joined([0], name, [0], fromHex(files[keys[i]]))));
    const node = (first, stop) => {
      if (stop - first === 1) return leaves[first];
      let split = 1;
      while (2 * split < stop - first) split *= 2;
      return sha256(joined([1], node(first, first + split), node(first + split, stop)));
    };
    return hex(leaves.length ? node(0, leaves.length) : sha256(new Uint8Array()));
  }

  function compareBytes(a, b) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
    return a.length - b.length;
  }

  function fromBase64(text) {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  async function inflated(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Decode an evidence file: its header, with the columns of each channel as typed arrays. */
  async function decode(text) {
    const bytes = await inflated(fromBase64(text));
    const view = new DataView(bytes.buffer);
    const length = view.getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    let at = 4 + length;
    for (const run of header.runs) {
      for (const channel of run.channels) {
        const size = 8 * channel.readings;
        channel.columns = bytes.subarray(at, at + 2 * size);
        channel.t_ns = new BigInt64Array(bytes.buffer.slice(at, at + size));
        channel.value = new Float64Array(bytes.buffer.slice(at + size, at + 2 * size));
        at += 2 * size;
      }
    }
    if (at !== bytes.length) throw new Error("the evidence file has another length than its header says");
    return header;
  }

  let received = null;
  const loaded = new Map();

  /** Load the evidence of an entry by its name; also return the hash of the file. */
  async function evidence(name) {
    if (!loaded.has(name)) {
      if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`no result is named ${name}`);
      const path = `evidence/${name}.js`;
      received = null;
      await joulemark.load(path);
      const text = received;
      if (text === null) throw new Error(`${path} is not an evidence file`);
      const content = utf8.encode(`joulemark.receiveEvidence("${text}");\n`);
      let header = null;
      let fault = null;
      try { header = await decode(text); } catch (error) { fault = error; }
      loaded.set(name, { path, digest: hex(sha256(content)), header, fault });
    }
    return loaded.get(name);
  }

  let tree = null;
  let signed = null;
  const signedFiles = new Map();

  /** Load manifest and signatures of a submission by the name of their file. */
  async function signedFile(name) {
    if (!signedFiles.has(name)) {
      if (!/^[a-z0-9-]+$/.test(name)) throw new Error("the evidence names no file of signatures");
      await joulemark.load(`evidence/${name}.js`);
      signedFiles.set(name, signed);
    }
    return signedFiles.get(name);
  }

  return {
    sha256, hex, fromHex, fromBase64, joined, treeRoot, evidence, decode, utf8,
    receiveEvidence: (text) => { received = text; },
    receiveTree: (stated) => { tree = stated; },
    receiveSigned: (stated) => { signed = stated; },
    async tree() { await joulemark.load("tree.js"); return tree; },
    signed: signedFile,
  };
})());
