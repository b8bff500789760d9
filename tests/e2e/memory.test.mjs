// Weights must not pile up in the worker's wasm memory.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { exposeHeap, heapBytes } from './harness/engine.mjs';

const scenario = suite();
const LIMIT = 128 * 2 ** 20;

scenario('the worker stays below 128 MiB of wasm memory while it makes pictures', {}, async ({ app, page }) => {
  await exposeHeap(page);
  await app.open();
  const loaded = await heapBytes(page);
  assert.ok(loaded > 2 ** 20, `the test sees the memory of the engine, not ${loaded} bytes`);
  await app.generate({ prompt: 'a red apple', steps: 4, seed: 7 });
  const used = await heapBytes(page);
  assert.ok(used <= LIMIT, `${(used / 2 ** 20).toFixed(1)} MiB`);
});
