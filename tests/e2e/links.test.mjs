// Links that carry experiments: recipes, pairs, presets, their QR code; what the reader of a link is told; bad and new ones.

import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import { suite } from './harness/browser.mjs';
import { messages, sent } from './harness/engine.mjs';

const scenario = suite();
const permissions = ['clipboard-read', 'clipboard-write'];
const apple = { prompt: 'a red apple & "more" ü', seed: 7, guidance: 1, scheduler: 'euler' };

const notice = (page) => page.getByRole('note', { name: 'The link' });
const dialog = (page) => page.getByRole('dialog', { name: 'Share' });
const clipboard = async (page) => new URL(await page.evaluate(() => navigator.clipboard.readText()));
const hash = (canvas) => canvas.evaluate((element) => window.stepscopeTest.hash(element));
const row = (page, name) => page.locator('.compare-settings tbody tr', { hasText: name });
/** Runs `body` for somebody else, who opens the link on the same engine. */
const stranger = async (browser, open, link, body) => {
  const profile = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const other = await open(profile);
    link.searchParams.set('engine', 'cpu');
    await other.page.goto(link.href);
    await body(other);
  } finally {
    await profile.close();
  }
};

scenario('a recipe from the log gives a stranger the same picture', { context: { permissions } }, async ({ app, page, browser, open }) => {
  await app.open();
  await app.generate({ ...apple, steps: 3, negative: 'blurry' });
  const mine = await app.shown();
  await app.go('Log');
  await page.getByRole('button', { name: 'Copy recipe link' }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes('#recipe='));
  const link = await clipboard(page);
  const packed = link.hash.match(/^#recipe=([\w-]+)$/)?.[1];
  assert.ok(packed, link.hash);
  const inside = JSON.parse(inflateSync(Buffer.from(packed, 'base64url')));
  assert.equal(inside.v, '1');
  for (const key of ['eta', 'rng', 'timesteps', 'weights', 'width', 'revision']) assert.ok(key in inside, key);

  await stranger(browser, open, link, async (other) => {
    await other.app.ended();
    await other.app.picture(apple.prompt).waitFor();
    assert.deepEqual(await other.app.shown(), mine);
    assert.equal(await other.app.negative.inputValue(), 'blurry');
    const told = await notice(other.page).innerText();
    assert.match(told, /This link sets prompt “a red apple & "more" ü”, negative prompt “blurry”, steps 3, scheduler Euler, .*It runs at once\./);
    await notice(other.page).getByRole('button', { name: 'Dismiss' }).click();
    await notice(other.page).waitFor({ state: 'hidden' });
  });
});

scenario('a link to a pair makes both and compares them; its copy does the same', { context: { permissions } }, async ({ app, page, browser, open }) => {
  await app.open({ fragment: 'prompt=a+red+apple&seed=7&guidance=1&scheduler=euler&steps=2&compare-steps=4&compare-scheduler=heun' });
  await page.getByRole('heading', { name: 'Compare', level: 1 }).waitFor();
  await page.getByRole('img', { name: /^A: 2 steps · Euler/ }).waitFor();
  const b = page.getByRole('img', { name: /^B: 4 steps · Heun/ });
  await b.waitFor();
  assert.match(await notice(page).innerText(), /The second picture has steps 4, scheduler Heun\. Pictures that are not here yet are made/);
  assert.deepEqual(await row(page, 'Steps').allInnerTexts(), ['Steps\t2\t4']);
  const requests = (await sent(page, 'generate')).map(({ message }) => message.request);
  assert.deepEqual(requests.map(({ num_inference_steps }) => num_inference_steps), [2, 4]);
  const second = await hash(b);
  assert.equal(second, (await messages(page, 'done'))[1].pixels);

  // The same pair with a step of the second: nothing is made again.
  await page.getByLabel('Picture B').selectOption({ label: 'Step 3 of 4' });
  await page.getByRole('img', { name: /^B: Step 3 of 4/ }).waitFor();
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes('compare-shown=3'));
  const link = await clipboard(page);
  await page.getByRole('button', { name: 'Swap A and B' }).click();
  await page.getByRole('img', { name: /^A: Step 3 of 4/ }).waitFor();
  await page.evaluate((fragment) => (location.hash = fragment), link.hash);
  await page.getByRole('img', { name: /^B: Step 3 of 4/ }).waitFor();
  assert.equal((await sent(page, 'generate')).length, 2, 'both were here');

  await stranger(browser, open, link, async (other) => {
    await other.page.getByRole('img', { name: /^A: 2 steps/ }).waitFor({ timeout: 60_000 });
    await other.page.getByRole('img', { name: /^B: Step 3 of 4/ }).waitFor({ timeout: 60_000 });
    await other.page.getByLabel('Picture B').selectOption({ label: '4 steps · Heun · seed 7 · a red apple' });
    const theirs = other.page.getByRole('img', { name: /^B: 4 steps · Heun/ });
    await theirs.waitFor();
    assert.equal(await hash(theirs), second);
  });
});

