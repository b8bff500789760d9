//! Messages to the page: `{ message, pixels? }`, the pixels as a transferred buffer.

use js_sys::{Array, Object, Reflect, Uint8Array};
use protocol::FromWorker;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Posts a message.
pub fn send(message: &FromWorker) {
    post(message, None);
}

/// Posts a message with pixels.
pub fn send_pixels(message: &FromWorker, pixels: &[&[u8]]) {
    let len: usize = pixels.iter().map(|part| part.len()).sum();
    let bytes = Uint8Array::new_with_length(len as u32);
    let mut at = 0;
    for part in pixels {
        bytes.subarray(at, at + part.len() as u32).copy_from(part);
        at += part.len() as u32;
    }
    post(message, Some(&bytes.buffer()));
}

fn post(message: &FromWorker, pixels: Option<&JsValue>) {
    let sent = (|| -> Result<(), JsValue> {
        let object = Object::new();
        Reflect::set(&object, &"message".into(), &message.serialize(&Serializer::json_compatible())?)?;
        let transfer = Array::new();
        if let Some(pixels) = pixels {
            Reflect::set(&object, &"pixels".into(), pixels)?;
            transfer.push(pixels);
        }
        scope().post_message_with_transfer(&object, &transfer)
    })();
    // There is nobody else to tell: the page is the only listener. The panic reaches it as the worker's error event.
    if let Err(error) = sent {
        wasm_bindgen::throw_val(error);
    }
}
