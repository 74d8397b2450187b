/** Checks the modules of web/draw that need no page: node draw.mjs <URL of web/draw/>. */

import assert from "node:assert/strict";

const folder = process.argv[2];
const names = ["bitmap", "drawing", "endpoint", "link", "live", "palette", "quantize", "runs"];
const modules = await Promise.all(names.map((name) => import(`${folder}${name}.js`)));
const { Bitmap, Drawing, Pen, Live, readPalette, quantize } = Object.assign({}, ...modules);
const { encodeDrawing, decodeDrawing, makeFragment, packRuns, unpackRuns, readResult } = Object.assign(
  {},
  ...modules,
);
let seed = 1;
/** @param {number} limit @returns {number} the next of a fixed series of whole numbers below it */
const random = (limit) => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >> 8) % limit;
};
const ENTRIES = [
  { color: "#18582a", name: "forest", share: 0.5 },
  { color: "#BEA270", name: " dry\n land " },
  { color: "#7aa842", name: null },
  { color: "#f4d898" },
];
const palette = readPalette(ENTRIES);
const edges = readPalette([{ color: "#ffffff", name: "paper" }, { color: "#000000" }]);
const count = (data, value) => data.filter((other) => other === value).length;

const checks = {
  "a palette has names and lower-case colors"() {
    const shown = palette.swatches.map(({ name, color }) => [name, color]);
    assert.deepEqual(shown[1], ["dry land", "#bea270"]);
    assert.deepEqual(shown[2], ["#7aa842", "#7aa842"]);
    assert.equal(palette.background, 0);
    assert.equal(palette.nearest(25, 90, 40), 0);
  },
  "wrong data is no palette"() {
    const [one] = ENTRIES;
    const bad = [null, {}, "x", [], [1, 2], [one], [one, one], Array(33).fill(one)];
    bad.push([{ color: "red" }, { color: "#12345" }, { color: ["#123456"] }]);
    for (const entries of bad) assert.equal(readPalette(entries), null);
    const name = `<img src=x>\u202e${"y".repeat(99)}`;
    const { swatches } = readPalette([{ color: "#000001", name }, null, ...ENTRIES]);
    assert.equal(swatches[0].name.length, 40);
    assert.equal(swatches.length, 5);
  },
  "black and white are drawn with soft edges that do not add up"() {
    assert(edges.isSmooth && !palette.isSmooth);
    assert(!readPalette([{ color: "#ff0000" }, { color: "#0000ff" }]).isSmooth);
    const bitmap = new Bitmap(64, edges);
    const draw = () => bitmap.drawLine({ x: 10, y: 10 }, { x: 50, y: 37 }, 3, 255);
    draw();
    assert(new Set(bitmap.data).size > 10);
    const once = bitmap.data.slice();
    draw();
    assert.deepEqual(bitmap.data, once);
    bitmap.drawRectangle({ x: 40, y: 45 }, { x: 50, y: 60 }, 255);
    bitmap.fill({ x: 45, y: 50 }, 0);
    assert.equal(bitmap.valueAt({ x: 45, y: 50 }), 0);
  },
  "strokes have flat colors and stay on the sheet"() {
    const bitmap = new Bitmap(64, palette);
    const dot = bitmap.drawLine({ x: 10.5, y: 12.5 }, { x: 10.5, y: 12.5 }, 1, 2);
    assert.deepEqual(dot, { left: 10, top: 12, right: 11, bottom: 13 });
    bitmap.drawLine({ x: -9, y: -9 }, { x: 99, y: 80 }, 1, 3);
    assert.equal(bitmap.drawLine({ x: -50, y: -50 }, { x: -40, y: -50 }, 9, 3), null);
    bitmap.drawLine({ x: 32, y: 32 }, { x: 32, y: 32 }, 20, 1);
    assert(Math.abs(count(bitmap.data, 1) - Math.PI * 10.3 ** 2) < 12);
    const rect = bitmap.drawRectangle({ x: 5.2, y: 6.8 }, { x: 2.9, y: 3.1 }, 2);
    assert.deepEqual(rect, { left: 2, top: 3, right: 6, bottom: 7 });
  },
  "fill stops where another color begins"() {
    for (let round = 0; round < 30; round++) {
      const bitmap = new Bitmap(32, palette);
      bitmap.data.forEach((_, index, data) => {
        data[index] = random(2);
      });
      const expected = bitmap.data.slice();
      const first = expected[0];
      for (const waiting = [0]; waiting.length; ) {
        const index = waiting.pop();
        if (expected[index] !== first) continue;
        expected[index] = 3;
        if (index % 32) waiting.push(index - 1);
        if (index % 32 < 31) waiting.push(index + 1);
        waiting.push(index - 32, index + 32);
      }
      bitmap.fill({ x: 0.5, y: 0.5 }, 3);
      assert.deepEqual(bitmap.data, expected);
      assert.equal(bitmap.fill({ x: 0.5, y: 0.5 }, 3), null);
    }
  },
  "at least 50 steps can be undone and done again"() {
    const settings = { tool: "brush", width: 8, value: 1 };
    const drawing = new Drawing(64, palette, () => {});
    const pen = new Pen(drawing, settings, () => {});
    const tools = ["brush", "pencil", "line", "rectangle", "fill", "eraser"];
    const states = [drawing.bitmap.data.slice()];
    for (let step = 0; step < 90; step++) {
      const point = () => ({ x: random(800) / 10 - 8, y: random(800) / 10 - 8 });
      Object.assign(settings, { tool: tools[step % 6], value: step % 4, width: 1 + (step % 20) });
      pen.begin(point());
      for (let part = 0; part < 5; part++) pen.move(point());
      pen.end();
      const before = states.at(-1);
      if (drawing.bitmap.data.some((value, index) => value !== before[index])) {
        states.push(drawing.bitmap.data.slice());
      }
    }
    assert(states.length > 50);
    for (const state of states.slice(0, -1).reverse()) {
      drawing.undo();
      assert.deepEqual(drawing.bitmap.data, state);
    }
    drawing.undo(); // there is nothing left
    for (const state of states.slice(1)) {
      drawing.redo();
      assert.deepEqual(drawing.bitmap.data, state);
    }
    settings.tool = "line";
    pen.begin({ x: 1, y: 1 });
    pen.move({ x: 60, y: 60 });
    pen.cancel();
    assert.deepEqual(drawing.bitmap.data, states.at(-1));
  },
  "runs hold exactly the values"() {
    for (let round = 0; round < 40; round++) {
      const values = new Uint8Array(4000);
      for (let at = 1; at < 4000; at++) values[at] = random(9) ? values[at - 1] : random(4);
      const packed = packRuns(values);
      assert.deepEqual(unpackRuns(packed, 4000, 4), values);
      assert.equal(unpackRuns(packed, 3999, 4), null);
      assert.equal(unpackRuns(packed.slice(0, -1), 4000, 4), null);
      unpackRuns(Uint8Array.from({ length: random(30) }, () => random(256)), 100, 4);
    }
    assert.equal(unpackRuns(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 0), 100), null);
  },
  async "a link holds a drawing, and any other text is refused in one sentence"() {
    const bitmap = new Bitmap(64, palette);
    bitmap.drawLine({ x: 5, y: 5 }, { x: 60, y: 40 }, 9, 2);
    const text = await encodeDrawing(bitmap);
    assert.deepEqual(await decodeDrawing(text, bitmap), bitmap.data);
    assert.equal(await makeFragment(bitmap), `#draw=${text}`);
    const large = new Blob([new Uint8Array(5e7)]).stream();
    const packed = await new Response(large.pipeThrough(new CompressionStream("deflate-raw")));
    const bomb = Buffer.from(await packed.arrayBuffer()).toString("base64url");
    const [, , colors, content] = text.split(".");
    const bad = ["", "x", `1.64.${colors}.`, `1.64.${colors}.AAAA`, `2.64.${colors}.${content}`];
    bad.push(`1.128.${colors}.${content}`, `1.64.AAAA.${content}`, `1.64.A.${content}`, "%00");
    bad.push(text.slice(0, -5), `${text}!`, `1.64.${colors}.${bomb}`, `1.64.${colors.slice(4)}.`);
    bad.push(`1.64.${colors}.${"A".repeat(2e6)}`, `1.64.${colors.slice(0, 4)}.${content}`);
    for (const wrong of bad) {
      await assert.rejects(decodeDrawing(wrong, bitmap), (error) => {
        return error.name === "UserError" && /^The drawing in the link .*\.$/.test(error.message);
      });
    }
    const noisy = new Bitmap(256, edges);
    noisy.data.forEach((_, index, data) => {
      data[index] = random(256);
    });
    assert.deepEqual(await decodeDrawing(await encodeDrawing(noisy), noisy), noisy.data);
    await assert.rejects(makeFragment(noisy), /too many details/);
  },
  async "a link of a model with the colors in another order has the same picture"() {
    for (const [own, entries] of [
      [palette, ENTRIES.toReversed()],
      [edges, [{ color: "#000000" }, { color: "#ffffff" }]],
    ]) {
      const bitmap = new Bitmap(64, own);
      bitmap.drawLine({ x: 5, y: 5 }, { x: 60, y: 40 }, 9, own.swatches[1].value);
      const other = new Bitmap(64, readPalette(entries));
      other.data.set(await decodeDrawing(await encodeDrawing(bitmap), other));
      assert.deepEqual(other.toPixels(), bitmap.toPixels());
    }
    const fewer = new Bitmap(64, readPalette(ENTRIES.slice(0, 3)));
    await decodeDrawing(await encodeDrawing(fewer), new Bitmap(64, palette));
  },
  "a key that is pressed during a stroke is for the next one"() {
    const settings = { tool: "brush", width: 4, value: 1 };
    const drawing = new Drawing(64, palette, () => {});
    const pen = new Pen(drawing, settings, assert.fail);
    pen.begin({ x: 10, y: 10 });
    Object.assign(settings, { tool: "rectangle", value: 2 });
    pen.move({ x: 50, y: 10 });
    pen.end();
    assert.equal(count(drawing.bitmap.data, 2), 0);
    assert.equal(drawing.bitmap.valueAt({ x: 30, y: 10 }), 1);
    settings.tool = "fill";
    pen.begin({ x: 40, y: 40 });
    assert.equal(count(drawing.bitmap.data, 2), 0, "it waits until the pen is lifted");
    pen.cancel();
    assert.equal(drawing.history.done.length, 1);
    pen.begin({ x: Number.NaN, y: 0 });
    pen.cancel();
  },
  "the result of a Space is the file of the last event"() {
    const file = JSON.stringify([{ path: "/tmp/a.png", url: "http://x" }]);
    const path = readResult(`event: heartbeat\ndata: null\n\nevent: complete\ndata: ${file}\n\n`);
    assert.equal(path, "/tmp/a.png");
    const refused = { message: "The picture is damaged." };
    assert.throws(() => readResult('event: error\ndata: {"error": "The picture is damaged."}'), refused);
    const wrong = ["", "<html>", "event: error\ndata: null", "event: complete\ndata: [{}]"];
    for (const text of [...wrong, 'event: error\ndata: {"error": 3}', "event: complete\ndata: {"]) {
      assert.throws(() => readResult(text), /could not translate the drawing/);
    }
  },
  "a picture becomes a drawing of its middle square"() {
    const bitmap = new Bitmap(64, palette);
    bitmap.drawLine({ x: 5, y: 5 }, { x: 60, y: 40 }, 9, 2);
    const wide = new Uint8Array(100 * 64 * 3);
    const pixels = bitmap.toPixels();
    for (let at = 0; at < 64 * 64; at++) {
      const to = Math.floor(at / 64) * 100 + 18 + (at % 64);
      wide.set(pixels.subarray(at * 4, at * 4 + 3), to * 3);
    }
    assert.deepEqual(quantize({ width: 100, height: 64, data: wide }, 64, palette), bitmap.data);
    const half = quantize({ width: 64, height: 64, data: toRgb(pixels) }, 32, palette);
    assert(new Set(half).size === 2, "no third color along a border");
    const tiny = { width: 3, height: 1, data: new Uint8Array(9) };
    assert.equal(quantize(tiny, 64, palette).length, 64 * 64);
    assert(quantize(tiny, 64, edges).every((value) => value === 255));
  },
  async "the newest state is translated, and never a queue"() {
    let reads = 0;
    let release = () => {};
    const shown = [];
    const live = new Live({
      isLive: true,
      read: () => ++reads,
      translate: (state) =>
        new Promise((resolve) => {
          release = () => resolve(state);
        }),
      onResult: (state) => shown.push(state),
      onError: assert.fail,
      onBusy: () => {},
    });
    const wait = () => new Promise((resolve) => setTimeout(resolve, 1));
    live.change(false);
    await wait();
    for (let change = 0; change < 10; change++) live.change(false);
    release();
    await wait();
    release();
    await live.settle();
    assert.deepEqual(shown, [1, 2]);
    assert.deepEqual(live.counts, { shown: 2, dropped: 9 });
    const once = new Live({ ...live.options, isLive: false });
    once.change(false);
    assert.equal(reads, 2, "it waits until the pen is lifted");
    once.change(true);
    await wait();
    release();
    await once.settle();
    assert.equal(reads, 3);
  },
};

/** @param {Uint8ClampedArray} pixels */
function toRgb(pixels) {
  return Uint8Array.from(pixels.filter((_, index) => index % 4 < 3));
}

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exitCode = 1;
  }
}
