// What a click saves as a file.

import { readFile } from 'node:fs/promises';
import { IS_FIREFOX } from './which.mjs';

/** The file that `action` makes the page save: `{ name, bytes }`. */
export async function saved(page, action, timeout = 30_000) {
  if (!IS_FIREFOX) {
    const [download] = await Promise.all([page.waitForEvent('download', { timeout }), action()]);
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  }
  // Firefox does not number its downloads yet, and Playwright drops those without a number: read what the page hands over.
  await page.evaluate(watchNextDownload);
  await action();
  const { name, base64 } = await page.evaluate(() => window.stepscopeSaved);
  return { name, bytes: Buffer.from(base64, 'base64') };
}

function watchNextDownload() {
  const { click } = HTMLAnchorElement.prototype;
  window.stepscopeSaved = new Promise((resolve, reject) => {
    HTMLAnchorElement.prototype.click = function () {
      if (!this.hasAttribute('download')) return click.call(this);
      HTMLAnchorElement.prototype.click = click;
      const read = async (blob) => {
        const bytes = new Uint8Array(await blob.arrayBuffer());
        let text = '';
        for (const byte of bytes) text += String.fromCharCode(byte);
        resolve({ name: this.download, base64: btoa(text) });
      };
      // The page's policy does not let it fetch a blob; a canvas or a reader would do, but the blob itself is nearer.
      read(window.stepscopeBlobs.get(this.href)).catch(reject);
      return click.call(this);
    };
  });
}

/** Runs inside the page, before its own scripts: remembers what stands behind each blob address. */
export function recordBlobs() {
  window.stepscopeBlobs = new Map();
  const { createObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const url = createObjectURL.call(URL, blob);
    window.stepscopeBlobs.set(url, blob);
    return url;
  };
}
