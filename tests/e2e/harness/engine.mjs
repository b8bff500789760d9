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

/** Runs inside the page, before its own scripts: keeps every message that a worker sends, without its pixels. */
export function recordMessages() {
  const messages = [];
  const Original = window.Worker;
  window.Worker = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => {
        messages.push({ at: performance.now(), message: data?.message, bytes: data?.pixels?.byteLength ?? 0 });
      });
    }
  };
  window.stepscopeMessages = messages;
}
