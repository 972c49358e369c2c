// Readings as a Parquet file: the columns of the CSV, one row group a channel, pages compressed by gzip.
// Run, channel and kind are dictionaries of one text; times and values are the bytes of the evidence.
"use strict";
joulemark.parquet = (() => {
  const [I32, I64, BINARY, LIST, STRUCT, TRUE] = [5, 6, 8, 9, 12, 1]; // types of Thrift's compact protocol
  const [INT64, DOUBLE, BYTE_ARRAY] = [2, 5, 6];
  const [PLAIN, RLE, RLE_DICTIONARY] = [0, 3, 8];
  const [DATA_PAGE, DICTIONARY_PAGE] = [0, 2];
  const GZIP = 2;
  const REQUIRED = 0;
  const UTF8 = 0;
  const MAGIC = joulemark.utf8.encode("PAR1");
  const { joined, utf8 } = joulemark;

  // Thrift: a structure is a list of [field, type, value]

  function varint(number) {
    const bytes = [];
    let left = BigInt(number);
    while (left > 127n) { bytes.push(Number(left & 127n) | 128); left >>= 7n; }
    return [...bytes, Number(left)];
  }

  function encoded(type, value) {
    switch (type) {
      case I32: case I64: return varint(2n * BigInt(value)); // zigzag; no number here is negative
      case BINARY: { const bytes = utf8.encode(value); return [...varint(bytes.length), ...bytes]; }
      case LIST: {
        const [of, items] = value;
        const head = items.length < 15 ? [items.length << 4 | of] : [0xf0 | of, ...varint(items.length)];
        return [...head, ...items.flatMap((item) => encoded(of, item))];
      }
      case STRUCT: return structure(value);
      default: return []; // a truth is in its type
    }
  }

  function structure(fields) {
    let last = 0;
    const bytes = fields.flatMap(([field, type, value]) => {
      const head = (field - last) << 4 | type;
      last = field;
      return [head, ...encoded(type, value)];
    });
    return [...bytes, 0];
  }

  // Schema

  const STRING_TYPE = [[1, STRUCT, []]];
  const TIME_TYPE = [[8, STRUCT, [[1, TRUE], [2, STRUCT, [[3, STRUCT, []]]]]]]; // UTC, nanoseconds
  const COLUMNS = [
    { name: "run", type: BYTE_ARRAY }, { name: "channel", type: BYTE_ARRAY }, { name: "kind", type: BYTE_ARRAY },
    { name: "t_ns", type: INT64 }, { name: "value", type: DOUBLE },
  ];

  function schema() {
    const root = [[4, BINARY, "readings"], [5, I32, COLUMNS.length]];
    return [root, ...COLUMNS.map(({ name, type }) => {
      const head = [[1, I32, type], [3, I32, REQUIRED], [4, BINARY, name]];
      if (type === BYTE_ARRAY) return [...head, [6, I32, UTF8], [10, STRUCT, STRING_TYPE]];
      return type === INT64 ? [...head, [10, STRUCT, TIME_TYPE]] : head;
    })];
  }

  // Pages

  async function compressed(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Return a page with its header, and its length before compression. */
  async function page(type, count, encoding, content) {
    const body = await compressed(content);
    const details = type === DATA_PAGE
      ? [5, STRUCT, [[1, I32, count], [2, I32, encoding], [3, I32, RLE], [4, I32, RLE]]]
      : [7, STRUCT, [[1, I32, count], [2, I32, encoding]]];
    const header = structure([[1, I32, type], [2, I32, content.length], [3, I32, body.length], details]);
    return { bytes: joined(header, body), uncompressed: header.length + content.length };
  }

  /** Return the pages of a column that has one text in all rows. */
  async function constantPages(text, count) {
    const content = utf8.encode(text);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, content.length, true);
    const indices = Uint8Array.from([1, ...varint(2 * count), 0]); // one bit wide, a run of zeros
    return [
      await page(DICTIONARY_PAGE, 1, PLAIN, joined(length, content)),
      await page(DATA_PAGE, count, RLE_DICTIONARY, indices),
    ];
  }

  /** Return a file of the readings in an evidence header. */
  async function file(header) {
    const parts = [MAGIC];
    let at = MAGIC.length;
    const groups = [];
    let rows = 0;
    const filled = header.runs.flatMap((run) => run.channels.filter(({ readings }) => readings).map((channel) => [run, channel]));
    for (const [run, channel] of filled) {
      const count = channel.readings;
      const chunks = [];
      let size = 0;
      for (const { name, type } of COLUMNS) {
        const texts = { run: run.id, channel: channel.id, kind: channel.kind };
        const raw = name === "t_ns" ? channel.columns.subarray(0, 8 * count) : channel.columns.subarray(8 * count);
        const isText = type === BYTE_ARRAY;
        const pages = isText ? await constantPages(texts[name], count) : [await page(DATA_PAGE, count, PLAIN, raw)];
        const sum = (of) => pages.reduce((total, item) => total + of(item), 0);
        const [stored, whole] = [sum((item) => item.bytes.length), sum((item) => item.uncompressed)];
        const dataAt = at + stored - pages.at(-1).bytes.length;
        const encodings = isText ? [PLAIN, RLE, RLE_DICTIONARY] : [PLAIN, RLE];
        const facts = [
          [1, I32, type], [2, LIST, [I32, encodings]], [3, LIST, [BINARY, [name]]], [4, I32, GZIP], [5, I64, count],
          [6, I64, whole], [7, I64, stored], [9, I64, dataAt], ...(isText ? [[11, I64, at]] : []),
        ];
        chunks.push([[2, I64, at], [3, STRUCT, facts]]);
        parts.push(...pages.map((item) => item.bytes));
        at += stored;
        size += whole;
      }
      groups.push([[1, LIST, [STRUCT, chunks]], [2, I64, size], [3, I64, count]]);
      rows += count;
    }
    const hashes = filled.map(([run, channel]) => ({ run: run.id, channel: channel.id, content_sha256: channel.content_sha256 }));
    const origin = [[1, BINARY, "joulemark"], [2, BINARY, JSON.stringify({ entry: header.id, channels: hashes })]];
    const footer = structure([
      [1, I32, 2], [2, LIST, [STRUCT, schema()]], [3, I64, rows], [4, LIST, [STRUCT, groups]],
      [5, LIST, [STRUCT, [origin]]], [6, BINARY, "joulemark board"],
    ]);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, footer.length, true);
    return new Blob([...parts, Uint8Array.from(footer), length, MAGIC], { type: "application/vnd.apache.parquet" });
  }

  return { file };
})();
