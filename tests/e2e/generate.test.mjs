// The main job on the CPU path: every step is painted, in order, and can be looked at again.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { stepsOf } from './harness/page.mjs';

const scenario = suite();

scenario('everything has its accessible name', {}, async ({ app, page }) => {
  await app.open();
  const controls = [
    app.prompt, app.negative, app.stepsSlider, app.steps, app.scheduler, app.guidance, app.seed, app.model,
    app.generateButton,
  ];
  for (const control of controls) await control.waitFor();
  for (const name of ['Run', 'Sweep', 'Compare', 'Log', 'Models']) {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).waitFor();
  }
  assert.notEqual(await app.prompt.inputValue(), '', 'the prompt is prefilled with an example');
  assert.equal(await page.locator('html').getAttribute('data-engine'), 'cpu');
  assert.equal(await app.steps.getAttribute('min'), '1');
  assert.equal(await app.steps.getAttribute('max'), '150');
  assert.equal(await page.getByRole('img', { name: '' }).count(), 0, 'no picture without a name');
});

for (const steps of [1, 4, 20]) {
  scenario(`${steps} steps paint ${steps} frames, each another picture`, {}, async ({ app }) => {
    await app.open();
    const prompt = 'a red apple';
    const frames = await app.generate({ prompt, steps, seed: 7 });
    const shown = stepsOf(frames);
    const names = Array.from({ length: steps }, (_, index) => `Step ${index + 1} of ${steps}`);
    // A frame may be painted again when the VAE has refined it; the first paintings come in order.
    const firsts = shown.filter((frame, index) => shown.findIndex(({ name }) => name === frame.name) === index);
    assert.deepEqual(firsts.map((frame) => frame.name), names);
    assert.equal(new Set(firsts.map((frame) => frame.hash)).size, steps, 'every step shows another picture');
    assert.equal(frames.at(-1).name, prompt, 'the finished picture carries the prompt');
    const { width, height } = await app.shown();
    assert.ok(width >= 64 && height >= 64, `${width}x${height}`);
  });
}

scenario('arrow keys walk through the kept frames, with the details of each', {}, async ({ app }) => {
  await app.open();
  await app.generate({ prompt: 'a yellow sun', steps: 4, seed: 3 });
  await app.scrubber.focus();
  await app.scrubber.press('Home');
  await app.picture('Step 1 of 4').waitFor();
  const seen = [];
  for (let step = 1; step <= 4; step += 1) {
    if (step > 1) await app.scrubber.press('ArrowRight');
    // The last frame of a finished run is the finished picture, which carries the prompt.
    await app.picture(`Step ${step} of 4`).or(app.picture('a yellow sun')).waitFor();
    seen.push({ ...(await app.shown()), details: await app.details() });
  }
  assert.equal(new Set(seen.map((frame) => frame.hash)).size, 4, 'four different pictures');
  assert.equal(new Set(seen.map((frame) => frame.details)).size, 4, 'four different descriptions');
  await app.scrubber.press('ArrowLeft');
  await app.picture('Step 3 of 4').waitFor();
  assert.equal((await app.shown()).hash, seen[2].hash, 'going back shows the same picture');
});

scenario('an empty prompt makes an unconditional picture', {}, async ({ app }) => {
  await app.open();
  await app.fill({ prompt: '', steps: 1, seed: 1 });
  await app.forgetFrames();
  await app.generateButton.click();
  await app.state('ready');
  await app.savePng.waitFor();
  assert.ok((await app.frames()).length >= 1);
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

scenario('the page fits a phone', { context: { viewport: { width: 390, height: 844 }, hasTouch: true } }, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a blue fish', steps: 2, seed: 5 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the phone`);
  for (const control of [app.prompt, app.generateButton, app.canvas, app.scrubber]) {
    const box = await control.boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
  }
});
