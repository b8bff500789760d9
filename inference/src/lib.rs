//! The engine: Stable Diffusion from a prompt to pixels, on the CPU (candle) or a GPU (wgpu), in a browser or natively.
