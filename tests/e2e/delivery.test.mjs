// What the server sends: types, compression, caching, ranges, and a service worker whose list is the build.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from './harness/server.mjs';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
let server;
let files;

before(async () => {
  server = await startServer();
  const entries = await readdir(dist, { recursive: true, withFileTypes: true });
  files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.br'))
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.slice(dist.length).replace(/^\//, ''));
});
after(() => server.stop());

test('modules arrive compressed, with their type, and are asked for again each time', async () => {
  const wanted = { '_bg.wasm': 'application/wasm', '.js': 'text/javascript', 'index.html': 'text/html' };
  for (const [end, type] of Object.entries(wanted)) {
    const some = files.filter((file) => file.endsWith(end) && !file.startsWith('models/'));
    assert.ok(some.length > 0, `no file of the build ends in ${end}`);
    for (const file of some) {
      const response = await fetch(`${server.url}/${file}`, { headers: { 'Accept-Encoding': 'br' } });
      assert.equal(response.status, 200, file);
      assert.ok(response.headers.get('content-type').startsWith(type), `${file}: ${response.headers.get('content-type')}`);
      assert.equal(response.headers.get('content-encoding'), 'br', file);
      assert.equal(response.headers.get('cache-control'), 'no-cache', file);
      const body = Buffer.from(await response.arrayBuffer());
      assert.ok(body.equals(await readFile(dist + file)), `${file} differs from the build once unpacked`);
    }
  }
});

test('weights can be read by range', async () => {
  const file = files.find((name) => name.endsWith('.safetensors'));
  const whole = await readFile(dist + file);
  const response = await fetch(`${server.url}/${file}`, { headers: { Range: 'bytes=8-107' } });
  assert.equal(response.status, 206);
  assert.equal(response.headers.get('content-range'), `bytes 8-107/${whole.length}`);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(8, 108)));
});

test('a file that is not there is a 404, not the page', async () => {
  assert.equal((await fetch(`${server.url}/models/none/model_index.json`)).status, 404);
});

test('the service worker keeps exactly the files of this build, but no model', async () => {
  const source = await (await fetch(`${server.url}/sw.js`)).text();
  const release = JSON.parse(/^const RELEASE = (.*);$/m.exec(source)[1]);
  assert.match(release.version, /^[0-9a-f]{16}$/);
  const wanted = files.filter((file) => file !== 'sw.js' && !/^models\/.+\//.test(file));
  assert.deepEqual(Object.keys(release.files).sort(), wanted.sort());
  for (const [file, sha256] of Object.entries(release.files)) {
    assert.equal(createHash('sha256').update(await readFile(dist + file)).digest('hex'), sha256, file);
  }
});

test('the worker is named by its content, and the page knows the name', async () => {
  const html = await readFile(`${dist}index.html`, 'utf8');
  const boot = /<meta name="?worker"? content="?(worker-boot-[0-9a-f]{16}\.js)"?/.exec(html)?.[1];
  assert.ok(boot, 'index.html does not name the hashed worker');
  const js = /'\.\/(worker-[0-9a-f]{16}\.js)'/.exec(await readFile(dist + boot, 'utf8'))?.[1];
  assert.ok(js, `${boot} does not import the hashed worker`);
  const wasm = /worker-[0-9a-f]{16}_bg\.wasm/.exec(await readFile(dist + js, 'utf8'))?.[0];
  assert.ok(files.includes(wasm), `${js} loads ${wasm}, which is not in the build`);
});
