// Runs inside the page, before its own scripts: notes every picture that the canvas shows, with its name and a hash of
// its pixels. The page changes `data-painted` in the same task in which it paints; the observer runs right after it.

/** Passed to `page.addInitScript`; must not refer to anything outside itself. */
export function recordFrames() {
  const frames = [];
  const pixels = (canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  // FNV-1a over the pixels: synchronous, so that no later paint can slip in.
  const hash = (canvas) => {
    let value = 0x811c9dc5;
    for (const byte of pixels(canvas)) value = Math.imul(value ^ byte, 0x01000193);
    return (value >>> 0).toString(16).padStart(8, '0');
  };
  new MutationObserver((changes) => {
    for (const canvas of new Set(changes.map((change) => change.target))) {
      if (!(canvas instanceof HTMLCanvasElement) || canvas.width === 0) continue;
      frames.push({ painted: canvas.dataset.painted, name: canvas.getAttribute('aria-label'), hash: hash(canvas) });
    }
  }).observe(document, { subtree: true, childList: false, attributes: true, attributeFilter: ['data-painted'] });
  window.stepscopeTest = { frames, hash, pixels };
}
