// Open to everyone: no rule of axe-core (WCAG 2.2 A and AA, best practice) is broken, on any screen, in any state.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { suite } from './harness/browser.mjs';
import { withText } from './harness/png.mjs';

const scenario = suite();

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe finds: rule, what it says, and the elements. */
async function violations(page) {
  // What a page may not load into itself (its policy forbids inline scripts) can be evaluated from outside.
  await page.evaluate(axe.source);
  const { violations: broken } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), TAGS);
  return broken.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.failureSummary.replaceAll('\n', ' ')} in ${node.html.slice(0, 160)}`));
}

const SCREENS = ['Run', 'Sweep', 'Compare', 'Log', 'Models'];
const goTo = async (page, screen) => {
  await page.getByRole('link', { name: screen, exact: true }).click();
  await page.locator(`nav a[aria-current="page"]`, { hasText: screen }).waitFor();
};

for (const colorScheme of ['light', 'dark']) {
  for (const [device, viewport] of [['desktop', { width: 1280, height: 800 }], ['phone', { width: 390, height: 844 }]]) {
    scenario(`every screen, before and after a run: ${colorScheme}, ${device}`, { context: { colorScheme, viewport } }, async ({ app, page }) => {
      const found = [];
      const look = async (where) => found.push(...(await violations(page)).map((line) => `${where}: ${line}`));
      await app.open();
      for (const screen of SCREENS) {
        await goTo(page, screen);
        await look(`${screen}, fresh`);
      }
      await goTo(page, 'Run');
      await app.generate({ prompt: 'a red apple', steps: 3, seed: 7 });
      await app.advanced.click();
      await app.startSection.click();
      for (const summary of await page.locator('summary, [aria-expanded="false"]').all()) {
        if (await summary.isVisible()) await summary.click();
      }
      await look('Run, all opened');
      for (const screen of SCREENS.slice(1)) {
        await goTo(page, screen);
        await look(`${screen}, after a run`);
        if (screen !== 'Compare') continue;
        for (const name of ['Side by side', 'Flicker', 'Difference', 'Blind vote']) {
          await page.getByRole('button', { name }).click();
          await page.getByRole('button', { name, pressed: true }).waitFor();
          await look(`Compare, ${name}`);
        }
      }
      assert.deepEqual(found, []);
    });
  }
}

scenario('a bad field, and a question', {}, async ({ app, page }) => {
  await app.open();
  await app.steps.fill('500');
  await app.generateButton.click();
  await page.getByText(/^Steps must be a whole number/).waitFor();
  assert.deepEqual(await violations(page), [], 'a bad field');

  await app.steps.fill('5');
  const plain = await app.file('a.png', 8, 8, (context) => context.fillRect(0, 0, 4, 4));
  const text = 'a cat\nSteps: 5, Sampler: Euler, Seed: 1, Clip skip: 2';
  const file = { name: 'a.png', mimeType: 'image/png', buffer: withText(plain.buffer, 'parameters', text) };
  await page.getByLabel('Settings from a PNG').setInputFiles(file);
  await page.getByRole('button', { name: 'Use these settings' }).waitFor();
  assert.deepEqual(await violations(page), [], 'what a file tells');
});

for (const colorScheme of ['light', 'dark']) {
  scenario(`links to share, and one that was opened: ${colorScheme}`, { context: { colorScheme } }, async ({ app, page }) => {
    await app.open({ fragment: 'prompt=a+red+apple&steps=2&compare-steps=4' });
    await page.getByRole('img', { name: /^B: 4 steps/ }).waitFor();
    await page.getByRole('note', { name: 'The link' }).waitFor();
    assert.deepEqual(await violations(page), [], 'a pair of a link');
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('img', { name: 'QR code of the link' }).waitFor();
    assert.deepEqual(await violations(page), [], 'links to share');
  });
}
