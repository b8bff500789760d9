// Measures the engine in a real browser, from what its worker reports; prints JSON for `cargo xtask bench`:
//   node tests/e2e/bench.mjs [cpu|webgpu …]
// The WebGPU figures are those of the software adapter: they tell one build from another, not what a GPU does.

import { exposeHeap, heapBytes, messages, recordMessages } from './harness/engine.mjs';
import { launch } from './harness/browser.mjs';
import { recordFrames } from './harness/frames.mjs';
import { StepscopePage } from './harness/page.mjs';
import { startServer } from './harness/server.mjs';

const PROMPT = 'a red apple';
/** Steps that are measured; a software adapter takes seconds for each. */
const STEPS = { cpu: 12, webgpu: 4 };

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function measure(browser, base, engine) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.addInitScript(recordFrames);
  await page.addInitScript(recordMessages);
  await exposeHeap(page);
  const app = new StepscopePage(page, base);
  await app.open({ engine });
  const [loaded] = await messages(page, 'model');
  const [chosen] = await messages(page, 'engine');
  // The first run compiles and warms up; the second one counts.
  await app.generate({ prompt: PROMPT, steps: 1, seed: 7, guidance: 4 }, 600_000);
  const warm = (await messages(page, 'step')).length;
  await app.generate({ prompt: PROMPT, steps: STEPS[engine], seed: 7, guidance: 4 }, 600_000);
  const steps = (await messages(page, 'step')).slice(warm).map(({ message }) => message.report);
  const done = (await messages(page, 'done')).at(-1).message;
  const result = {
    engine,
    device: chosen.message.device,
    load_ms: loaded.at,
    step_ms: median(steps.map((report) => report.ms)),
    preview_ms: median(steps.map((report) => report.preview_ms)),
    text_ms: done.ms[0],
    vae_ms: done.ms[2],
    heap_bytes: await heapBytes(page),
  };
  await context.close();
  return result;
}

const engines = process.argv.length > 2 ? process.argv.slice(2) : ['cpu', 'webgpu'];
const server = await startServer();
const browser = await launch({ webgpu: 'software' });
try {
  const results = [];
  for (const engine of engines) results.push(await measure(browser, server.url, engine));
  console.log(JSON.stringify({ browser: `Chromium ${browser.version()}`, steps: STEPS, results }));
} finally {
  await browser.close();
  await server.stop();
}
