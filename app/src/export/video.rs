//! A WebM video by the browser's own recorder, which takes as long as the video plays.

use super::{Film, encode::ExportError};
use crate::{engine::describe, frames::Pixels, paint};
use js_sys::Promise;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Blob, BlobEvent, MediaRecorder, MediaRecorderOptions, MediaStream, MediaStreamTrack};

/// In order of preference.
const KINDS: [&str; 3] = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];
const BITS_PER_SECOND: u32 = 8_000_000;
/// Videos store colour at half the size, so small pictures are enlarged to about this.
const SIDE_MIN: u32 = 256;
/// The recorder hands over what it has this often.
const SLICE_MS: i32 = 50;
/// The first frame is asked for this often.
const RETRY_MS: u32 = 250;
/// A busy machine takes a while to encode the first frame; one that hides the page never does.
const PATIENCE_MS: u32 = 20_000;
const SILENT: &str =
    "The recorder of this browser took no frame: keep the page in view while it records, or save a GIF.";

/// The kind of WebM that this browser records.
///
/// # Errors
/// Why it records none, as one sentence.
pub fn kind() -> Result<&'static str, &'static str> {
    let has = |object: &JsValue, name: &str| js_sys::Reflect::has(object, &name.into()).unwrap_or(false);
    if !has(&js_sys::global(), "MediaRecorder") {
        return Err("This browser has no recorder for videos (MediaRecorder).");
    }
    let canvas = paint::new_canvas(1, 1).ok_or("This browser has no canvas.")?;
    if !has(&canvas, "captureStream") {
        return Err("This browser cannot record a canvas (captureStream).");
    }
    let supported = KINDS.into_iter().find(|kind| MediaRecorder::is_type_supported(kind));
    supported.ok_or("This browser's recorder writes no WebM.")
}

/// How many times larger the video is than the pictures.
pub fn enlarged(width: u32, height: u32) -> u32 {
    SIDE_MIN.div_ceil(width.min(height).max(1))
}

fn failed(error: JsValue) -> ExportError {
    ExportError::Browser(describe(&error))
}

/// Asks for a frame of a captured canvas: of its track, as the standard has it, or of the stream, as Firefox has it.
fn take_frame(stream: &JsValue, track: &JsValue) -> Result<(), ExportError> {
    for object in [track, stream] {
        let method = js_sys::Reflect::get(object, &"requestFrame".into()).map_err(failed)?;
        if let Some(method) = method.dyn_ref::<js_sys::Function>() {
            return method.call0(object).map(drop).map_err(failed);
        }
    }
    Err(ExportError::Browser("This browser gives no frames of a canvas (requestFrame).".into()))
}

/// Resolves after so many milliseconds; 0 lets the page work off what waits.
pub async fn rest(ms: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let window = web_sys::window();
        let set = window.map(|w| w.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms as i32));
        if !matches!(set, Some(Ok(_))) {
            // Without a timer there is nothing to wait for.
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    // The promise is never rejected.
    let _ = JsFuture::from(promise).await;
}

/// Records the film. `next` gives one frame after the other.
///
/// # Errors
/// Those of `next`, and the browser's.
pub async fn record(
    film: &Film,
    mut next: impl AsyncFnMut(usize) -> Result<Pixels, ExportError>,
) -> Result<Blob, ExportError> {
    let kind = kind().map_err(|reason| ExportError::Browser(reason.into()))?;
    let scale = enlarged(film.width, film.height);
    let (width, height) = (film.width * scale, film.height * scale);
    let canvas = paint::new_canvas(width, height).ok_or(ExportError::Canvas)?;
    let context = paint::smooth_context(&canvas).ok_or(ExportError::Canvas)?;
    let draw = |pixels: &Pixels| {
        let source = paint::new_canvas(pixels.width, pixels.height).ok_or(ExportError::Canvas)?;
        paint::exactly(&source, pixels);
        let (w, h) = (f64::from(width), f64::from(height));
        context.draw_image_with_html_canvas_element_and_dw_and_dh(&source, 0.0, 0.0, w, h).map_err(failed)
    };
    let opening = next(0).await?;
    draw(&opening)?;
    // Frames are taken when they are asked for, not by the clock.
    let stream: MediaStream = canvas.capture_stream_with_frame_request_rate(0.0).map_err(failed)?;
    let track: MediaStreamTrack = stream.get_video_tracks().get(0).unchecked_into();
    let options = MediaRecorderOptions::new();
    options.set_mime_type(kind);
    options.set_video_bits_per_second(BITS_PER_SECOND);
    let recorder =
        MediaRecorder::new_with_media_stream_and_media_recorder_options(&stream, &options).map_err(failed)?;
    let parts: Rc<RefCell<Vec<JsValue>>> = Rc::default();
    let kept = parts.clone();
    let arrived = Rc::<Cell<Option<js_sys::Function>>>::default();
    let first = Promise::new(&mut |resolve, _| arrived.set(Some(resolve)));
    let on_data = Closure::<dyn FnMut(BlobEvent)>::new(move |event: BlobEvent| {
        let Some(data) = event.data().filter(|data| data.size() > 0.0) else { return };
        kept.borrow_mut().push(data.into());
        if let Some(resolve) = arrived.take() {
            let _ = resolve.call1(&JsValue::NULL, &JsValue::TRUE);
        }
    });
    recorder.set_ondataavailable(Some(on_data.as_ref().unchecked_ref()));
    let stopped = Promise::new(&mut |resolve, reject| {
        recorder.set_onstop(Some(&resolve));
        recorder.set_onerror(Some(&reject));
    });
    recorder.start_with_time_slice(SLICE_MS).map_err(failed)?;
    // The video begins with the first frame that is encoded: until then, its clock stands. A recorder that is stopped
    // before leaves a file that no player opens. A frame that is asked for too early gets lost, so it is asked for again.
    let mut begun = false;
    for _ in 0..PATIENCE_MS / RETRY_MS {
        draw(&opening)?;
        take_frame(&stream, &track)?;
        let patience = future_to_promise(async {
            rest(RETRY_MS).await;
            Ok(JsValue::FALSE)
        });
        let race = Promise::race(&js_sys::Array::of3(&first, &stopped, &patience));
        begun = JsFuture::from(race).await.map_err(failed)?.is_truthy();
        if begun {
            break;
        }
    }
    let mut shown = if begun { Ok(()) } else { Err(ExportError::Browser(SILENT.into())) };
    for i in 0..film.len() {
        if shown.is_ok() {
            shown = match next(i).await {
                Ok(pixels) => draw(&pixels),
                Err(error) => Err(error),
            };
        }
        if shown.is_err() {
            break;
        }
        if i > 0 {
            take_frame(&stream, &track)?;
        }
        rest(film.ms(i)).await;
    }
    // A frame lasts until the next one comes: the last one needs a successor.
    take_frame(&stream, &track)?;
    recorder.stop().map_err(failed)?;
    JsFuture::from(stopped).await.map_err(failed)?;
    track.stop();
    shown?;
    let parts: js_sys::Array = parts.borrow().iter().collect();
    let bag = web_sys::BlobPropertyBag::new();
    bag.set_type("video/webm");
    Blob::new_with_blob_sequence_and_options(&parts, &bag).map_err(failed)
}
