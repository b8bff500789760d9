// Starts the engine's worker. The one thing that wgpu cannot do for us in a browser comes first: its table of features
// has no entry for "subgroups", so a device never gets them even where the adapter has them. Shaders reach the browser
// as they are, so asking for the feature here is all it takes.
import init from './worker.js';

if (globalThis.GPUAdapter) {
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = function (descriptor = {}) {
    const requiredFeatures = new Set(descriptor.requiredFeatures ?? []);
    if (this.features.has('subgroups')) requiredFeatures.add('subgroups');
    return requestDevice.call(this, { ...descriptor, requiredFeatures: [...requiredFeatures] });
  };
}

// A fault inside an asynchronous task surfaces as a rejected promise, which nobody outside would hear; the page listens
// for the worker's error event.
addEventListener('unhandledrejection', (event) => reportError(event.reason));

await init();
