// Compare: two pictures, how they are shown, and what is measured between them.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages, sent } from './harness/engine.mjs';
import { IS_FIREFOX } from './harness/which.mjs';

const scenario = suite();
const still = { skip: IS_FIREFOX && 'no driver tells Firefox that less motion is wanted', context: { reducedMotion: 'reduce' } };
const apple = { prompt: 'a red apple', seed: 7, guidance: 1, scheduler: 'euler' };

const open = async (page) => {
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.getByRole('heading', { name: 'Compare', level: 1 }).waitFor();
};
const mode = (page, name) => page.getByRole('group', { name: 'How they are shown' }).getByRole('button', { name }).click();
const hash = (canvas) => canvas.evaluate((element) => window.stepscopeTest.hash(element));
const figure = (page, name) => page.locator('.compare-figures > div', { hasText: name }).locator('dd').first();
const chosen = (page, side) => page.getByLabel(`Picture ${side}`).evaluate((select) => select.selectedOptions[0].innerText);

scenario('two runs are shown pixel by pixel, and measured', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ ...apple, steps: 2 });
  await app.generate({ steps: 4 });
  await open(page);
  const [a, b] = ['A', 'B'].map((side) => page.getByRole('img', { name: new RegExp(`^${side}: `) }));
  assert.match(await chosen(page, 'A'), /^2 steps/);
  assert.match(await chosen(page, 'B'), /^4 steps/);
  const done = (await messages(page, 'done')).map(({ pixels }) => pixels);
  assert.deepEqual([await hash(a), await hash(b)], done);

  const expected = await page.evaluate(() => {
    const [x, y] = [...document.querySelectorAll('.pane-a canvas, .pane-b canvas')].map((canvas) => window.stepscopeTest.pixels(canvas));
    let sum = 0;
    x.forEach((value, i) => (sum += i % 4 === 3 ? 0 : (value - y[i]) ** 2));
    return -10 * Math.log10(sum / ((x.length / 4) * 3) / 255 ** 2);
  });
  assert.equal(await figure(page, 'PSNR').innerText(), `${expected.toFixed(1)} dB`);
  assert.ok(Number(await figure(page, 'Latent RMSE').innerText()) > 0, 'both latents are kept');
  const rows = page.locator('.compare-settings tbody tr');
  assert.deepEqual(await rows.allInnerTexts(), ['Steps\t2\t4']);

  await page.getByRole('button', { name: 'Swap A and B' }).click();
  await a.and(page.getByRole('img', { name: /^A: 4 steps/ })).waitFor();
  assert.deepEqual([await hash(a), await hash(b)], done.toReversed());

  const view = page.getByRole('group', { name: /^The pictures/ });
  await page.getByRole('slider', { name: 'Divider' }).press('ArrowRight');
  assert.equal(await view.evaluate((element) => element.style.getPropertyValue('--divider')), '51%');
  const box = await view.boundingBox();
  await page.mouse.click(box.x + box.width / 4, box.y + box.height / 2);
  await page.waitForFunction(() => document.querySelector('input[aria-label="Divider"]').value === '25');

  await view.press('+');
  await view.press('+');
  await view.press('ArrowRight');
  assert.equal(await page.getByLabel('Magnification').innerText(), '4 ×');
  const transforms = await page.locator('.pane canvas').evaluateAll((all) => all.map((canvas) => getComputedStyle(canvas).transform));
  assert.equal(transforms[0], transforms[1], 'both are moved alike');
  assert.equal(await a.evaluate((canvas) => getComputedStyle(canvas).imageRendering), 'pixelated');
  await page.getByRole('button', { name: 'Fit' }).click();
  assert.equal(await page.getByLabel('Magnification').innerText(), '1 ×');

  await mode(page, 'Difference');
  const map = page.getByRole('img', { name: 'Where A and B differ' });
  await map.waitFor();
  const wide = await hash(map);
  assert.ok(!done.includes(wide));
  await page.getByLabel('Brightest at').selectOption('0.05');
  await page.waitForFunction((old) => window.stepscopeTest.hash(document.querySelector('.pane-heat canvas')) !== old, wide);
});

scenario('flicker waits for the user who wants less motion', still, async ({ app, page }) => {
  await app.open();
  await app.generate({ ...apple, steps: 2 });
  await open(page);
  await mode(page, 'Flicker');
  const a = page.getByRole('img', { name: /^A: / });
  await page.getByRole('button', { name: 'Start flicker' }).waitFor();
  assert.ok(await a.isVisible());
  await page.getByRole('button', { name: 'Show B' }).press('Enter');
  await page.getByRole('img', { name: /^B: / }).waitFor();
  assert.equal(await a.isVisible(), false);
  await page.getByRole('button', { name: 'Start flicker' }).press('Enter');
  await a.waitFor();
  await page.getByRole('button', { name: 'Stop flicker' }).press('Enter');
  await page.getByRole('button', { name: 'Start flicker' }).waitFor();
});

scenario('the steps of one run are compared with its picture, once they are decoded in full', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ ...apple, steps: 4 });
  await open(page);
  assert.equal(await chosen(page, 'A'), 'Step 2 of 4');
  await figure(page, 'PSNR').waitFor();
  assert.deepEqual(await page.locator('.compare-settings tbody tr').allInnerTexts(), ['Step shown\t2 of 4\tthe finished picture']);
  await page.getByLabel('Picture A').selectOption({ label: 'Step 4 of 4' });
  // The last step's clean picture is the result, up to one byte where rounding decides.
  await figure(page, 'PSNR').filter({ hasText: /∞|^[6-9]\d\.\d dB$/ }).waitFor();
  assert.ok(Number(await figure(page, 'SSIM').innerText()) >= 0.999);
  assert.equal(await figure(page, 'Latent RMSE').innerText(), '< 0.0001');
});

