// Launches Chromium, gives each test a fresh profile, and keeps a picture and the console of a page whose test failed.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium, firefox } from 'playwright-core';
import { recordMessages } from './engine.mjs';
import { recordFrames } from './frames.mjs';
import { StepscopePage } from './page.mjs';
import { recordBlobs } from './saved.mjs';
import { startServer } from './server.mjs';
import { IS_FIREFOX } from './which.mjs';

const artifacts = fileURLToPath(new URL('../../artifacts/', import.meta.url));

const COMMON = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A canvas that is read back moves from GPU to CPU drawing, which resamples otherwise: the same picture would get two
  // hashes.
  '--disable-accelerated-2d-canvas',
];
// Chromium's software adapter, so that the GPU path runs on every machine.
const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

// No flag of Chromium takes WebGPU away, but an address that is neither https nor this machine does: `navigator.gpu` is
// missing there, in the page and in workers.
const STRANGE_HOST = 'stepscope.test';
const NO_WEBGPU = [`--host-resolver-rules=MAP ${STRANGE_HOST} 127.0.0.1`];

// Firefox as it is installed, driven by WebDriver BiDi. Its software adapter is Mesa's.
const FIREFOX_PREFS = {
  software: { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true },
  absent: { 'dom.webgpu.enabled': false },
};

// Playwright cannot intercept what a service worker fetches; the offline test asks for one. Firefox has no command yet
// for the media features that Playwright sets unasked.
const CONTEXT = IS_FIREFOX
  ? { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null }
  : { serviceWorkers: 'block' };

/** Starts a browser. `webgpu`: `'software'`, `'absent'` or, where a test asks for the CPU path anyway, undefined. */
export function launch({ webgpu } = {}) {
  if (IS_FIREFOX) {
    return firefox.launch({
      channel: 'moz-firefox',
      executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
      firefoxUserPrefs: FIREFOX_PREFS[webgpu] ?? {},
    });
  }
  const extra = { software: SOFTWARE_GPU, absent: NO_WEBGPU }[webgpu] ?? [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...COMMON, ...extra] });
}

/**
 * Starts a server and a browser for the tests of one file. The result makes tests: each gets the page object, the
 * Playwright page and context, and the server, and fails on anything that the console calls an error.
 *
 * `allowErrors` is a pattern of console errors that belong to the test; `context` are Playwright's context options; `skip`
 * is why a test cannot be run in this browser.
 */
export function suite({ webgpu } = {}) {
  const shared = {};
  before(async () => {
    shared.server = await startServer();
    const address = new URL(shared.server.url);
    if (webgpu === 'absent' && !IS_FIREFOX) address.hostname = STRANGE_HOST;
    shared.base = address.origin;
    shared.browser = await launch({ webgpu });
  });
  after(async () => {
    await shared.browser?.close();
    await shared.server?.stop();
  });
  return function scenario(name, { allowErrors, context: options = {}, timeout = 180_000, skip } = {}, body) {
    test(name, { timeout, skip }, async () => {
      const context = await shared.browser.newContext({ ...CONTEXT, ...options });
      const consoles = [];
      try {
        const open = async (profile = context) => {
          const page = await profile.newPage();
          watch(page, consoles);
          await page.addInitScript(recordFrames);
          await page.addInitScript(recordMessages);
          if (IS_FIREFOX) await page.addInitScript(recordBlobs);
          return { page, app: new StepscopePage(page, shared.base) };
        };
        const first = await open();
        await body({ ...first, ...shared, context, open });
        const errors = consoles.filter((line) => line.error && !allowErrors?.test(line.text));
        assert.deepEqual(errors.map((line) => line.text), [], 'the console has errors');
      } catch (error) {
        await keep(name, context, consoles);
        throw error;
      } finally {
        await context.close();
      }
    });
  };
}

function watch(page, lines) {
  page.on('console', (message) => lines.push({ error: message.type() === 'error', text: message.text() }));
  page.on('pageerror', (error) => lines.push({ error: true, text: `uncaught: ${error.message}` }));
}

async function keep(name, context, consoles) {
  await mkdir(artifacts, { recursive: true });
  const base = artifacts + name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  await writeFile(`${base}.log`, consoles.map((line) => `${line.error ? 'error: ' : ''}${line.text}\n`).join(''));
  for (const [index, page] of context.pages().entries()) {
    await page.screenshot({ path: `${base}${index ? `-${index}` : ''}.png`, fullPage: true }).catch((error) => {
      console.log(`no picture of '${name}': ${error.message}`);
    });
  }
}
