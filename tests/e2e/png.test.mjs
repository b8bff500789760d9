// Pictures that remember: what a saved file tells, and what is made of the files of other programs.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { sent } from './harness/engine.mjs';
import { texts, withText } from './harness/png.mjs';
import { saved } from './harness/saved.mjs';

const scenario = suite();

const save = async (page) => {
  const { name, bytes } = await saved(page, () => page.getByRole('button', { name: 'Save PNG' }).click());
  return { name, buffer: bytes };
};
const drop = (page, { name, buffer }) =>
  page.evaluate(([name, base64]) => {
    const data = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: 'image/png' }));
    document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
  }, [name, buffer.toString('base64')]);
const dialog = (page) => page.getByRole('dialog', { name: / by / });

scenario('a saved picture tells how it was made, and makes itself again', {}, async ({ app, page }) => {
  await app.open();
  await app.generate({ prompt: 'a red apple, café', negative: 'blue: green', steps: 3, seed: 7, guidance: 2.5, scheduler: 'heun' });
  const picture = (await app.shown()).hash;
  const file = await save(page);
  const { parameters, stepscope } = texts(file.buffer);
  assert.match(
    parameters,
    /^a red apple, café\nNegative prompt: blue: green\nSteps: 3, Sampler: Heun, Schedule type: Uniform, CFG scale: 2.5, Seed: 7, Size: 128x128, Model: [^,]+, RNG: CPU, Version: Stepscope [\d.]+$/,
  );
  assert.match(stepscope, /^prompt=a%20red%20apple/);

  await app.open();
  await drop(page, file);
  await dialog(page).waitFor();
  assert.equal(await dialog(page).getByText('Not taken over').count(), 0);
  await page.getByRole('button', { name: 'Use these settings' }).click();
  await app.status.filter({ hasText: `The settings of ${file.name} are in the form.` }).waitFor();
  assert.equal((await sent(page, 'generate')).length, 0, 'nothing runs unasked');
  await app.generate({});
  assert.equal((await app.shown()).hash, picture);
});

scenario('a file of AUTOMATIC1111 fills the form and says what is lost', {}, async ({ app, page }) => {
  await app.open();
  const text =
    'a (red:1.2) apple\nNegative prompt: blurry\nSteps: 12, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 4294967301, ' +
    'Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned, Clip skip: 2, Version: v1.10.1';
  const plain = await app.file('web ui.png', 8, 8, (context) => context.fillRect(0, 0, 4, 4));
  const chosen = { name: 'web ui.png', mimeType: 'image/png', buffer: withText(plain.buffer, 'parameters', text) };
  await page.getByLabel('Settings from a PNG').setInputFiles(chosen);
  await page.getByRole('dialog', { name: 'web ui.png by AUTOMATIC1111' }).waitFor();
  for (const lost of [/Clip skip: 2 – there is nothing like it/, /Model: v1-5-pruned – /, /In the file, width cannot be used/]) {
    await dialog(page).getByRole('listitem').filter({ hasText: lost }).waitFor();
  }
  await page.getByRole('button', { name: 'Use these settings' }).click();
  assert.equal(await app.prompt.inputValue(), 'a (red:1.2) apple');
  assert.equal(await app.steps.inputValue(), '12');
  assert.equal(await app.seed.inputValue(), '4294967301');
  await app.generateButton.click();
  await app.ended();
  const [{ message }] = await sent(page, 'generate');
  const { negative_prompt, scheduler, guidance_scale, rng, prompt_weights, width } = message.request;
  assert.deepEqual(
    { negative_prompt, scheduler, guidance_scale, rng, prompt_weights, width },
    { negative_prompt: 'blurry', scheduler: 'dpmpp-2m-karras', guidance_scale: 6.5, rng: 'philox', prompt_weights: true, width: 128 },
  );
});

scenario('a file with settings may be a picture to start from all the same; one without says so', {}, async ({ app, page }) => {
  await app.open();
  const plain = await app.file('plain.png', 32, 32, (context) => context.fillRect(0, 0, 4, 4));
  await drop(page, { name: 'told.png', buffer: withText(plain.buffer, 'parameters', 'a cat\nSteps: 5, Sampler: Euler, Seed: 1') });
  await page.getByRole('button', { name: 'Start from the picture' }).click();
  await page.getByText('Starts from told.png.').waitFor();
  await app.startPicture.waitFor();
  await page.getByLabel('Settings from a PNG').setInputFiles({ name: 'plain.png', mimeType: 'image/png', buffer: plain.buffer });
  await page.getByText(/'plain.png': This file tells no settings/).waitFor();
  await drop(page, { name: 'again.png', buffer: withText(plain.buffer, 'parameters', 'a dog') });
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'hidden' });
  await page.getByText('told.png', { exact: true }).first().waitFor();
});
