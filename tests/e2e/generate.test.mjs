// The main job on the CPU path: every step is painted, in order, and can be looked at again.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';

const scenario = suite();
const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

scenario('everything has its accessible name', {}, async ({ app, page }) => {
  await app.open();
  const controls = [
    app.prompt, app.negative, app.stepsSlider, app.steps, app.scheduler, app.guidance, app.seed, app.model,
    app.generateButton, app.copyLink, app.savePng, app.scrubber, app.canvas,
  ];
  for (const control of controls) await control.waitFor();
  for (const name of ['Run', 'Sweep', 'Compare', 'Log', 'Models']) {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).waitFor();
  }
  assert.notEqual(await app.prompt.inputValue(), '', 'the prompt is prefilled with an example');
  assert.equal(await page.locator('html').getAttribute('data-engine'), 'cpu');
  assert.equal(await app.stepsSlider.getAttribute('min'), '1');
  assert.equal(await app.stepsSlider.getAttribute('max'), '150');
});

for (const steps of [1, 4, 20]) {
  scenario(`${steps} steps paint ${steps} frames, each another picture`, {}, async ({ app }) => {
    await app.open();
    const prompt = 'a red apple';
    const { frames, names } = await app.generate({ prompt, steps, seed: 7 });
    assert.deepEqual(frames.map((frame) => frame.step), upTo(steps), 'every step is painted, once, in order');
    assert.equal(new Set(frames.map((frame) => frame.hash)).size, steps, 'every step shows another picture');
    const named = names.filter((name) => name.startsWith('Step '));
    assert.deepEqual(named, upTo(steps).map((step) => `Step ${step} of ${steps}`));
    assert.equal(names.at(-1), prompt, 'the finished picture carries the prompt');
  });
}

scenario('arrow keys walk through the kept frames, with the figures of each', {}, async ({ app }) => {
  await app.open();
  await app.generate({ prompt: 'a yellow sun', steps: 4, seed: 3 });
  await app.refined(4);
  const visited = [];
  for (const step of upTo(4)) {
    await (step === 1 ? app.scrubber.press('Home') : app.scrubber.press('ArrowRight'));
    await app.picture(`Step ${step} of 4`).waitFor();
    visited.push({ hash: (await app.shown()).hash, details: await app.details() });
  }
  assert.equal(new Set(visited.map((frame) => frame.hash)).size, 4, 'four pictures');
  assert.equal(new Set(visited.map((frame) => frame.details.join())).size, 4, 'four sets of figures');
  for (const { details } of visited) assert.equal(details.length, 4, `sigma, timestep, time, change: ${details}`);
  await app.scrubber.press('ArrowLeft');
  await app.picture('Step 3 of 4').waitFor();
  assert.equal((await app.shown()).hash, visited[2].hash, 'going back shows the same picture');
  assert.deepEqual(await app.details(), visited[2].details);
});

scenario('an empty prompt makes an unconditional picture', {}, async ({ app }) => {
  await app.open();
  const { frames } = await app.generate({ prompt: '', steps: 2, seed: 1 });
  assert.deepEqual(frames.map((frame) => frame.step), [1, 2]);
  await app.status.filter({ hasText: 'Done' }).waitFor();
});

scenario('the same seed gives the same picture, another seed another one', {}, async ({ app }) => {
  await app.open();
  const pictures = [];
  for (const seed of [11, 12, 11]) {
    await app.generate({ prompt: 'a green leaf', steps: 2, seed });
    pictures.push((await app.shown()).hash);
  }
  assert.equal(pictures[0], pictures[2]);
  assert.notEqual(pictures[0], pictures[1]);
});

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
scenario('the page fits a phone', { context: phone }, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a blue fish', steps: 2, seed: 5 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the phone`);
  for (const control of [app.prompt, app.generateButton, app.canvas, app.scrubber]) {
    const box = await control.boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
  }
});
