//! The worker's client: starts the module worker, turns its events into typed messages, sends typed messages.

use crate::inbox::Delivery;
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use protocol::ToWorker;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{ErrorEvent, Event, MessageEvent, Worker, WorkerOptions, WorkerType};

/// A running worker. Dropping it ends the worker.
pub struct Client {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Client {
    /// Starts the worker at `url`. `on_crash` gets the browser's words for an error that the worker did not catch.
    ///
    /// # Errors
    /// The browser's words, where it refuses to start a worker.
    pub fn spawn(
        url: &str,
        on_message: impl Fn(Delivery) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(url, &options).map_err(|error| describe(&error))?;
        let on_crash = std::rc::Rc::new(on_crash);
        let crash = on_crash.clone();
        let message = Closure::new(move |event: MessageEvent| match read(&event.data()) {
            Ok(delivery) => on_message(delivery),
            Err(error) => crash(format!("it sent something unreadable ({error})")),
        });
        let error = Closure::new(move |event: Event| {
            let words = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).unwrap_or_default();
            on_crash(if words.is_empty() { "its script could not be loaded".into() } else { words });
        });
        worker.set_onmessage(Some(message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_message: message, _on_error: error })
    }

    /// Sends a message, and with it pixels as one transferred buffer.
    ///
    /// # Errors
    /// The browser's words, where the message cannot be sent.
    pub fn send(&self, message: &ToWorker, pixels: Option<&[u8]>) -> Result<(), String> {
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        let value = message.serialize(&serializer).map_err(|error| error.to_string())?;
        let post = || -> Result<(), JsValue> {
            let envelope = Object::new();
            let transfer = Array::new();
            Reflect::set(&envelope, &"message".into(), &value)?;
            if let Some(pixels) = pixels {
                let buffer = Uint8Array::from(pixels).buffer();
                Reflect::set(&envelope, &"pixels".into(), &buffer)?;
                transfer.push(&buffer);
            }
            self.worker.post_message_with_transfer(&envelope, &transfer)
        };
        post().map_err(|error| describe(&error))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn read(data: &JsValue) -> Result<Delivery, String> {
    let field = |name: &str| Reflect::get(data, &name.into()).map_err(|error| describe(&error));
    let message = serde_wasm_bindgen::from_value(field("message")?).map_err(|error| error.to_string())?;
    let pixels = field("pixels")?.dyn_into::<ArrayBuffer>().ok().map(|buffer| Uint8Array::new(&buffer).to_vec());
    Ok((message, pixels))
}

/// The words of a thrown value.
pub fn describe(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| format!("{error:?}"))
}
