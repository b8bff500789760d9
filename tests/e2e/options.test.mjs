// The options that are folded away: sizes, eta, timesteps, several pictures; and links that carry them.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages, sent } from './harness/engine.mjs';

const scenario = suite();
const permissions = ['clipboard-read', 'clipboard-write'];

scenario('the options are folded away, stay open once opened, and say what does not count', {}, async ({ app, page }) => {
  await app.open();
  await app.advanced.waitFor();
  assert.equal(await app.width.count(), 0, 'closed at first');
  await app.advanced.click();
  for (const control of [app.width, app.height, app.eta, app.rng, app.timesteps, app.weights, app.pictures]) {
    await control.waitFor();
  }
  assert.ok(await app.eta.isDisabled(), 'DPM++ 2M takes no eta');
  await page.getByText('Only DDIM and TCD take it.').waitFor();
  await app.fill({ scheduler: 'ddim' });
  assert.ok(await app.eta.isEnabled());
  await page.getByRole('link', { name: 'Models' }).click();
  await page.getByRole('link', { name: 'Run', exact: true }).click();
  await app.width.waitFor();
});

scenario('a bad option opens the options and takes the focus', {}, async ({ app, page }) => {
  await app.open();
  await app.advanced.click();
  await app.pictures.fill('17');
  await page.getByText("Pictures must be a whole number from 1 to 16, not '17'.").waitFor();
  await app.advanced.click();
  await app.generateButton.click();
  await page.waitForFunction((element) => document.activeElement === element, await app.pictures.elementHandle());
  assert.ok(await app.pictures.isVisible());
});

scenario('a picture may be wider than high, and the button swaps the two', {}, async ({ app, page }) => {
  await app.open();
  await app.advanced.click();
  await app.width.selectOption('128');
  await app.height.selectOption('64');
  await app.generate({ prompt: 'a blue fish', steps: 1, seed: 4 });
  const wide = await app.shown();
  assert.deepEqual([wide.width, wide.height], [128, 64]);
  await page.getByRole('button', { name: 'Swap width and height' }).click();
  await app.generate({ steps: 1 });
  const high = await app.shown();
  assert.deepEqual([high.width, high.height], [64, 128]);
});

scenario('three pictures are those of three single runs', { timeout: 300_000 }, async ({ app, page }) => {
  await app.open();
  const request = { prompt: 'a green leaf', steps: 2 };
  const singles = [];
  for (const seed of [7, 8, 9]) {
    await app.generate({ ...request, seed });
    singles.push((await app.shown()).hash);
  }
  assert.equal(new Set(singles).size, 3, 'three pictures');

  await app.open();
  await app.advanced.click();
  await app.pictures.fill('3');
  const { frames } = await app.generate({ ...request, seed: 7 });
  assert.deepEqual(frames.map((frame) => frame.step), [1, 2, 1, 2, 1, 2], 'all steps of all pictures are painted');
  await app.status.filter({ hasText: 'Done: 3 pictures.' }).waitFor();
  assert.deepEqual((await messages(page, 'done')).map(({ pixels }) => pixels), singles);
  assert.equal(await app.gallery.count(), 3);
  for (const [index, single] of singles.entries()) {
    await app.gallery.nth(index).click();
    await page.locator(`[aria-label="Gallery"] button:nth-child(${index + 1})[aria-pressed="true"]`).waitFor();
    assert.equal((await app.shown()).hash, single, `picture ${index + 1}`);
  }
  await app.gallery.first().click();
  await app.scrubTo(1);
  await app.picture('Step 1 of 2').waitFor();
  const [first] = frames;
  assert.equal((await app.shown()).hash, first.hash, 'the steps of an earlier picture are kept');
});

scenario('Cancel ends a series and keeps what is finished', {}, async ({ app }) => {
  await app.open();
  await app.advanced.click();
  await app.pictures.fill('16');
  await app.start({ prompt: 'a red apple', steps: 3, seed: 1 });
  await app.gallery.nth(1).waitFor({ timeout: 120_000 });
  await app.cancelButton.click();
  await app.ended();
  await app.status.filter({ hasText: /^Cancelled.* \d+ of 16 pictures are done\.$/ }).waitFor();
  const kept = await app.gallery.count();
  assert.ok(kept >= 2 && kept < 16, `${kept} pictures`);
  await app.generate({ steps: 1, seed: 99 });
});

