// The Sweep page: a grid of pictures, what it says, and that nothing finished is made twice.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages, sent } from './harness/engine.mjs';
import { saved } from './harness/saved.mjs';

const scenario = suite();
const base = 'prompt=red+heart&width=64&height=64&guidance=1&scheduler=euler&seed=1';
const small = `${base}&sweep=1,2,4&sweep-seeds=1-4`;

const made = (page) => page.locator('.sweep-cell button.made');
const headline = (page) => page.getByRole('region', { name: 'Recommendation' }).getByRole('heading', { level: 2 });
const count = async (page, type) => (await sent(page, type)).length;

/** Waits until the sweep that runs has ended. */
const ended = (app) => app.state('ready', 120_000);

scenario('a link to a sweep runs it, and it says how many steps are enough', {}, async ({ app, page }) => {
  await app.open({ fragment: `${small}&sweep-tolerance=9`, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  assert.equal(await page.getByRole('table', { name: 'Sweep' }).getByRole('cell').count(), 12);
  // Any error is within a tolerance of 9: the fewest steps win.
  assert.equal(await headline(page).innerText(), '1 step is enough');
  await page.getByRole('columnheader', { name: /last useful/ }).filter({ hasText: '1' }).waitFor();
  const runs = await sent(page, 'generate');
  assert.ok(runs.every(({ message }) => !message.deliver.previews && message.deliver.latents), 'no previews are made');
  const keys = runs.map(({ message: { request } }) => `${request.num_inference_steps} ${request.seed}`);
  assert.equal(new Set(keys).size, 12, 'every run is made once');
  const done = await messages(page, 'done');
  assert.equal(done.filter(({ message }) => !message.text_reused).length, 1, 'the text is encoded once');
});

scenario('the points of the charts open their pictures, by keyboard too', {}, async ({ app, page }) => {
  await app.open({ fragment: small, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  const chart = page.getByRole('group', { name: /^Error against seconds/ });
  const points = chart.getByRole('button');
  // Four seeds at 1 and 2 steps; 4 steps have no longer run to be compared with.
  assert.equal(await points.count(), 8);
  await points.first().focus();
  await page.keyboard.press('ArrowRight');
  const second = await points.nth(1).getAttribute('aria-label');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('img', { name: 'red heart' }).waitFor();
  const title = await dialog.getByRole('heading').innerText();
  const [, steps, seed] = /(\d+) steps, seed (\d+)/.exec(second);
  assert.match(title, new RegExp(`^${steps} steps? · seed ${seed}$`));
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByText('The numbers').first().click();
  assert.equal(await page.locator('.chart-table').first().locator('tbody tr').count(), 8, 'the table has every point');
});

scenario('a sweep that is stopped goes on where it was', {}, async ({ app, page }) => {
  await app.open({ fragment: `${base}&sweep=1,2,4,8&sweep-seeds=1-4`, state: null });
  await made(page).nth(2).waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await ended(app);
  const before = await made(page).count();
  assert.ok(before >= 3 && before < 16, `${before} of 16`);
  await page.getByRole('button', { name: 'Resume sweep' }).click();
  await made(page).nth(15).waitFor({ timeout: 120_000 });
  await ended(app);
  assert.equal((await messages(page, 'done')).length, 16, 'nothing that was finished is made again');
  await page.getByText('All 16 runs are here already.').waitFor();
});

scenario('a sweep is still there after the page is loaded anew, and nothing of it is made again', {}, async ({ app, page }) => {
  await app.open({ fragment: `${small}&sweep-tolerance=9`, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  const verdict = await headline(page).innerText();
  await page.reload();
  await page.getByText('All 12 runs are here already.').waitFor({ timeout: 60_000 });
  assert.equal(await made(page).count(), 12);
  assert.equal(await headline(page).innerText(), verdict);
  // Once more from the navigation alone: an address without a link finds it too.
  await app.open();
  await page.getByRole('navigation').getByRole('link', { name: 'Sweep' }).click();
  await made(page).nth(11).waitFor({ timeout: 60_000 });
  assert.equal(await page.getByRole('textbox', { name: 'Step counts' }).inputValue(), '1,2,4');
  assert.equal(await count(page, 'generate'), 0, 'nothing is made again');
});

scenario('cells that an older release kept stay, and can be trimmed by age', {}, async ({ app, page }) => {
  // A page of this origin that does not open the database.
  const empty = '<!doctype html><link rel="icon" href="data:,">';
  await page.route('**/empty', (route) => route.fulfill({ contentType: 'text/html', body: empty }));
  await page.goto(`${app.base}/empty`);
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('stepscope', 1);
        request.onupgradeneeded = () => {
          for (const name of ['runs', 'pictures', 'cells', 'settings']) request.result.createObjectStore(name);
          request.transaction.objectStore('cells').put({ key: 'old', value: {}, bytes: [], at: 1 }, 'old');
        };
        request.onsuccess = () => resolve(request.result.close());
        request.onerror = () => reject(request.error);
      }),
  );
  await app.open({ fragment: small, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  const kept = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('stepscope');
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const keys = request.result.transaction('cells').objectStore('cells').index('at').getAllKeys();
          keys.onsuccess = () => resolve({ version: request.result.version, keys: keys.result });
        };
      }),
  );
  assert.equal(kept.version, 2);
  assert.deepEqual([kept.keys.length, kept.keys[0]], [13, 'old']);
});

scenario('a wider sweep only makes what is new, and says before what it takes', {}, async ({ app, page }) => {
  await app.open({ fragment: small, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  await page.getByRole('textbox', { name: 'Step counts' }).fill('1,2,4,5');
  await page.getByText(/^4 of 16 runs to make, 12 here already: about [\d.]+ m?s/).waitFor();
  await page.getByRole('button', { name: 'Start sweep' }).click();
  await made(page).nth(15).waitFor({ timeout: 60_000 });
  assert.equal((await messages(page, 'done')).length, 16);
});

scenario('one click takes the recommendation over to Run', {}, async ({ app, page }) => {
  await app.open({ fragment: `${small}&steps=20&sweep-tolerance=9`, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  await page.getByRole('button', { name: 'Use 1 step on Run' }).first().click();
  await app.steps.waitFor();
  assert.deepEqual([await app.steps.inputValue(), await app.seed.inputValue()], ['1', '1']);
  await app.generate({});
  await page.getByRole('navigation').getByRole('link', { name: 'Sweep' }).click();
  assert.equal(await made(page).count(), 12, 'the sweep is still there');
  await app.page.goBack();
});

scenario('a setting that changed since voids the recommendation, and the page says so', {}, async ({ app, page }) => {
  await app.open({ fragment: small, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  await page.getByRole('navigation').getByRole('link', { name: 'Run', exact: true }).click();
  await app.fill({ guidance: 3 });
  await page.getByRole('navigation').getByRole('link', { name: 'Sweep' }).click();
  await page.getByText('guidance: 1 → 3').waitFor();
});

scenario('a run on Run goes first, and the sweep goes on after it', {}, async ({ app, page }) => {
  await app.open({ fragment: `${base}&sweep=8,16&sweep-seeds=1-4`, state: null });
  await made(page).first().waitFor({ timeout: 60_000 });
  await page.getByRole('navigation').getByRole('link', { name: 'Run', exact: true }).click();
  await app.start({ prompt: 'a blue car', steps: 3, seed: 5 });
  await app.picture('a blue car').waitFor({ timeout: 60_000 });
  await page.getByRole('navigation').getByRole('link', { name: 'Sweep' }).click();
  await made(page).nth(7).waitFor({ timeout: 120_000 });
});

scenario('a noisy sampler is said to change with the steps by design', {}, async ({ app, page }) => {
  await app.open({ fragment: `${small.replace('euler', 'euler-a')}`, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  assert.equal(await headline(page).innerText(), 'Changes with the steps by design');
  assert.equal(await page.getByRole('button', { name: /^Use \d+ steps? on Run/ }).count(), 0, 'there is no number to use');
});

scenario('the re-check makes new prompts and seeds and reports the rate', { timeout: 240_000 }, async ({ app, page }) => {
  await app.open({ fragment: `${small}&sweep-tolerance=9`, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  const panel = page.getByRole('region', { name: 'Re-check' });
  await panel.getByRole('textbox').fill('green tree\nfire');
  await panel.getByRole('button', { name: 'Re-check' }).click();
  await panel.getByText('1 steps were enough for 4 of 4 new prompts and seeds (100 %).').waitFor({ timeout: 60_000 });
  const runs = (await sent(page, 'generate')).slice(12).map(({ message }) => message.request);
  assert.ok(runs.every(({ prompt, seed }) => prompt !== 'red heart' && Number(seed) > 4), 'none of the sweep is used again');
});

scenario('step k of a long run stands beside a run of k steps', {}, async ({ app, page }) => {
  await app.open({ fragment: small, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  const panel = page.getByRole('region', { name: 'Step k of N' });
  await panel.getByRole('button').click();
  await panel.getByRole('img', { name: 'Step 2 of 4' }).waitFor({ timeout: 60_000 });
  await panel.getByRole('img', { name: 'A run of 2' }).waitFor();
  assert.equal(await panel.getByText(/^[\d.]+ away$/).count(), 4, 'two pairs, each with two distances');
});

scenario('a budget says what fits and offers what is quicker', {}, async ({ app, page }) => {
  await app.open({ fragment: `${small.replace('guidance=1', 'guidance=2')}&sweep-tolerance=0.000001`, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  assert.equal(await headline(page).innerText(), 'Not converged in the tested range');
  const panel = page.getByRole('region', { name: 'Budget' });
  await panel.getByRole('textbox').fill('0.000001');
  await panel.getByText(/^Not even one step fits into/).waitFor();
  await panel.getByRole('textbox').fill('600');
  await panel.getByText(/^150 steps fit into 10 min/).waitFor();
  await panel.getByRole('button', { name: 'Use Guidance off on Run' }).click();
  assert.equal(await app.guidance.inputValue(), '1');
});

scenario('a prediction is kept beside what was measured', {}, async ({ app, page }) => {
  await app.open();
  for (const seed of [1, 2, 3]) await app.generate({ prompt: 'red heart', steps: 10, seed });
  await page.getByRole('navigation').getByRole('link', { name: 'Sweep' }).click();
  await page.getByRole('button', { name: 'Start sweep' }).waitFor();
  const lines = await page.locator('.sweep-kept li').allInnerTexts();
  assert.equal(lines.length, 2, 'the first run had nothing to be predicted from');
  const off = lines.map((line) => Math.abs(Number(/([+-]\d+) %/.exec(line)[1])));
  console.log(`predicted and measured differ by ${off.join(' % and ')} %`);
  // 15 % on a machine that does nothing else; others may use this one.
  assert.ok(Math.min(...off) <= 60, lines.join('; '));
});

const permissions = ['clipboard-read', 'clipboard-write'];
scenario('the link and the CSV file carry the sweep', { context: { permissions, acceptDownloads: true } }, async ({ app, page }) => {
  await app.open({ fragment: small, state: null });
  await made(page).nth(11).waitFor({ timeout: 120_000 });
  await ended(app);
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByRole('status').filter({ hasText: 'Link to the sweep copied.' }).waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /#prompt=red%20heart&.*&sweep=1,2,4&sweep-seeds=1-4$/);
  const { bytes } = await saved(page, () => page.getByRole('button', { name: 'Export CSV' }).click());
  const lines = bytes.toString('utf8').trim().split('\r\n');
  assert.equal(lines.length, 13, 'a head and twelve runs');
  assert.match(lines[0], /^model,prompt,/);
});

scenario('a bad sweep in a link falls back, says so, and does not start', {}, async ({ app, page }) => {
  await app.open({ fragment: `${base}&sweep=abc` });
  await page.getByText(/In the link, the sweep cannot be used as it is: 'abc'/).waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Step counts' }).inputValue(), '2,4,8,16,32');
  assert.equal(await count(page, 'generate'), 0);
});

for (const width of [320, 390]) {
  const context = { viewport: { width, height: 780 }, hasTouch: true, isMobile: true };
  scenario(`the Sweep page fits a screen of ${width} pixels`, { context }, async ({ app, page }) => {
    // Five columns are wider than the screen: they scroll in their own box.
    await app.open({ fragment: `${base}&sweep=1,2,4,8,16&sweep-seeds=1`, state: null });
    await made(page).nth(4).waitFor({ timeout: 120_000 });
    await page.locator('.chart svg').first().waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the screen`);
  });
}
