// The log: runs are kept by themselves and survive a reload; notes, search, run again, delete and undo, export, import.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { sent } from './harness/engine.mjs';
import { saved } from './harness/saved.mjs';

const scenario = suite();

const runs = (page) => page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
/** Waits until the browser has kept everything. */
const written = (page) => page.locator('.log-list[aria-busy="false"]').waitFor();
const openLog = async (page) => {
  await page.getByRole('link', { name: 'Log', exact: true }).click();
  await page.getByRole('heading', { name: 'Log', level: 1 }).waitFor();
};
const text = async (page, name) => {
  const { bytes } = await saved(page, () => page.getByRole('button', { name }).click());
  return bytes.toString('utf8');
};

scenario('runs are kept with their pictures, and what changed, over a reload', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 2, seed: 7 });
  await app.generate({ steps: 3 });
  await openLog(page);
  await runs(page).nth(1).waitFor();
  assert.equal(await runs(page).count(), 2);
  await runs(page).first().getByText('steps 2 → 3').waitFor();

  // Typed, not filled in: a field that a program fills in changes without saying so in Firefox.
  await runs(page).first().getByRole('textbox', { name: 'Note' }).pressSequentially('sharper');
  await runs(page).first().getByRole('button', { name: /Star/ }).click();
  await runs(page).first().getByRole('button', { name: '★ Starred' }).waitFor();
  await written(page);
  await page.reload();
  await runs(page).nth(1).waitFor();
  assert.equal(await runs(page).first().getByRole('textbox', { name: 'Note' }).inputValue(), 'sharper');
  await runs(page).first().getByRole('button', { name: '★ Starred' }).waitFor();
  await page.waitForFunction(() => {
    const pictures = [...document.querySelectorAll('.log-picture')];
    return pictures.length === 2 && pictures.every((picture) => picture.complete && picture.naturalWidth === 128);
  });

  const search = page.getByRole('searchbox', { name: 'Search' });
  await search.fill('steps:2');
  await page.getByText('1 of 2 runs').waitFor();
  assert.equal(await runs(page).count(), 1);
  await search.fill('sharper star');
  await runs(page).first().getByText('3 steps').waitFor();
});

scenario('a run of the log is made again', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 2, seed: 7, scheduler: 'heun' });
  await app.fill({ prompt: 'a blue fish', steps: 4, scheduler: 'euler' });
  await openLog(page);
  await runs(page).first().getByRole('button', { name: 'Run again' }).click();
  await app.picture('a red apple').waitFor();
  await page.waitForFunction(() => window.stepscopeSent.filter(({ message }) => message?.type === 'generate').length === 2);
  const [first, second] = await sent(page, 'generate');
  assert.deepEqual(second.message.request, first.message.request);
});

scenario('deleted runs come back, and the log travels as a file', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 1, seed: 7 });
  await app.generate({ prompt: 'a "blue", fish', steps: 2 });
  await openLog(page);
  const csv = await text(page, 'Export CSV');
  assert.match(csv, /^created_ms,origin,/);
  assert.ok(csv.includes('"a ""blue"", fish"'), csv);
  const json = await text(page, 'Export JSON');
  assert.equal(JSON.parse(json).runs.length, 2);

  await runs(page).first().getByRole('button', { name: 'Delete' }).click();
  await page.getByText('1 run', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Bring the run back' }).click();
  await page.getByText('2 runs', { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Delete all' }).click();
  await page.getByRole('button', { name: 'Really delete 2 runs' }).click();
  await page.getByRole('button', { name: 'Bring 2 runs back' }).waitFor();
  assert.equal(await runs(page).count(), 0);
  const input = page.locator('input[type="file"][accept*="json"]');
  await input.setInputFiles({ name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{"format":1}') });
  await page.getByRole('alert').filter({ hasText: 'This file cannot be imported' }).waitFor();
  await input.setInputFiles({ name: 'log.json', mimeType: 'application/json', buffer: Buffer.from(json) });
  await page.getByText('2 runs', { exact: true }).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
});

const permissions = ['clipboard-read', 'clipboard-write'];
scenario('a run is copied as a program and as parameters', { context: { permissions } }, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 2, seed: 7, scheduler: 'dpmpp-2m-karras' });
  await openLog(page);
  await page.getByRole('button', { name: 'Copy for diffusers' }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes('use_karras_sigmas=True'));
  await page.getByRole('button', { name: 'Copy for AUTOMATIC1111' }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes('Schedule type: Karras, CFG scale: 4, Seed: 7'));
});
