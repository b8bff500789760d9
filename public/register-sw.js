// Registers the service worker, which keeps the page for offline use: only once the engine has settled, so that the
// copy it makes does not compete with the first visit's own download. Tells the page when a new release is ready
// (`<html data-update="ready">` and the event `stepscope-update`), and changes to it when the page says so (the event
// `stepscope-take-update`).
const root = document.documentElement;
// Pages stay open for days.
const ASK_EVERY_MS = 60 * 60 * 1000;

async function register() {
  try {
    watch(await navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' }));
  } catch (error) {
    // Private windows and some policies forbid it; everything else works without.
    console.info(`Offline use is not available: ${error.message}`);
  }
}

function watch(registration) {
  const offer = () => {
    // The first release of all takes over by itself.
    if (!registration.waiting || !registration.active) return;
    root.dataset.update = 'ready';
    window.dispatchEvent(new Event('stepscope-update'));
  };
  offer();
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
  let asked = Date.now();
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || Date.now() - asked < ASK_EVERY_MS) return;
    asked = Date.now();
    // Without a network there is nothing new.
    registration.update().catch(() => {});
  });
  window.addEventListener('stepscope-take-update', () => {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    registration.waiting?.postMessage('activate');
  });
}

const settled = () => root.dataset.state !== undefined && root.dataset.state !== 'loading';

if ('serviceWorker' in navigator) {
  if (settled()) {
    register();
  } else {
    const observer = new MutationObserver(() => {
      if (!settled()) return;
      observer.disconnect();
      register();
    });
    observer.observe(root, { attributes: true, attributeFilter: ['data-state'] });
  }
}
