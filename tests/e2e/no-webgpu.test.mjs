// A browser without WebGPU: the CPU path does the job, and the page says why it is slower than it could be.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';

const scenario = suite({ webgpu: 'absent' });

scenario('without WebGPU the CPU path takes over, with a notice', {}, async ({ app, page }) => {
  await app.open({ engine: null });
  assert.equal(await page.locator('html').getAttribute('data-engine'), 'cpu');
  await page.getByText(/WebGPU/).first().waitFor();
  await app.generate({ prompt: 'a red apple', steps: 4, seed: 7 });
});

scenario('asking for WebGPU where there is none is an error that names the way out', {}, async ({ app }) => {
  await app.open({ engine: 'webgpu', state: 'error' });
  const message = await app.alert.first().textContent();
  assert.match(message, /WebGPU/);
});