scenario('Align Your Steps brings its ten steps along', {}, async ({ app, page }) => {
  await app.open();
  await app.advanced.click();
  await app.timesteps.selectOption('ays');
  assert.equal(await app.steps.inputValue(), '10');
  await page.getByText(/Align Your Steps is a list of 10 timesteps/).waitFor();
  await app.steps.fill('12');
  await page.getByText(/Steps must be 10, not '12'/).waitFor();
  await app.generateButton.click();
  assert.equal((await sent(page, 'generate')).length, 0, 'nothing is made that was not asked for');
  await app.generate({ prompt: 'a red apple', steps: 10, seed: 7 });
  const timesteps = (await messages(page, 'step')).map(({ message }) => message.report.timestep);
  assert.deepEqual(timesteps, [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]);
});

scenario('every option changes the picture', {}, async ({ app }) => {
  await app.open();
  await app.advanced.click();
  const request = { prompt: 'a (red:1.5) apple', steps: 3, seed: 7, scheduler: 'ddim' };
  const pictures = [];
  const make = async () => {
    await app.generate(request);
    pictures.push((await app.shown()).hash);
  };
  await make();
  await app.eta.fill('1');
  await make();
  await app.rng.selectOption('philox');
  await make();
  await app.weights.check();
  await make();
  assert.equal(new Set(pictures).size, 4, pictures.join(', '));
  await app.eta.fill('0');
  await app.rng.selectOption('cpu');
  await app.weights.uncheck();
  await make();
  assert.equal(pictures.at(-1), pictures[0], 'and switched off it is the same again');
});

scenario('a link carries the options', { context: { permissions } }, async ({ app, page, browser, open }) => {
  await app.open();
  await app.advanced.click();
  await app.fill({ scheduler: 'ddim' });
  await app.height.selectOption('64');
  await app.eta.fill('0.5');
  await app.rng.selectOption('philox');
  await app.weights.check();
  await app.pictures.fill('2');
  await app.generate({ prompt: 'a (red:1.3) apple', steps: 2, seed: 5 });
  const mine = (await messages(page, 'done')).map(({ pixels }) => pixels);
  await app.copyLink.click();
  await app.status.filter({ hasText: 'Link copied' }).waitFor();
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  const fragment = new URLSearchParams(link.hash.slice(1));
  const wanted = { scheduler: 'ddim', width: '128', height: '64', eta: '0.5', rng: 'philox', weights: '1', pictures: '2' };
  for (const [key, value] of Object.entries(wanted)) assert.equal(fragment.get(key), value, key);

  const profile = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const stranger = await open(profile);
    link.searchParams.set('engine', 'cpu');
    await stranger.page.goto(link.href);
    await stranger.app.ended();
    assert.deepEqual((await messages(stranger.page, 'done')).map(({ pixels }) => pixels), mine);
    await stranger.app.advanced.click();
    assert.equal(await stranger.app.eta.inputValue(), '0.5');
    assert.equal(await stranger.app.rng.inputValue(), 'philox');
    assert.ok(await stranger.app.weights.isChecked());
    assert.equal(await stranger.app.pictures.inputValue(), '2');
  } finally {
    await profile.close();
  }
});

scenario('the form tells the honest cost, and so does the run', {}, async ({ app, page }) => {
  await app.open();
  await app.fill({ scheduler: 'heun', steps: 3, guidance: 4 });
  const cost = page.getByText('3 steps = 5 model calls (10 with guidance)');
  await cost.waitFor();
  assert.equal(await cost.count(), 1, 'in the form, before the run');
  await app.generate({ prompt: 'a red apple', seed: 7 });
  assert.equal(await cost.count(), 2, 'and beside the result');
  await app.fill({ guidance: 1 });
  await page.getByText('3 steps = 5 model calls', { exact: true }).waitFor();
});

scenario('what to expect of an unusual combination is told while it runs, and stays', {}, async ({ app, page }) => {
  await app.open();
  await app.fill({ scheduler: 'lcm' });
  await app.start({ prompt: 'a red apple', steps: 30, seed: 7 });
  const warning = page.getByText(/^LCM is meant for models distilled for it/);
  await app.reached(1);
  await warning.waitFor();
  assert.equal(await page.locator('html').getAttribute('data-state'), 'running');
  await app.cancelButton.click();
  await app.ended();
  assert.ok(await warning.isVisible());
  await app.generate({ scheduler: 'euler', steps: 1 });
  await warning.waitFor({ state: 'detached' });
});

const small = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true };
scenario('nothing sticks out of a small phone', { context: small }, async ({ app, page }) => {
  await app.open();
  await app.advanced.click();
  await app.pictures.fill('2');
  await app.generate({ prompt: 'a red apple', steps: 1, seed: 7 });
  await app.useResult.click();
  await app.startPicture.waitFor();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, 'pixels too wide');
  for (const control of [app.gallery.last(), app.useResult, app.weights, app.strength, app.paintMask, app.height]) {
    const box = await control.boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 320, JSON.stringify(box));
  }
});
