//! The engine's entry in a browser: a module worker. Natively there is nothing to start.

fn main() {
    #[cfg(target_arch = "wasm32")]
    inference::start_worker();
}
