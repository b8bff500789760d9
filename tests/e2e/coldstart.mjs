// A first visit over a slow network: when the page can be used, when the first step of the first picture shows, and what
// was transferred. `cargo xtask coldstart` prints it:
//   node tests/e2e/coldstart.mjs [MBIT_PER_S ROUND_TRIP_MS]
// The link is simulated below HTTP, for page and workers alike: one pipe for all connections, half a round trip each way
// and one more to open a connection. Defaults are WebPageTest's "4G": 9 Mbit/s, 170 ms (Lighthouse's "slow 4G" is 1.6, 150).
// Encryption, slow start and lost packets are not simulated. Machine and browser are as fast as they are.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch } from './harness/browser.mjs';
import { startServer } from './harness/server.mjs';

const [megabits, roundTrip] = [process.argv[2] ?? 9, process.argv[3] ?? 170].map(Number);
const PIECE = 8192;

/** A relay to `port` that behaves like such a link; counts what comes down. */
async function startLink(port) {
  const bytesPerMs = (megabits * 1e6) / 8 / 1000;
  const link = { bytes: 0, freeAt: 0 };
  /** Resolves when this many bytes have come down the pipe that all connections share. */
  const down = (bytes) => {
    link.bytes += bytes;
    const now = performance.now();
    link.freeAt = Math.max(now, link.freeAt) + bytes / bytesPerMs;
    return sleep(link.freeAt - now);
  };
  const server = createServer(async (near) => {
    near.setNoDelay(true).on('error', () => {});
    await sleep(roundTrip);
    const far = connect(port, '127.0.0.1').setNoDelay(true);
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    near.on('data', (chunk) => setTimeout(() => far.writable && far.write(chunk), roundTrip / 2));
    try {
      for await (const chunk of far) {
        for (let at = 0; at < chunk.length; at += PIECE) {
          const piece = chunk.subarray(at, at + PIECE);
          await down(piece.length);
          setTimeout(() => near.writable && near.write(piece), roundTrip / 2);
        }
      }
    } catch {
      // The browser has closed the connection, and this end with it.
    }
    setTimeout(() => near.end(), roundTrip / 2 + 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}`, bytes: () => link.bytes, stop: () => server.close() };
}

/** Runs inside the page, before its own scripts: when what appears. */
function recordTimes() {
  const at = {};
  const note = (name) => {
    at[name] ??= performance.now();
  };
  new MutationObserver(() => {
    const generate = [...document.querySelectorAll('button')].find((button) => button.textContent.trim() === 'Generate');
    if (generate && !generate.disabled) note('interactive');
    if (document.querySelector('canvas[data-painted]:not([data-painted="0"])')) note('first_frame');
    const { state } = document.documentElement.dataset;
    if (state === 'running' || state === 'ready') note('model_ready');
    if (state === 'ready' && at.first_frame) note('picture');
  }).observe(document, { subtree: true, childList: true, attributes: true });
  window.stepscopeTimes = at;
}

const server = await startServer();
const link = await startLink(new URL(server.url).port);
const browser = await launch({ webgpu: 'software' });
try {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.addInitScript(recordTimes);
  await page.goto(`${link.url}/#prompt=red%20heart&steps=20&seed=7`, { waitUntil: 'commit' });
  const has = (name) => page.waitForFunction((wanted) => window.stepscopeTimes[wanted], name, { timeout: 600_000 });
  await has('interactive');
  const before = link.bytes();
  await has('picture');
  const { times, engine, paint, files } = await page.evaluate(() => ({
    times: window.stepscopeTimes,
    engine: document.documentElement.dataset.engine,
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    files: performance.getEntriesByType('resource').map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]),
  }));
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
  console.log(`First visit at ${megabits} Mbit/s with ${roundTrip} ms there and back, Chromium ${browser.version()}, engine ${engine}:`);
  const rows = [
    ['first paint', paint],
    ['page can be used (Generate)', times.interactive],
    ['model is there', times.model_ready],
    ['first step of the picture shows', times.first_frame],
    ['picture of 20 steps is done', times.picture],
  ];
  for (const [label, ms] of rows) console.log(`  ${label.padEnd(34)}${seconds(ms).padStart(8)}`);
  const of = (pattern) => files.filter(([path]) => pattern.test(path)).reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`  ${'transferred until it can be used'.padEnd(34)}${megabytes(before).padStart(11)}`);
  console.log(`  ${'transferred in all'.padEnd(34)}${megabytes(link.bytes()).padStart(11)}`);
  console.log(`  ${'of that: app (wasm)'.padEnd(34)}${megabytes(of(/\/app-.*\.wasm$/)).padStart(11)}`);
} finally {
  await browser.close();
  link.stop();
  await server.stop();
}
