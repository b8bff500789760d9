// Choosing another model: the question before a download, what is kept, what the form takes over, links that name one.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { messages, sent } from './harness/engine.mjs';

const scenario = suite();

/** Adds a second model to the list: the embedded one under another name, with other defaults and a file of its own. */
async function secondModel(page) {
  const asked = [];
  await page.route('**/models/catalog.json', async (route) => {
    const response = await route.fetch();
    const [first, ...others] = await response.json();
    const second = { ...first, id: 'second', name: 'Second' };
    await route.fulfill({ response, json: [first, second, ...others] });
  });
  await page.route('**/models/second/**', async (route) => {
    const url = route.request().url().replace('/models/second/', '/models/emoji/');
    asked.push(new URL(url).pathname.split('/models/emoji/')[1]);
    const response = await route.fetch({ url });
    if (!url.includes('/stepscope.json')) return route.fulfill({ response });
    const about = await response.json();
    about.display_name = 'Second';
    about.defaults.steps = 3;
    about.defaults.scheduler = 'euler';
    // The tokenizer's settings differ by a space at the end: a file that the first model does not have.
    const own = about.files.find((file) => file.path === 'model_index.json');
    own.size += 1;
    own.sha256 = await spaced(route, url.replace(/stepscope\.json.*/, 'model_index.json'));
    return route.fulfill({ response, json: about });
  });
  await page.route('**/models/second/model_index.json*', async (route) => {
    asked.push('model_index.json');
    const response = await route.fetch({ url: route.request().url().replace('/models/second/', '/models/emoji/') });
    await route.fulfill({ response, body: `${await response.text()} ` });
  });
  return asked;
}

async function spaced(route, url) {
  const { createHash } = await import('node:crypto');
  const text = await (await route.fetch({ url })).text();
  return createHash('sha256').update(`${text} `).digest('hex');
}

const dialog = (page) => page.getByRole('dialog', { name: 'Download Second?' });

scenario('another model asks first, is downloaded once, and brings its defaults', {}, async ({ app, page }) => {
  const asked = await secondModel(page);
  await app.open();
  await app.steps.fill('7');
  await app.model.selectOption('second');
  await dialog(page).waitFor();
  assert.equal((await sent(page, 'load')).length, 0, 'nothing before the answer');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'hidden' });
  assert.equal(await app.model.inputValue(), 'emoji', 'no means the model that is loaded');

  await app.model.selectOption('second');
  await dialog(page).getByRole('button', { name: /^Download/ }).click();
  await app.status.filter({ hasText: 'Second is loaded' }).waitFor();
  await app.state('ready');
  assert.deepEqual(asked.filter((path) => !path.startsWith('stepscope')), ['model_index.json'], 'only what differs');
  assert.equal(await app.scheduler.inputValue(), 'euler');
  assert.equal(await app.steps.inputValue(), '7', 'what the user typed stays');
  const { frames } = await app.generate({ prompt: 'a red apple', steps: 2, seed: 7 });
  assert.equal(frames.length, 2);
  const [generate] = await sent(page, 'generate');
  assert.equal(generate.message.request.model, 'second');

  // It is here now: no question.
  await app.model.selectOption('emoji');
  await app.status.filter({ hasText: /(?<!Second) is loaded/ }).waitFor();
  await app.model.selectOption('second');
  await app.status.filter({ hasText: 'Second is loaded' }).waitFor();
  assert.equal(await dialog(page).count(), 0);
});

scenario('a link to a model that is not here asks, and runs when it is', {}, async ({ app, page }) => {
  await secondModel(page);
  await app.open({ fragment: 'prompt=a%20red%20apple&steps=2&seed=7&model=second', state: 'loading' });
  await dialog(page).waitFor();
  await page.getByText(/^This link sets .*Missing: the model Second, .* to download if you allow it\.$/).waitFor();
  await dialog(page).getByRole('button', { name: /^Download/ }).click();
  await page.getByText(/^This link sets .*It runs at once\.$/).waitFor({ timeout: 60_000 });
  await app.picture('a red apple').waitFor({ timeout: 60_000 });
  const [generate] = await sent(page, 'generate');
  assert.equal(generate.message.request.model, 'second');
});

scenario('a link whose model is declined runs with the one that the page brings', {}, async ({ app, page }) => {
  await secondModel(page);
  await app.open({ fragment: 'prompt=a%20red%20apple&steps=2&seed=7&model=second', state: 'loading' });
  await dialog(page).getByRole('button', { name: 'Not now' }).click();
  await app.picture('a red apple').waitFor({ timeout: 60_000 });
  const [generate] = await sent(page, 'generate');
  assert.deepEqual([generate.message.request.model, generate.message.request.num_inference_steps], ['emoji', 2]);
  assert.equal((await messages(page, 'model')).length, 1);
});

scenario('the Models page tells what is here and switches', {}, async ({ app, page }) => {
  await secondModel(page);
  await app.open();
  await page.getByRole('link', { name: 'Models' }).click();
  await page.getByText(/still to be downloaded|Not on this device/).first().waitFor();
  await page.getByRole('button', { name: 'Use this model: Second' }).click();
  await dialog(page).getByRole('button', { name: /^Download/ }).click();
  // The model that was loaded can be chosen again, so the other one is there.
  await page.getByRole('button', { name: 'Use this model: Emoji', exact: true }).waitFor({ timeout: 60_000 });
  await page.getByText(/^On this device/).first().waitFor();
});
