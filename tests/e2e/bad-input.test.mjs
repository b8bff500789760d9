// Bad input: each gets a message that names the thing, and the page stays usable.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';

const scenario = suite();
// The engine asks for files with their checksum in the query.
const UNET = '**/models/emoji/unet/diffusion_pytorch_model.safetensors*';
const CONFIG = '**/models/emoji/unet/config.json*';
// The browser itself logs a failed download; the message under test is the page's.
const allowErrors = /Failed to load resource|net::ERR_/;

scenario('steps that make no sense are refused by name', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 1, seed: 1 });
  const before = (await app.shown()).hash;
  for (const bad of ['0', '151', 'abc', '']) {
    await app.start({ steps: bad });
    await page.getByText(`Steps must be a whole number from 1 to 150, not '${bad}'.`).waitFor();
    assert.equal((await app.shown()).hash, before, 'the picture stays');
  }
  await app.generate({ prompt: 'a red apple', steps: 2, seed: 1 });
});

scenario('a seed beyond 2^53 keeps its digits', {}, async ({ app, page }) => {
  await app.open({ fragment: 'seed=9007199254740993&steps=1&prompt=a' });
  await app.picture('a').waitFor();
  assert.equal(await app.seed.inputValue(), '9007199254740993');
  await app.start({ seed: '18446744073709551616' });
  await page.getByText(/Seed must be a whole number/).first().waitFor();
});

scenario('a link with garbage falls back to defaults and says so', {}, async ({ app, page }) => {
  await app.open({ fragment: 'steps=banana&guidance=%E0%A4%A&scheduler=eular&seed=-1&unknown=1&prompt=a%20cat' });
  await page.getByText(/banana/).first().waitFor();
  await page.getByText(/eular/).first().waitFor();
  assert.equal(await app.prompt.inputValue(), 'a cat');
  const steps = Number(await app.steps.inputValue());
  assert.ok(steps >= 1 && steps <= 150, `${steps}`);
  await app.generate({ prompt: 'a cat', steps: 1, seed: 1 });
});

scenario('a prompt beyond the context says how much was cut', {}, async ({ app, page }) => {
  await app.open();
  const prompt = Array.from({ length: 120 }, (_, index) => `word${index}`).join(' ');
  await app.generate({ prompt, steps: 1, seed: 1 });
  await page.getByText(/\d+ tokens/).first().waitFor();
});

const faults = {
  missing: (route) => route.fulfill({ status: 404, body: 'not here' }),
  truncated: async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    await route.fulfill({ response, body: body.subarray(0, body.length / 2), headers: plain(response) });
  },
  corrupted: async (route) => {
    const response = await route.fetch();
    const body = Buffer.from(await response.body());
    body.fill(0xff, 0, 4096);
    await route.fulfill({ response, body, headers: plain(response) });
  },
  'subtly corrupted': async (route) => {
    const response = await route.fetch();
    const body = Buffer.from(await response.body());
    body[body.length >> 1] ^= 0x40;
    await route.fulfill({ response, body, headers: plain(response) });
  },
};
const plain = (response) => {
  const headers = response.headers();
  delete headers['content-length'];
  return headers;
};

for (const [fault, answer] of Object.entries(faults)) {
  scenario(`a ${fault} weight file is named, and trying again heals`, { allowErrors }, async ({ app, page }) => {
    await page.route(UNET, answer);
    await app.open({ state: 'error' });
    const message = await app.alert.filter({ hasText: 'unet/diffusion_pytorch_model.safetensors' }).first().textContent();
    assert.ok(message.length > 40, `the message says what happened and what to do: '${message}'`);
    await page.unroute(UNET);
    await app.retry.click();
    await app.state('ready');
    await app.generate({ prompt: 'a red apple', steps: 1, seed: 1 });
  });
}

// A folder that lists no files has no checksums: its config may say anything.
async function withoutChecksums(page) {
  await page.route('**/models/emoji/stepscope.json', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), files: [] }, headers: plain(response) });
  });
}

scenario('a config with an unsupported block type is named', { allowErrors }, async ({ app, page }) => {
  await withoutChecksums(page);
  await page.route(CONFIG, async (route) => {
    const response = await route.fetch();
    const text = (await response.text()).replace('"DownBlock2D"', '"HoverBlock2D"');
    assert.match(text, /HoverBlock2D/, 'the test has something to break');
    await route.fulfill({ response, body: text, headers: plain(response) });
  });
  await app.open({ state: 'error' });
  await app.alert.filter({ hasText: 'HoverBlock2D' }).first().waitFor();
});

scenario('unknown keys in a config do no harm', {}, async ({ app, page }) => {
  await withoutChecksums(page);
  await page.route(CONFIG, async (route) => {
    const response = await route.fetch();
    const config = { ...(await response.json()), some_future_key: [1, { a: null }] };
    await route.fulfill({ response, json: config, headers: plain(response) });
  });
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 1, seed: 1 });
});