scenario('a pair that is cancelled can be made after all', {}, async ({ app, page }) => {
  await app.open({ fragment: 'prompt=a+red+apple&seed=7&guidance=1&scheduler=euler&steps=2&compare-steps=150', state: null });
  await app.loaded();
  await page.getByRole('img', { name: /^A: 2 steps/ }).waitFor({ timeout: 60_000 });
  await page.getByRole('main').getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('The pictures of the link are not complete.').waitFor();
  await page.getByRole('button', { name: 'Make them' }).click();
  await page.getByText('The pictures of the link are not complete.').waitFor({ state: 'hidden' });
  const steps = (await sent(page, 'generate')).map(({ message }) => message.request.num_inference_steps);
  assert.deepEqual(steps, [2, 150, 150], 'the first was here');
});

scenario('Share offers presets, a recipe and a code, by keyboard', { context: { permissions } }, async ({ app, page }) => {
  await app.open();
  await app.fill({ ...apple, steps: 12 });
  const share = page.getByRole('button', { name: 'Share', exact: true });
  await share.press('Enter');
  await dialog(page).waitFor();
  const link = dialog(page).getByRole('textbox', { name: 'Link' });
  const fragment = async () => new URLSearchParams(new URL(await link.inputValue()).hash.slice(1));
  assert.equal((await fragment()).get('steps'), '12');
  const which = dialog(page).getByLabel('Link to');
  assert.deepEqual(await which.locator('option').allInnerTexts(), [
    'As set: 12 steps',
    'Fast: 4 steps',
    'Final: 30 steps',
    'Recipe: every setting, packed',
  ]);
  const code = dialog(page).getByRole('img', { name: 'QR code of the link' });
  const codes = new Set([await code.innerHTML()]);
  for (const [label, steps] of [['Fast: 4 steps', '4'], ['Final: 30 steps', '30']]) {
    await which.selectOption({ label });
    await page.waitForFunction((wanted) => document.querySelector('.share input').value.includes(`steps=${wanted}&`), steps);
    assert.equal((await fragment()).get('prompt'), apple.prompt);
    codes.add(await code.innerHTML());
  }
  assert.equal(codes.size, 3, 'every link has a code of its own');
  await which.selectOption({ label: 'Recipe: every setting, packed' });
  await page.waitForFunction(() => document.querySelector('.share input').value.includes('#recipe='));
  assert.equal(await dialog(page).getByRole('button', { name: 'Send with …' }).count(), 0, 'this browser has no sharing');
  await dialog(page).getByRole('button', { name: 'Copy link' }).press('Enter');
  await app.status.filter({ hasText: 'Link copied' }).waitFor();
  assert.match((await clipboard(page)).hash, /^#recipe=/);
  assert.equal(await dialog(page).count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Share', 'the focus comes back');

  await app.prompt.fill('word '.repeat(900));
  await share.press('Enter');
  await dialog(page).getByText('too long for a QR code').waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'hidden' });
});

scenario('where the browser can share, the link goes there', {}, async ({ app, page }) => {
  await page.addInitScript(() => {
    navigator.share = async (data) => {
      window.shared = data;
    };
  });
  await app.open();
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await dialog(page).getByRole('button', { name: 'Send with …' }).click();
  await page.waitForFunction(() => window.shared !== undefined);
  assert.match(await page.evaluate(() => window.shared.url), /#prompt=.*&steps=/);
});

scenario('a damaged recipe and a newer link say so', {}, async ({ app, page }) => {
  await app.open({ fragment: 'recipe=eNqrVipTslIyVKoFAA' });
  await page.getByText('The recipe in the link is damaged or cut short: copy the link again, all of it.').waitFor();
  assert.equal((await sent(page, 'generate')).length, 0, 'nothing is made of nothing');
  await app.open({ fragment: 'v=9&prompt=a+red+apple&steps=1' });
  await page.getByText(/The link is of version '9', and this page knows version 1/).waitFor();
  await app.picture('a red apple').waitFor();
});

scenario('the dialog is no wider than the smallest phone', { context: { viewport: { width: 320, height: 640 } } }, async ({ app, page }) => {
  await app.open();
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  const box = await dialog(page).boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 320, JSON.stringify(box));
  const code = await dialog(page).getByRole('img', { name: 'QR code of the link' }).boundingBox();
  assert.ok(code.width >= 180 && code.x + code.width <= 320, JSON.stringify(code));
});
