// Inside a step: the noise curve, the two lanes, the sampler's numbers, and what each of them says of the engine's own.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages } from './harness/engine.mjs';

const scenario = suite();

/** Four significant digits, as the page writes factors. */
const written = (value) => {
  const size = Math.abs(value);
  const digits = Math.min(9, Math.max(0, 3 - Math.floor(Math.log10(size))));
  const text = size.toFixed(digits);
  return (value < 0 ? '−' : '') + (text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text);
};

scenario('the curve follows the scrubber and leads it, by key and by pointer', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 5, seed: 7, scheduler: 'euler' });
  const curve = page.getByRole('slider', { name: 'Noise level curve' });
  const said = () => curve.getAttribute('aria-valuetext');
  assert.match(await said(), /^step 5 of 5, noise level /);
  await app.scrubTo(2);
  await app.picture('Step 2 of 5').waitFor();
  assert.match(await said(), /^step 2 of 5/);
  await curve.press('ArrowRight');
  await app.picture('Step 3 of 5').waitFor();
  assert.equal(await app.scrubber.inputValue(), '3');
  const box = await curve.boundingBox();
  await curve.click({ position: { x: 2, y: box.height / 2 } });
  await app.picture('Step 1 of 5').waitFor();
  await curve.press('End');
  await app.picture('Step 5 of 5').waitFor();

  await page.getByText('All steps as a table', { exact: true }).click();
  const rows = page.getByRole('region', { name: 'All steps as a table' }).locator('tbody tr');
  await rows.nth(4).waitFor();
  assert.equal(await rows.count(), 5);
  const sigmas = (await rows.evaluateAll((all) => all.map((row) => row.cells[2].innerText))).map(Number);
  assert.ok(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]), `falling noise levels: ${sigmas}`);
  const [started] = await messages(page, 'started');
  assert.equal(started.message.plan.evals.length, 5);
  started.message.plan.evals.forEach(({ sigma }, i) => assert.ok(Math.abs(sigmas[i] / sigma - 1) < 0.01));
});

for (const [scheduler, calls] of [['euler', 1], ['heun', 2], ['dpmpp-2m', 1]]) {
  scenario(`the numbers of a step of ${scheduler} are the engine's`, {}, async ({ app, page }) => {
    await app.open();
    await app.generate({ prompt: 'a yellow sun', steps: 4, seed: 3, guidance: 2.5, scheduler });
    await app.scrubTo(2);
    await app.picture('Step 2 of 4').waitFor();
    const card = page.getByRole('region', { name: 'The step in numbers' });
    await card.getByRole('heading', { name: 'Step 2 of 4 in numbers' }).waitFor();
    const [{ message }] = await messages(page, 'started');
    const evals = message.plan.evals.filter(({ step }) => step === 2);
    assert.equal(evals.length, calls);
    const tables = card.locator('table');
    await tables.nth(calls - 1).waitFor();
    assert.equal(await tables.count(), calls);
    for (const [i, told] of evals.entries()) {
      const row = (name) => tables.nth(i).locator('tr', { hasText: name }).locator('td').innerText();
      if (told.input_scale !== 1) assert.ok((await row('The model sees')).startsWith(written(told.input_scale)));
      assert.ok((await row('Its answer')).includes(`without + ${written(2.5)} ·`));
      assert.ok((await row('Predicted picture')).includes(`${written(Math.abs(told.to_denoised[1]))} · out`));
      const next = await row('Next latents');
      for (const factor of [told.update.x, ...told.update.history].filter((f) => f !== 0 && Math.abs(f) !== 1)) {
        assert.ok(next.includes(written(Math.abs(factor))), `${written(factor)} in '${next}'`);
      }
    }
  });
}

scenario('the strip has a lane for the noise and one for the prediction', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a blue fish', steps: 3, seed: 5 });
  const lanes = page.locator('.strip .slot').nth(0).locator('canvas');
  await lanes.nth(1).waitFor();
  assert.equal(await lanes.count(), 2);
  const [noisy, clean] = await lanes.evaluateAll((all) => all.map((canvas) => window.stepscopeTest.hash(canvas)));
  assert.notEqual(noisy, clean);
  await lanes.nth(0).click();
  await app.picture('Step 1 of 3').waitFor();
  await page.getByRole('button', { name: 'Noisy latents', pressed: true }).waitFor();
  await page.waitForFunction(() => {
    const last = [...document.querySelectorAll('.strip .change')].at(-1);
    return last.style.getPropertyValue('--change') > 0;
  });
  const heat = await page.locator('.strip .change').evaluateAll((all) => all.map((bar) => bar.style.getPropertyValue('--change')));
  assert.equal(Number(heat[0]), 0, 'the first step has nothing to change');
  assert.ok(heat.slice(1).every((change) => Number(change) > 0), heat.join());
});

scenario('nothing of it is wider than the smallest phone', { context: { viewport: { width: 320, height: 640 } } }, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 3, seed: 7, scheduler: 'heun' });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the phone`);
});
