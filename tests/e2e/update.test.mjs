// A new release meets open pages of the old one: it waits to be asked, during a run too, and nothing is mixed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from './harness/browser.mjs';
import { startServer } from './harness/server.mjs';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const scenario = suite();

/** A copy of the build to be changed; models are the build's own. */
async function copy() {
  const folder = await mkdtemp(`${tmpdir()}/stepscope-`);
  for (const name of await readdir(dist)) {
    if (name.endsWith('.br')) continue;
    if (name === 'models') await symlink(dist + name, `${folder}/${name}`);
    else await cp(dist + name, `${folder}/${name}`, { recursive: true });
  }
  return folder;
}

/** Makes the next release of it: another title, and another name for the worker. */
async function release(folder) {
  const old = (await readdir(folder)).find((name) => /^worker-boot-[0-9a-f]{16}\.js$/.test(name));
  const next = 'worker-boot-0123456789abcdef.js';
  await rename(`${folder}/${old}`, `${folder}/${next}`);
  const html = (await readFile(`${folder}/index.html`, 'utf8')).replaceAll(old, next).replace('<title>', '<title>New ');
  await writeFile(`${folder}/index.html`, html);
  const source = await readFile(`${folder}/sw.js`, 'utf8');
  const { version, files } = JSON.parse(/^const RELEASE = (.*);$/m.exec(source)[1]);
  files[next] = files[old];
  delete files[old];
  files['index.html'] = createHash('sha256').update(html).digest('hex');
  const line = `const RELEASE = ${JSON.stringify({ version: version.replace(/./g, 'f'), files })};`;
  await writeFile(`${folder}/sw.js`, source.replace(/^const RELEASE = .*;$/m, line));
  return { old, files };
}

scenario('a new release waits for the run and for the user; an old page in another tab goes on', { context: { serviceWorkers: 'allow' } }, async ({
  app,
  page,
  context,
}) => {
  const folder = await copy();
  const server = await startServer({ folder });
  try {
    app.base = server.url;
    await app.open();
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await page.reload();
    await app.state('ready');
    const other = await context.newPage();
    await other.goto(`${server.url}/?engine=cpu`);
    await other.locator('html[data-state="ready"]').waitFor({ state: 'attached' });

    await app.start({ prompt: 'a red apple', steps: 60, seed: 7 });
    await app.reached(2);
    const { old, files } = await release(folder);
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    await page.getByText('It can be loaded when the run has ended.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Load it' }).isDisabled(), 'not during a run');
    await app.cancelButton.click();
    await app.ended();
    assert.doesNotMatch(await page.title(), /^New/);
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Load it' }).click()]);
    assert.match(await page.title(), /^New/);
    await app.state('ready');

    // The other tab still is the old release, whose worker the server no longer has.
    assert.equal((await fetch(`${server.url}/${old}`)).status, 404);
    assert.doesNotMatch(await other.title(), /^New/);
    assert.equal(await other.evaluate(async (name) => (await fetch(name)).status, old), 200);
    await other.close();
    await page.reload();
    await app.state('ready');
    const kept = () => page.evaluate(async () => (await (await caches.open('stepscope-files')).keys()).map(({ url }) => new URL(url).pathname.slice(1)));
    await page.waitForFunction(async (old) => !(await (await caches.open('stepscope-files')).keys()).some(({ url }) => url.includes(old)), old);
    assert.deepEqual((await kept()).sort(), Object.keys(files).sort());
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
