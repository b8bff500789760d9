// Weights must not pile up in the worker's wasm memory.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { exposeHeap, heapBytes } from './harness/engine.mjs';
import { IS_FIREFOX } from './harness/which.mjs';

const scenario = suite();
const skip = IS_FIREFOX && 'Firefox lets no driver look into a worker';
const LIMIT = 128 * 2 ** 20;

scenario('the worker stays below 128 MiB of wasm memory while it makes pictures', { skip }, async ({ app, page }) => {
  await exposeHeap(page);
  await app.open();
  const loaded = await heapBytes(page);
  assert.ok(loaded > 2 ** 20, `the test sees the memory of the engine, not ${loaded} bytes`);
  await app.generate({ prompt: 'a red apple', steps: 4, seed: 7 });
  const used = await heapBytes(page);
  assert.ok(used <= LIMIT, `${(used / 2 ** 20).toFixed(1)} MiB`);
});
