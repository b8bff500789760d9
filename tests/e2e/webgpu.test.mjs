// The WebGPU path, on Chromium's software adapter: correct, not fast.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';

const scenario = suite({ webgpu: 'software' });
const prompt = 'a red apple';

// A software adapter takes seconds for each model call: guidance, which doubles them, is tried once.
for (const [steps, guidance] of [[1, 4], [4, 1], [20, 1]]) {
  scenario(`${steps} steps on WebGPU give the picture of the CPU path`, { timeout: 600_000 }, async ({ app, page }) => {
    const request = { prompt, steps, guidance, seed: 7 };
    await app.open({ engine: 'cpu' });
    await app.generate(request);
    const cpu = await app.pixels();

    await app.open({ engine: 'webgpu' });
    assert.equal(await page.locator('html').getAttribute('data-engine'), 'webgpu');
    const { frames } = await app.generate(request, 500_000);
    assert.equal(frames.length, steps);
    assert.equal(new Set(frames.map((frame) => frame.hash)).size, steps, 'every step shows another picture');
    const gpu = await app.pixels();
    assert.equal(gpu.length, cpu.length);
    const difference = gpu.reduce((sum, value, index) => sum + Math.abs(value - cpu[index]), 0) / gpu.length;
    // Sums in another order move the last bits of f32, and with them a few pixels by one level.
    assert.ok(difference < 1, `mean difference ${difference} of 255`);
  });
}

scenario('painting over a part of a picture on WebGPU is as on the CPU path', { timeout: 600_000 }, async ({ app }) => {
  const pictures = [];
  for (const engine of ['cpu', 'webgpu']) {
    await app.open({ engine });
    await app.advanced.click();
    await app.width.selectOption('64');
    await app.height.selectOption('64');
    const leaf = (context, width, height) => {
      context.fillStyle = '#20a040';
      context.fillRect(width / 4, height / 4, width / 2, height / 2);
    };
    await app.startFrom(await app.file('leaf.png', 64, 64, leaf));
    await app.dab(0.5, 0.5);
    const { frames } = await app.generate({ prompt, steps: 4, guidance: 1, seed: 7 }, 500_000);
    assert.equal(frames.length, 3, 'int(4 * 0.75)');
    pictures.push(await app.pixels());
  }
  const [cpu, gpu] = pictures;
  const difference = gpu.reduce((sum, value, index) => sum + Math.abs(value - cpu[index]), 0) / gpu.length;
  assert.ok(difference < 1, `mean difference ${difference} of 255`);
});

scenario('left to choose, the page measures and says what it chose', {}, async ({ app, page }) => {
  await app.open({ engine: null });
  const engine = await page.locator('html').getAttribute('data-engine');
  assert.ok(['webgpu', 'cpu'].includes(engine), engine);
  // A software adapter is slower than the CPU path, which the page tells.
  if (engine === 'cpu') await page.getByText(/WebGPU/).first().waitFor();
  await app.generate({ prompt, steps: 1, seed: 7 });
});
