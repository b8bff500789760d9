// Looks past the page at the engine: what its worker reports, and how much memory its wasm module holds.

const BOOT = '**/worker-boot-*.js';

/** Lets `heapBytes` see the worker's memory. Before the page opens. */
export async function exposeHeap(page) {
  await page.route(BOOT, async (route) => {
    // Imports run before a module's own lines, so the original is imported when ours have run; its query keeps it
    // from this route.
    const original = `${route.request().url()}?original`;
    const body = `${keepInstance}\nkeepInstance();\nawait import(${JSON.stringify(original)});\n`;
    await route.fulfill({ status: 200, contentType: 'text/javascript', body });
  });
}

function keepInstance() {
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await original.apply(WebAssembly, args);
      globalThis.stepscopeExports = (result.instance ?? result).exports;
      return result;
    };
  }
}

/** Bytes of the worker's wasm memory. It never shrinks, so this is the most that was ever needed. */
export async function heapBytes(page) {
  const sizes = await Promise.all(
    page.workers().map((worker) => worker.evaluate(() => globalThis.stepscopeExports?.memory.buffer.byteLength ?? 0)),
  );
  return Math.max(0, ...sizes);
}

/**
 * Runs inside the page, before its own scripts: keeps every message that a worker sends, and of its pixels a hash; and
 * every message that a worker gets, with the bytes that went with it, and whether they were handed over.
 */
export function recordMessages() {
  const messages = [];
  const sent = [];
  // The same hash as that of the frames.
  const hash = (buffer) => {
    let value = 0x811c9dc5;
    for (const byte of new Uint8Array(buffer)) value = Math.imul(value ^ byte, 0x01000193);
    return (value >>> 0).toString(16).padStart(8, '0');
  };
  window.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => {
        // Latents may follow the finished picture.
        const { type, width, height } = data?.message ?? {};
        const pixels = data?.pixels ? hash(type === 'done' ? data.pixels.slice(0, 4 * width * height) : data.pixels) : null;
        messages.push({ at: performance.now(), message: data?.message, pixels });
      });
    }
    postMessage(data, transfer) {
      const bytes = data?.pixels ? new Uint8Array(data.pixels.slice(0)) : null;
      super.postMessage(data, transfer);
      const isGone = bytes !== null && data.pixels.byteLength === 0;
      sent.push({ message: structuredClone(data?.message), bytes: bytes && Array.from(bytes), isGone });
    }
  };
  window.stepscopeMessages = messages;
  window.stepscopeSent = sent;
}

/** What `recordMessages` kept of one type. */
export function messages(page, type) {
  return page.evaluate((wanted) => window.stepscopeMessages.filter(({ message }) => message?.type === wanted), type);
}

/** The messages of one type that the worker got: `{ message, bytes, isGone }`. */
export function sent(page, type) {
  return page.evaluate((wanted) => window.stepscopeSent.filter(({ message }) => message?.type === wanted), type);
}
