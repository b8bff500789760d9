// Stopping, starting again, sharing and saving.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { suite } from './harness/browser.mjs';
import { stepsOf } from './harness/page.mjs';

const scenario = suite();
const permissions = ['clipboard-read', 'clipboard-write'];

scenario('Cancel stops within one step and keeps the frames so far', {}, async ({ app }) => {
  await app.open();
  await app.fill({ prompt: 'a red apple', steps: 60, seed: 7 });
  await app.generateButton.click();
  await app.picture('Step 3 of 60').waitFor();
  await app.cancelButton.click();
  const atClick = stepsOf(await app.frames()).length;
  await app.state('ready');
  const steps = new Set(stepsOf(await app.frames()).map((frame) => frame.name));
  assert.ok(steps.size >= 3, `${steps.size} frames are left`);
  assert.ok(steps.size <= atClick + 1, `${steps.size} frames, ${atClick} when Cancel was pressed`);
  assert.equal(Number(await app.scrubber.getAttribute('max')), steps.size, 'the scrubber spans the frames that were made');
  await app.scrubber.focus();
  await app.scrubber.press('Home');
  await app.picture('Step 1 of 60').waitFor();
  // And the next run is a clean one.
  const frames = await app.generate({ prompt: 'a red apple', steps: 2, seed: 7 });
  assert.deepEqual([...new Set(stepsOf(frames).map((frame) => frame.name))], ['Step 1 of 2', 'Step 2 of 2']);
});

scenario('Generate during a run starts again, without a trace of the old run', {}, async ({ app }) => {
  await app.open();
  const prompt = 'a green leaf';
  await app.generate({ prompt, steps: 2, seed: 9 });
  const alone = (await app.shown()).hash;
  await app.fill({ prompt: 'a red apple', steps: 60, seed: 1 });
  await app.generateButton.click();
  await app.picture('Step 2 of 60').waitFor();
  const frames = await app.generate({ prompt, steps: 2, seed: 9 });
  const order = stepsOf(frames).map((frame) => frame.name);
  const restarted = order.indexOf('Step 1 of 2');
  assert.ok(restarted >= 0 && order.slice(restarted).every((name) => name.endsWith('of 2')), order.join(', '));
  assert.equal((await app.shown()).hash, alone, 'the same picture as without the interruption');
});

scenario('a copied link gives a stranger the same picture', { context: { permissions } }, async ({ app, page, browser, open }) => {
  await app.open();
  const prompt = 'a smiling face & a "hat" #1';
  await app.generate({ prompt, steps: 3, seed: 12345, guidance: 3.5, scheduler: 'dpmpp-2m' });
  const mine = await app.shown();
  await app.copyLink.click();
  await app.status.filter({ hasText: /link/i }).waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const fragment = new URLSearchParams(new URL(link).hash.slice(1));
  assert.equal(fragment.get('prompt'), prompt);
  assert.equal(fragment.get('steps'), '3');
  assert.equal(fragment.get('seed'), '12345');
  assert.equal(fragment.get('scheduler'), 'dpmpp-2m');
  assert.equal(Number(fragment.get('guidance')), 3.5);

  const profile = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const stranger = await open(profile);
    const url = new URL(link);
    // The engine is not part of a link; pictures are the same to the last bit only on the same engine.
    url.searchParams.set('engine', 'cpu');
    await stranger.page.goto(url.href);
    // The embedded model is always here, so the link runs at once.
    await stranger.app.finished(prompt);
    assert.deepEqual(await stranger.app.shown(), mine);
    assert.equal(await stranger.app.steps.inputValue(), '3');
    assert.equal(await stranger.app.prompt.inputValue(), prompt);
  } finally {
    await profile.close();
  }
});

scenario('Save PNG saves the picture that is shown, pixel by pixel', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a blue fish', steps: 2, seed: 4 });
  const shown = await app.shown();
  const [download] = await Promise.all([page.waitForEvent('download'), app.savePng.click()]);
  assert.match(download.suggestedFilename(), /\.png$/);
  const png = await readFile(await download.path());
  const decoded = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    return { width: canvas.width, height: canvas.height, hash: window.stepscopeTest.hash(canvas) };
  }, png.toString('base64'));
  assert.deepEqual(decoded, shown);
});
