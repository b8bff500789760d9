//! The worker's side of the wall: messages in, a session that acts on them one after the other, messages out. This
//! module and `weights/fetch` are the only ones that touch the browser.

mod engine;
mod inbox;
mod post;
mod session;

use protocol::{FromWorker, PROTOCOL_VERSION};

/// Installs the listener and says so; from then on messages arrive.
pub fn start() {
    console_error_panic_hook::set_once();
    inbox::listen();
    wasm_bindgen_futures::spawn_local(session::run());
    post::send(&FromWorker::Ready { version: PROTOCOL_VERSION });
}
