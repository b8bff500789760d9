// Live mode, and a step taken apart: what is asked of the engine on the way, and what comes of it.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages, sent } from './harness/engine.mjs';

const scenario = suite();
const few = { prompt: 'a red apple', steps: 3, seed: 7, guidance: 1, scheduler: 'euler' };

scenario('live mode is offered after a measurement, and follows one run at a time', {}, async ({ app, page }) => {
  await app.open();
  const live = page.getByRole('checkbox', { name: /^Live/ });
  assert.ok(await live.isDisabled(), 'nothing is measured yet');
  await app.generate(few);
  await page.getByText(/^Measured: .* a run/).waitFor();
  await live.check();

  await page.evaluate(() => window.stepscopeMessages.splice(0));
  const before = (await sent(page, 'generate')).length;
  const drag = (values) => app.stepsSlider.evaluate((slider, all) => {
    for (const value of all) {
      slider.value = value;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    }
  }, values);
  await page.evaluate(() => window.stepscopeTest.forget());
  await drag([8]);
  await app.reached(1);
  await drag([5, 4, 7, 6]);
  await app.picture(few.prompt).waitFor();
  await app.state('ready');
  const asked = (await sent(page, 'generate')).slice(before);
  const steps = asked.map(({ message }) => message.request.num_inference_steps);
  assert.deepEqual(steps, [8, 6], 'the newest value is next; those in between do not queue up');
  assert.ok(asked.every(({ message }) => message.deliver.picture === false), 'no picture is decoded on the way');
  assert.equal((await sent(page, 'decode')).length, 1, 'one picture, when the value rests');
  const jobs = new Set((await messages(page, 'done')).map(({ message }) => message.job));
  assert.deepEqual([...jobs], [asked.at(-1).message.job]);
  const ended = (await messages(page, 'cancelled')).map(({ message }) => message.job);
  assert.deepEqual(ended, [asked[0].message.job], 'the first run was broken off');
  const followed = (await app.shown()).hash;

  await live.uncheck();
  await app.fill({ steps: 5 });
  await app.generate({ ...few, steps: 6 });
  assert.equal((await app.shown()).hash, followed, 'the same picture as by Generate');
});

scenario('live mode is not offered where a run takes too long', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ ...few, steps: 2 });
  await app.fill({ steps: 150 });
  await page.getByText(/live needs less than/).waitFor();
  assert.ok(await page.getByRole('checkbox', { name: /^Live/ }).isDisabled());
});

scenario('a guided step comes apart into three predictions, the last being that of the run', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a yellow sun', steps: 4, seed: 3, guidance: 4, scheduler: 'euler' });
  await app.refined(4);
  await app.scrubTo(2);
  await app.picture('Step 2 of 4').waitFor();
  const run = (await app.shown()).hash;
  assert.equal((await sent(page, 'split')).length, 0, 'nothing is evaluated unless it is asked for');
  await page.getByRole('button', { name: 'Take step 2 apart' }).click();
  await page.waitForFunction(() => window.stepscopeMessages.some(({ message }) => message?.type === 'split' && message.decoded));
  const hash = (name) => page.getByRole('img', { name }).evaluate((canvas) => window.stepscopeTest.hash(canvas));
  const [without, withPrompt, combined] = [
    await hash('Step 2, without the prompt'), await hash('Step 2, with the prompt'), await hash('Step 2, combined'),
  ];
  assert.notEqual(without, withPrompt);
  assert.equal(combined, run, 'the combined prediction is the one that the run made');
  await app.scrubTo(3);
  await page.getByRole('button', { name: 'Take step 3 apart' }).waitFor();
});

scenario('an unguided run says that there is nothing to take apart', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ ...few, steps: 2 });
  await page.getByText(/^This run is without guidance/).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Take step/ }).count(), 0);
});
