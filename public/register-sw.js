// Registers the service worker, which keeps the page for offline use: only once the engine has settled, so that the
// copy it makes does not compete with the first visit's own download.
const root = document.documentElement;

function register() {
  navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' }).catch((error) => {
    // Private windows and some policies forbid it; everything else works without.
    console.info(`Offline use is not available: ${error.message}`);
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