scenario('a picture of the log comes back pixel by pixel', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ ...apple, steps: 2 });
  const [{ pixels }] = await messages(page, 'done');
  await page.getByRole('link', { name: 'Log', exact: true }).click();
  await page.waitForFunction(() => document.querySelector('.log-picture')?.naturalWidth > 0);
  await page.reload();
  await app.loaded();
  await page.getByRole('link', { name: 'Run', exact: true }).click();
  await app.generate({ ...apple, steps: 3 });
  await open(page);
  const logged = page.getByLabel('Picture A').locator('optgroup[label="Log"] option');
  await page.getByLabel('Picture A').selectOption(await logged.first().getAttribute('value'));
  const a = page.getByRole('img', { name: /^A: 2 steps/ });
  await a.waitFor();
  assert.equal(await hash(a), pixels);
  assert.equal(await figure(page, 'Latent RMSE').innerText(), '–', 'the log has no latents');
});

scenario('no mode is wider than the smallest phone', { context: { viewport: { width: 320, height: 640 } } }, async ({ app, page }) => {
  await app.open();
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.getByText('Nothing was made yet').waitFor();
  await page.getByRole('link', { name: 'Run', exact: true }).click();
  await app.generate({ ...apple, steps: 2 });
  await open(page);
  for (const name of ['Wipe', 'Side by side', 'Flicker', 'Difference']) {
    await mode(page, name);
    await page.getByRole('button', { name, pressed: true }).waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${name}: the page is ${overflow} pixels wider than the phone`);
  }
});

scenario('a blind vote makes pairs, hides which is which, and is kept', {}, async ({ app, page }) => {
  await app.open();
  await app.fill({ prompt: 'a red apple', seed: 7, steps: 20, guidance: 1, scheduler: 'euler' });
  await open(page);
  await page.getByRole('button', { name: 'Blind vote' }).click();
  const steps = page.getByRole('textbox', { name: 'Steps of the quicker picture' });
  assert.equal(await steps.inputValue(), '20', 'as the form has them');
  await steps.fill('80');
  await page.getByText('Steps must be a whole number from 1 to 75').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Make 4 pairs' }).isDisabled());
  const results = page.locator('.vote-result');
  const voteOn = async (count, pick) => {
    await page.getByRole('button', { name: `Vote on ${count} pairs` }).click();
    for (let left = count; left > 0; left -= 1) {
      await page.getByText(left === 1 ? 'The last pair' : `${left} pairs left`).waitFor();
      const pictures = ['Left picture', 'Right picture'].map((name) => page.getByRole('img', { name }));
      const hashes = await Promise.all(pictures.map(hash));
      await page.getByRole('group', { name: 'Which is better?' }).getByRole('button', { name: await pick(hashes) }).press('Enter');
    }
  };
  const make = async (few) => {
    await steps.fill(String(few));
    await page.getByRole('button', { name: 'Make 4 pairs' }).click();
    await page.getByRole('button', { name: 'Vote on 4 pairs' }).waitFor();
    await app.state('ready');
  };

  await make(2);
  const requests = (await sent(page, 'generate')).map(({ message }) => message.request);
  assert.deepEqual(requests.map(({ seed }) => seed), ['7', '7', '8', '8', '9', '9', '10', '10']);
  assert.deepEqual(requests.map(({ num_inference_steps }) => num_inference_steps), [2, 4, 2, 4, 2, 4, 2, 4]);
  const done = await messages(page, 'done');
  const many = new Set(done.filter((_, i) => i % 2 === 1).map(({ pixels }) => pixels));
  await voteOn(4, ([left]) => (many.has(left) ? 'Left is better' : 'Right is better'));
  await results.filter({ hasText: 'Of 4 pairs you told 4 apart' }).waitFor();
  await results.filter({ hasText: '2 to go' }).waitFor();
  assert.equal(await steps.inputValue(), '4', 'told apart: the next ones are nearer');
  await page.getByText('4 pictures, 32 steps in all').waitFor();

  await make(4);
  await voteOn(4, () => "Can't tell");
  await results.filter({ hasText: 'Of 8 pairs you told 4 apart' }).waitFor();
  const told = await results.filter({ hasText: 'The largest error that you could not tell' }).innerText();
  assert.match(told, /about 0\.\d+ in the latents \(100\s% of your votes agree/);

  await page.reload();
  await app.loaded();
  await page.getByRole('button', { name: 'Blind vote' }).click();
  await results.filter({ hasText: 'Of 8 pairs you told 4 apart' }).waitFor();
  await page.getByRole('button', { name: 'Forget all votes' }).click();
  await results.first().waitFor({ state: 'hidden' });
});

scenario('where more steps make another picture there is nothing to vote on', {}, async ({ app, page }) => {
  await app.open();
  await app.fill({ scheduler: 'euler-a' });
  await open(page);
  await page.getByRole('button', { name: 'Blind vote' }).click();
  await page.getByText('draws noise on the way').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Make 4 pairs' }).isDisabled());
});
