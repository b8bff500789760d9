// The installed page needs no network.

import assert from 'node:assert/strict';
import { suite } from './harness/browser.mjs';

const scenario = suite();

scenario('after one visit the page starts and makes pictures offline', { context: { serviceWorkers: 'allow' } }, async ({
  app,
  page,
  context,
  server,
}) => {
  await app.open();
  await app.generate({ prompt: 'a red apple', steps: 2, seed: 7 });
  const picture = (await app.shown()).hash;
  // Resolves once the service worker has every file and is active.
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await context.setOffline(true);
  await server.stop();
  await page.reload();
  await app.state('ready');
  assert.ok(await page.evaluate(() => navigator.serviceWorker.controller !== null), 'the service worker is in charge');
  await app.generate({ prompt: 'a red apple', steps: 2, seed: 7 });
  assert.equal((await app.shown()).hash, picture, 'the same picture as online');
});
