// Pictures of every state of the page, on a desktop and a phone, light and dark, into tests/artifacts/screenshots:
//   cargo xtask build && node tests/e2e/screenshots.mjs [STATE …]
// Not a test: for looking at. `docs` writes the two pictures of README.md instead.

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { recordMessages } from './harness/engine.mjs';
import { recordFrames } from './harness/frames.mjs';
import { launch } from './harness/browser.mjs';
import { StepscopePage } from './harness/page.mjs';
import { startServer } from './harness/server.mjs';

const folder = fileURLToPath(new URL('../artifacts/screenshots/', import.meta.url));
const WEIGHTS = '**/models/emoji/**/*.safetensors*';
const SWEEP = 'prompt=red+heart&steps=20&sweep=2,4,8,16,32&sweep-seeds=1-4';
const request = { prompt: 'a red apple', steps: 12, seed: 7 };

// Each brings a fresh page into its state.
const states = {
  async loading({ app, page }) {
    // Never answered: the page stays as it is while the weights arrive.
    await page.route(WEIGHTS, () => {});
    await app.open({ state: 'loading' });
    await app.generateButton.waitFor();
  },
  ready: ({ app }) => app.open(),
  async running({ app }) {
    await app.open();
    await app.start({ ...request, steps: 40 });
    await app.reached(6);
  },
  async done({ app }) {
    await app.open();
    await app.generate(request);
  },
  async scrubbed({ app }) {
    await app.open();
    await app.generate(request);
    await app.scrubTo(5);
    await app.picture('Step 5 of 12').waitFor();
  },
  async options({ app }) {
    await app.open();
    await app.advanced.click();
    await app.pictures.fill('4');
    await app.timesteps.selectOption('ays');
    await app.generate({ prompt: 'a red apple', seed: 7 });
  },
  async 'start-picture'({ app }) {
    await app.open();
    await app.generate(request);
    await app.useResult.click();
    await app.startPicture.waitFor();
  },
  async mask({ app, page }) {
    await app.open();
    await app.generate(request);
    await app.useResult.click();
    await app.paintMask.click();
    const box = await app.mask.boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.4, { steps: 4 });
    await page.mouse.up();
  },
  async cancelled({ app }) {
    await app.open();
    await app.start({ ...request, steps: 40 });
    await app.reached(3);
    await app.cancelButton.click();
    await app.ended();
  },
  async 'bad-input'({ app }) {
    await app.open();
    await app.start({ steps: 151 });
  },
  async sweep({ app, page }) {
    await app.open({ fragment: SWEEP, state: null });
    await page.locator('.sweep-cell button.made').nth(19).waitFor({ timeout: 300_000 });
    await app.state('ready');
  },
  async 'sweep-axes'({ app, page }) {
    await app.open({ fragment: `${SWEEP}&sweep-vary=scheduler&sweep-values=euler,dpmpp-2m`, state: null });
    await page.locator('.sweep-cell button.made').nth(9).waitFor({ timeout: 300_000 });
    await app.state('ready', 300_000);
  },
  async 'sweep-fresh'({ app, page }) {
    await app.open();
    await app.go('Sweep');
  },
  async compare({ app }) {
    await app.open();
    await app.generate({ ...request, steps: 4 });
    await app.generate({ ...request, steps: 20 });
    await app.go('Compare');
  },
  async log({ app }) {
    await app.open();
    await app.generate({ ...request, steps: 4 });
    await app.generate({ ...request, steps: 20 });
    await app.go('Log');
  },
  async models({ app }) {
    await app.open();
    await app.go('Models');
  },
  async error({ app, page }) {
    await page.route(WEIGHTS, (route) => route.fulfill({ status: 404, body: '' }));
    await app.open({ state: 'error' });
    await app.alert.first().waitFor();
  },
};

// What README.md shows: light, a desktop's width, no more than is named.
const docs = {
  async screenshot({ app }) {
    await app.open();
    await app.generate({ prompt: 'rainbow', steps: 16, seed: 3 });
    await app.refined(16);
    return { height: 800 };
  },
  async sweep({ app, page }) {
    await states.sweep({ app, page });
    return { height: 1420 };
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((state) => state !== 'docs' && !Object.hasOwn(states, state));
if (unknown.length > 0) {
  console.error(`error: no state '${unknown[0]}'; there are: ${Object.keys(states).join(', ')}`);
  process.exit(2);
}

await mkdir(folder, { recursive: true });
const server = await startServer();
const browser = await launch();
try {
  if (wanted.includes('docs')) {
    for (const [name, prepare] of Object.entries(docs)) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
      await page.addInitScript(recordFrames);
      await page.addInitScript(recordMessages);
      const { height } = await prepare({ page, app: new StepscopePage(page, server.url) });
      await page.setViewportSize({ width: 1280, height });
      await page.screenshot({ path: fileURLToPath(new URL(`../../docs/${name}.png`, import.meta.url)), animations: 'disabled' });
      await page.close();
    }
  }
  for (const state of wanted.includes('docs') ? [] : wanted.length > 0 ? wanted : Object.keys(states)) {
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      for (const colorScheme of ['light', 'dark']) {
        const context = await browser.newContext({ viewport: { width, height }, colorScheme, serviceWorkers: 'block' });
        const page = await context.newPage();
        await page.addInitScript(recordFrames);
        await states[state]({ page, app: new StepscopePage(page, server.url) });
        const path = `${folder}${state}-${width}x${height}-${colorScheme}.png`;
        await page.screenshot({ path, fullPage: true, animations: 'disabled' });
        console.log(path);
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
