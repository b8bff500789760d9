// Runs inside the page, before its own scripts: notes every step that the canvas paints, with a hash of its pixels, and
// every name and state in the order in which they come. The page changes `data-painted` (the number of steps painted)
// right after it has painted; the observer runs before anything else can paint.

/** Passed to `page.addInitScript`; must not refer to anything outside itself. */
export function recordFrames() {
  const seen = { frames: [], names: [], states: [] };
  const pixels = (canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  // FNV-1a over the pixels: synchronous, so that no later paint can slip in.
  const hash = (canvas) => {
    let value = 0x811c9dc5;
    for (const byte of pixels(canvas)) value = Math.imul(value ^ byte, 0x01000193);
    return (value >>> 0).toString(16).padStart(8, '0');
  };
  const note = ({ target, attributeName }) => {
    const value = target.getAttribute(attributeName);
    if (attributeName === 'data-state') {
      if (seen.states.at(-1) !== value) seen.states.push(value);
    } else if (!(target instanceof HTMLCanvasElement) || !target.hasAttribute('data-painted')) {
      return;
    } else if (attributeName === 'aria-label') {
      if (seen.names.at(-1) !== value) seen.names.push(value);
    } else if (Number(value) > 0) {
      seen.frames.push({ step: Number(value), hash: hash(target) });
    }
  };
  let waiting = [];
  const noteAll = (changes) => {
    changes.forEach(note);
    waiting = waiting.filter(({ test, resolve }) => {
      if (!test()) return true;
      resolve();
      return false;
    });
  };
  const until = (test) => (test() ? Promise.resolve() : new Promise((resolve) => waiting.push({ test, resolve })));
  new MutationObserver(noteAll).observe(document, {
    subtree: true,
    attributes: true,
    attributeFilter: ['aria-label', 'data-painted', 'data-state'],
  });
  const forget = () => Object.values(seen).forEach((list) => list.splice(0));
  /** Resolves when a run that was seen to start has ended, well or not. */
  const ended = () => until(() => seen.states.includes('running') && seen.states.at(-1) !== 'running');
  /** Resolves when a step, or a later one, has been painted. */
  const reached = (step) => until(() => (seen.frames.at(-1)?.step ?? 0) >= step);
  window.stepscopeTest = { seen, forget, ended, reached, hash, pixels };
}
