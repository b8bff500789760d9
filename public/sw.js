// Service worker: the page starts without a network. It keeps one copy of each file of the build, by the file's hash, and
// nothing else; models are kept by the engine, which alone knows which of them are in use.
//
// - A file whose name carries its hash never changes: the kept copy comes first.
// - Every other file (the page itself, manifest, icons) comes from the network while there is one, so an old copy can
//   never meet a new page.
// - A new release waits until no page of the old one is open, or until a page asks for it; what both share is not
//   downloaded again. Files of the old one stay as long as another page may still ask for them.

// Filled in by the build: version, and for each file of the build its SHA-256.
const RELEASE = { version: 'development', files: {} };

const CACHE = 'stepscope-files';
const HASHED_NAME = /-[0-9a-f]{16}(_bg)?\.[a-z]+$/;
const SCOPE = new URL(self.registration.scope);

const keyOf = (path) => new URL(`${path}?sha256=${RELEASE.files[path]}`, SCOPE).href;

self.addEventListener('install', (event) => event.waitUntil(keepRelease()));
self.addEventListener('activate', (event) => event.waitUntil(forgetOthers()));
self.addEventListener('message', (event) => {
  if (event.data === 'activate') self.skipWaiting();
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== SCOPE.origin || !url.pathname.startsWith(SCOPE.pathname)) return;
  const path = request.mode === 'navigate' ? 'index.html' : decodeURI(url.pathname.slice(SCOPE.pathname.length));
  if (request.mode === 'navigate') event.waitUntil(forgetOthers());
  if (!Object.hasOwn(RELEASE.files, path)) {
    // A page of the old release, in another tab, starts its worker again.
    if (HASHED_NAME.test(path)) event.respondWith(ofAnyRelease(request));
    return;
  }
  event.respondWith(HASHED_NAME.test(path) ? keptFirst(request, path) : networkFirst(request, path));
});

async function keepRelease() {
  const cache = await caches.open(CACHE);
  for (const path of Object.keys(RELEASE.files)) {
    if (await cache.match(keyOf(path))) continue;
    const response = await fetch(new URL(path, SCOPE), { cache: 'no-cache' });
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    const body = await response.arrayBuffer();
    // Half a file, or one of another release, must not be kept as this one: fail, and be tried again on the next visit.
    if ((await sha256(body)) !== RELEASE.files[path]) throw new Error(`${path}: not the file of release ${RELEASE.version}`);
    const headers = { 'Content-Type': response.headers.get('Content-Type') ?? '', 'Content-Length': `${body.byteLength}` };
    await cache.put(keyOf(path), new Response(body, { headers }));
  }
}

async function forgetOthers() {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (pages.length > 1) return;
  const cache = await caches.open(CACHE);
  const wanted = new Set(Object.keys(RELEASE.files).map(keyOf));
  for (const request of await cache.keys()) {
    if (!wanted.has(request.url)) await cache.delete(request);
  }
}

async function keptFirst(request, path) {
  return (await kept(path)) ?? fetch(request);
}

async function ofAnyRelease(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request.url, { ignoreSearch: true })) ?? fetch(request);
}

async function networkFirst(request, path) {
  try {
    return await fetch(request);
  } catch (error) {
    const copy = await kept(path);
    if (copy) return copy;
    throw error;
  }
}

async function kept(path) {
  return (await caches.open(CACHE)).match(keyOf(path));
}

async function sha256(buffer) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', buffer));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
