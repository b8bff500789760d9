// Saving the denoising: what is in the files, and that it can be stopped. And the links of the expert notes.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';
import { sent } from './harness/engine.mjs';
import { saved } from './harness/saved.mjs';
import { IS_FIREFOX } from './harness/which.mjs';

const scenario = suite();
const request = { prompt: 'a blue fish', steps: 3, seed: 4 };

async function save(page, { format, each, last = '200' }) {
  await page.getByRole('combobox', { name: 'Save as' }).selectOption(format);
  if (each) await page.getByRole('combobox', { name: 'Each frame lasts' }).selectOption(each);
  if (format !== 'strip') await page.getByRole('combobox', { name: 'The last one lasts' }).selectOption(last);
  const button = page.getByRole('button', { name: 'Save denoising' });
  return saved(page, () => button.click());
}

/** Frames of an animation as the browser decodes them: `{ ms, hash }` each. */
function decode(page, bytes, type) {
  return page.evaluate(
    async ([base64, kind]) => {
      const data = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const decoder = new ImageDecoder({ data, type: kind });
      await decoder.tracks.ready;
      await decoder.completed;
      const frames = [];
      for (let frameIndex = 0; frameIndex < decoder.tracks.selectedTrack.frameCount; frameIndex += 1) {
        const { image } = await decoder.decode({ frameIndex });
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [image.displayWidth, image.displayHeight];
        canvas.getContext('2d').drawImage(image, 0, 0);
        frames.push({ ms: image.duration / 1000, width: canvas.width, hash: window.stepscopeTest.hash(canvas) });
      }
      return frames;
    },
    [bytes.toString('base64'), type],
  );
}

const skip = IS_FIREFOX && 'the ImageDecoder of Firefox fails on animations';
scenario('an animated PNG and a GIF hold every step, for as long as was chosen', { skip }, async ({ app, page }) => {
  await app.open();
  await app.generate(request);
  await app.refined(3);
  const result = (await app.shown()).hash;
  const shown = [];
  for (const step of [1, 2]) {
    await app.scrubTo(step);
    await app.picture(`Step ${step} of 3`).waitFor();
    shown.push((await app.shown()).hash);
  }
  const apng = await save(page, { format: 'apng', each: '100', last: '1000' });
  assert.equal(apng.name, 'a-blue-fish-seed4-3steps-denoising.png');
  const frames = await decode(page, apng.bytes, 'image/png');
  assert.deepEqual(frames.map(({ hash }) => hash), [...shown, result], 'pixel by pixel');
  assert.deepEqual(frames.map(({ ms }) => ms), [100, 100, 1000]);

  const gif = await save(page, { format: 'gif', each: '200', last: '2000' });
  assert.equal(gif.name, 'a-blue-fish-seed4-3steps-denoising.gif');
  const pictures = await decode(page, gif.bytes, 'image/gif');
  assert.deepEqual(pictures.map(({ ms }) => ms), [200, 200, 2000]);
  assert.equal(new Set(pictures.map(({ hash }) => hash)).size, 3);

  await page.getByRole('combobox', { name: 'Frames show' }).selectOption('noisy');
  const noisy = await save(page, { format: 'apng' });
  assert.equal(noisy.name, 'a-blue-fish-seed4-3steps-denoising-noisy.png');
  const lanes = await decode(page, noisy.bytes, 'image/png');
  assert.equal(lanes.length, 3);
  assert.notEqual(lanes[0].hash, shown[0]);
});

scenario('a strip holds all steps on one picture', {}, async ({ app, page }) => {
  await app.open();
  await app.generate(request);
  const { name, bytes } = await save(page, { format: 'strip' });
  assert.equal(name, 'a-blue-fish-seed4-3steps-strip.png');
  const [sheet] = await decode(page, bytes, 'image/png');
  assert.ok(sheet.width > 3 * 64, `${sheet.width} pixels for three frames in a row`);
});

scenario('a video plays, and saving it can be stopped', {}, async ({ app, page }) => {
  await app.open();
  await app.generate(request);
  const { name, bytes } = await save(page, { format: 'webm', each: '200' });
  assert.equal(name, 'a-blue-fish-seed4-3steps-denoising.webm');
  // The page's own policy lets no video in.
  const player = await page.context().newPage();
  const size = await player.evaluate(async (base64) => {
    const video = document.createElement('video');
    const loaded = new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = () => reject(new Error(video.error.message));
    });
    video.src = `data:video/webm;base64,${base64}`;
    await loaded;
    return [video.videoWidth, video.videoHeight];
  }, bytes.toString('base64'));
  assert.deepEqual(size, [256, 256]);
  await player.close();

  await page.getByRole('combobox', { name: 'Each frame lasts' }).selectOption('1000');
  await page.getByRole('button', { name: 'Save denoising' }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await app.status.filter({ hasText: 'Saving was stopped' }).waitFor();
  await page.getByRole('progressbar', { name: 'Saving' }).waitFor({ state: 'hidden' });
  // A file that was saved after this one would have come before it.
  const next = await save(page, { format: 'strip' });
  assert.match(next.name, /-strip\.png$/);
});

scenario('a demonstration of the expert notes fills the form and runs', {}, async ({ app, page }) => {
  await app.open();
  await page.getByText('Expert notes: where common advice').click();
  await page.evaluate(() => window.stepscopeTest.forget());
  await page.getByRole('link', { name: 'Run 5 steps' }).click();
  await app.ended();
  await app.picture('red heart').waitFor();
  assert.equal(await app.steps.inputValue(), '5');
  assert.equal((await sent(page, 'generate')).at(-1).message.request.num_inference_steps, 5);
  for (const article of await page.locator('.notes article').all()) {
    assert.ok((await article.getByRole('list', { name: 'Sources' }).getByRole('link').count()) > 0, 'every note has a source');
    assert.ok((await article.locator('.demo').count()) > 0, 'every note can be tried');
  }
});
