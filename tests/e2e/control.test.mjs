// Stopping, starting again, sharing and saving.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages } from './harness/engine.mjs';
import { saved } from './harness/saved.mjs';

const scenario = suite();
const permissions = ['clipboard-read', 'clipboard-write'];

scenario('Cancel stops within one step and keeps the frames so far', {}, async ({ app }) => {
  await app.open();
  await app.start({ prompt: 'a red apple', steps: 60, seed: 7 });
  await app.reached(3);
  await app.cancelButton.click();
  const atClick = (await app.seen()).frames.at(-1).step;
  await app.ended();
  const made = (await app.seen()).frames.at(-1).step;
  assert.ok(made >= 3 && made <= atClick + 1, `${made} frames, ${atClick} when Cancel was pressed`);
  await app.status.filter({ hasText: `Cancelled after ${made} of 60 steps` }).waitFor();
  assert.equal(Number(await app.scrubber.getAttribute('max')), made, 'the scrubber spans the frames that were made');
  await app.scrubTo(2);
  await app.picture('Step 2 of 60').waitFor();
  const { frames } = await app.generate({ prompt: 'a red apple', steps: 2, seed: 7 });
  assert.deepEqual(frames.map((frame) => frame.step), [1, 2], 'the next run is a clean one');
});

scenario('Generate during a run starts again, without a trace of the old run', {}, async ({ app }) => {
  await app.open();
  const wanted = { prompt: 'a green leaf', steps: 2, seed: 9 };
  await app.generate(wanted);
  const alone = (await app.shown()).hash;
  await app.start({ prompt: 'a red apple', steps: 60, seed: 1 });
  await app.reached(2);
  const { names } = await app.generate(wanted);
  const restarted = names.indexOf('Step 1 of 2');
  assert.ok(restarted >= 0, names.join(', '));
  assert.deepEqual(names.slice(restarted), ['Step 1 of 2', 'Step 2 of 2', wanted.prompt]);
  assert.equal((await app.shown()).hash, alone, 'the same picture as without the interruption');
});

scenario('a copied link gives a stranger the same picture', { context: { permissions } }, async ({ app, page, browser, open }) => {
  await app.open();
  const prompt = 'a smiling face & a "hat" #1 ü';
  await app.generate({ prompt, steps: 3, seed: 12345, guidance: 3.5, scheduler: 'dpmpp-2m' });
  const mine = await app.shown();
  await app.copyLink.click();
  await app.status.filter({ hasText: 'Link copied' }).waitFor();
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  const fragment = new URLSearchParams(link.hash.slice(1));
  assert.equal(fragment.get('prompt'), prompt);
  assert.equal(fragment.get('steps'), '3');
  assert.equal(fragment.get('seed'), '12345');
  assert.equal(fragment.get('scheduler'), 'dpmpp-2m');
  assert.equal(Number(fragment.get('guidance')), 3.5);
  assert.equal(fragment.get('model'), 'emoji');

  const profile = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const stranger = await open(profile);
    // Pictures are the same to the last bit only on the same engine.
    link.searchParams.set('engine', 'cpu');
    await stranger.page.goto(link.href);
    // The embedded model is always here, so the link runs at once.
    await stranger.app.ended();
    await stranger.app.picture(prompt).waitFor();
    assert.deepEqual(await stranger.app.shown(), mine);
    assert.equal(await stranger.app.steps.inputValue(), '3');
    assert.equal(await stranger.app.prompt.inputValue(), prompt);
  } finally {
    await profile.close();
  }
});

scenario('Save PNG saves the picture as the engine made it', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a blue fish', steps: 2, seed: 4 });
  const { name, bytes: png } = await saved(page, () => app.savePng.click());
  assert.match(name, /^a-blue-fish.*\.png$/);
  const read = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    return { width: canvas.width, height: canvas.height, pixels: window.stepscopeTest.hash(canvas) };
  }, png.toString('base64'));
  const [done] = await messages(page, 'done');
  const { width, height } = done.message;
  assert.deepEqual(read, { width, height, pixels: done.pixels });
});
