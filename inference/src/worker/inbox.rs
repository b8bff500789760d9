//! Messages from the page, in order, each with its pixels. The session takes them one at a time; a running job looks
//! ahead for what would end it.

use futures_channel::oneshot;
use js_sys::{ArrayBuffer, Reflect, Uint8Array};
use protocol::ToWorker;
use std::cell::RefCell;
use std::collections::VecDeque;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

/// A message and the bytes that were transferred with it.
pub type Delivery = (ToWorker, Option<Vec<u8>>);

#[derive(Default)]
struct Inbox {
    queue: VecDeque<Delivery>,
    waiting: Option<oneshot::Sender<()>>,
}

thread_local! {
    static INBOX: RefCell<Inbox> = RefCell::default();
    static CHANNEL: Option<MessageChannel> = MessageChannel::new().ok();
}

/// Installs the listener.
pub fn listen() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let field = |name: &str| Reflect::get(&event.data(), &name.into()).unwrap_or(JsValue::UNDEFINED);
        match serde_wasm_bindgen::from_value::<ToWorker>(field("message")) {
            Ok(message) => INBOX.with_borrow_mut(|inbox| {
                let pixels = field("pixels").dyn_into::<ArrayBuffer>().ok();
                inbox.queue.push_back((message, pixels.map(|buffer| Uint8Array::new(&buffer).to_vec())));
                if let Some(waiting) = inbox.waiting.take() {
                    // The session may have stopped waiting; the message stays in the queue either way.
                    let _ = waiting.send(());
                }
            }),
            // The page checks the version before it sends, so this is a fault; the error event tells the page.
            Err(error) => wasm_bindgen::throw_val(error.into()),
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The listener lives as long as the worker.
    on_message.forget();
}

/// The next message, with its pixels.
pub async fn next() -> Delivery {
    loop {
        let receiver = INBOX.with_borrow_mut(|inbox| match inbox.queue.pop_front() {
            Some(delivery) => Ok(delivery),
            None => {
                let (sender, receiver) = oneshot::channel();
                inbox.waiting = Some(sender);
                Err(receiver)
            }
        });
        match receiver {
            Ok(delivery) => return delivery,
            // An error means that the sender was replaced; the queue decides.
            Err(receiver) => drop(receiver.await),
        }
    }
}

/// Whether anything waits.
pub fn any() -> bool {
    INBOX.with_borrow(|inbox| !inbox.queue.is_empty())
}

/// Whether a waiting message ends `job`: its cancellation, which is taken out, or a newer job, which stays.
pub fn ends(job: u32) -> bool {
    INBOX.with_borrow_mut(|inbox| {
        if let Some(i) = inbox.queue.iter().position(|(message, _)| *message == ToWorker::Cancel { job }) {
            inbox.queue.remove(i);
            return true;
        }
        inbox.queue.iter().any(|(message, _)| {
            matches!(message, ToWorker::Generate { .. } | ToWorker::Start { .. } | ToWorker::Load { .. })
        })
    })
}

/// Lets the event loop turn once, so that waiting messages reach the inbox. A message to ourselves does that at once,
/// where a timer of zero would take 4 ms.
pub async fn breathe() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let sent = CHANNEL.with(|channel| {
            let channel = channel.as_ref()?;
            channel.port1().set_onmessage(Some(&resolve));
            channel.port2().post_message(&JsValue::NULL).ok()
        });
        if sent.is_none() {
            // Without a channel there is no turn to wait for.
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    // The promise is never rejected.
    let _ = JsFuture::from(promise).await;
}
