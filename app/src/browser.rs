//! The few things that the page asks of the browser, each in one small function.

use crate::frames::Pixels;
use crate::{engine::describe, paint};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Cache, ColorSpaceConversion, HtmlAnchorElement, HtmlCanvasElement, HtmlElement, ImageBitmap,
    ImageBitmapOptions, PremultiplyAlpha, ScrollIntoViewOptions, ScrollLogicalPosition, Url, window,
};

/// Widest and highest picture that is kept to start from; no model takes more.
const SOURCE_MAX: u32 = 2048;

/// The fragment of the address, with its `#` if there is one.
pub fn fragment() -> String {
    window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// The value of a key in the query of the address.
pub fn query(key: &str) -> Option<String> {
    let search = window()?.location().search().ok()?;
    search.trim_start_matches('?').split('&').find_map(|pair| Some(pair.strip_prefix(key)?.strip_prefix('=')?.into()))
}

/// The address of the page with another fragment, and without the query: that is about this device, not the picture.
pub fn address_with(fragment: &str) -> String {
    let href = window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    format!("{}#{fragment}", href.split(['#', '?']).next().unwrap_or_default())
}

/// Resolves a relative address against the page's base.
pub fn resolve(relative: &str) -> Option<String> {
    let base = window()?.document()?.base_uri().ok()??;
    Some(Url::new_with_base(relative, &base).ok()?.href())
}

/// The worker's address, from `<meta name="worker">`.
pub fn worker_url() -> Option<String> {
    let meta = window()?.document()?.query_selector("meta[name=worker]").ok()??;
    resolve(&meta.get_attribute("content")?)
}

/// Changes the fragment, and nothing else, of the address.
pub fn set_fragment(fragment: &str) {
    if let Some(window) = window() {
        let _ = window.location().set_hash(fragment);
    }
}

/// Whether a cache has something under this address. Private windows and insecure addresses have no caches.
pub async fn is_cached(cache: &str, url: &str) -> bool {
    let Some(caches) = window().and_then(|window| window.caches().ok()).filter(|caches| !caches.is_undefined()) else {
        return false;
    };
    let Ok(cache) = JsFuture::from(caches.open(cache)).await else { return false };
    let found = JsFuture::from(cache.unchecked_into::<Cache>().match_with_str(url)).await;
    found.is_ok_and(|found| !found.is_undefined())
}

/// Scrolls, if need be, until the element with this id is in sight.
pub fn reveal(id: &str) {
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Nearest);
    if let Some(element) = window().and_then(|window| window.document()?.get_element_by_id(id)) {
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Whether the user has asked the system for less motion.
pub fn wants_less_motion() -> bool {
    let query = window().and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok()?);
    query.is_some_and(|query| query.matches())
}

/// Width of the page, in pixels.
pub fn width() -> u32 {
    let root = window().and_then(|window| window.document()?.document_element());
    root.map_or(0, |root| root.client_width().max(0) as u32)
}

/// Whether the page is in a tab that nobody sees: animation frames do not come then.
pub fn is_hidden() -> bool {
    window().and_then(|window| window.document()).is_some_and(|document| document.hidden())
}

/// Sets an attribute of `<html>`.
pub fn set_root(name: &str, value: &str) {
    if let Some(root) = window().and_then(|window| window.document()?.document_element()) {
        let _ = root.set_attribute(name, value);
    }
}

/// An attribute of `<html>`.
pub fn root(name: &str) -> Option<String> {
    window()?.document()?.document_element()?.get_attribute(name)
}

/// Fires an event at the window, for scripts outside.
pub fn say(event: &str) {
    if let (Some(window), Ok(event)) = (window(), web_sys::Event::new(event)) {
        let _ = window.dispatch_event(&event);
    }
}

/// Moves the focus to the element with this id, if there is one, and opens what it is folded into.
pub fn focus(id: &str) {
    let element = window().and_then(|window| window.document()?.get_element_by_id(id));
    if let Some(details) = element.as_ref().and_then(|element| element.closest("details").ok()?) {
        let _ = details.set_attribute("open", "");
    }
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Puts text on the clipboard.
///
/// # Errors
/// The browser's words: no permission, or no secure context.
pub async fn copy(text: &str) -> Result<(), String> {
    let navigator = window().ok_or("there is no window")?.navigator();
    let clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into()).map_err(|error| describe(&error))?;
    if clipboard.is_undefined() {
        return Err("this page may not use the clipboard".into());
    }
    JsFuture::from(navigator.clipboard().write_text(text)).await.map(drop).map_err(|error| describe(&error))
}

/// The browser's own sharing, where it has one.
fn sharing() -> Option<(web_sys::Navigator, js_sys::Function)> {
    let navigator = window()?.navigator();
    let share = js_sys::Reflect::get(&navigator, &"share".into()).ok()?.dyn_into().ok()?;
    Some((navigator, share))
}

/// Whether the browser can hand a link to other programs.
pub fn can_share() -> bool {
    sharing().is_some()
}

/// Hands a link to other programs.
///
/// # Errors
/// The browser's words; also when the user decides otherwise.
pub async fn share(url: &str) -> Result<(), String> {
    let (navigator, share) = sharing().ok_or("this browser shares nothing")?;
    let data = js_sys::Object::new();
    for (key, value) in [("title", "Stepscope"), ("url", url)] {
        js_sys::Reflect::set(&data, &key.into(), &value.into()).map_err(|error| describe(&error))?;
    }
    let promise = share.call1(&navigator, &data).map_err(|error| describe(&error))?;
    JsFuture::from(js_sys::Promise::from(promise)).await.map(drop).map_err(|error| describe(&error))
}

/// Saves a file.
///
/// # Errors
/// The browser's words.
pub fn save_blob(blob: &Blob, name: &str) -> Result<(), String> {
    let document = window().and_then(|window| window.document()).ok_or("there is no document")?;
    let anchor: HtmlAnchorElement = document.create_element("a").map_err(|error| describe(&error))?.unchecked_into();
    let url = Url::create_object_url_with_blob(blob).map_err(|error| describe(&error))?;
    anchor.set_download(name);
    anchor.set_href(&url);
    anchor.click();
    // Revoking at once would cancel the download in some browsers; a minute is plenty for a local blob.
    gloo::timers::callback::Timeout::new(60_000, move || revoke_url(&url)).forget();
    Ok(())
}

/// Saves text as a file.
///
/// # Errors
/// The browser's words.
pub fn save_text(text: &str, kind: &str, name: &str) -> Result<(), String> {
    save_blob(&blob(text.as_bytes(), kind)?, name)
}

/// Bytes as a file of this type.
///
/// # Errors
/// The browser's words.
pub fn blob(bytes: &[u8], kind: &str) -> Result<Blob, String> {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let bag = BlobPropertyBag::new();
    bag.set_type(kind);
    Blob::new_with_u8_array_sequence_and_options(&parts, &bag).map_err(|error| describe(&error))
}

/// A canvas as a PNG file.
///
/// # Errors
/// The browser's words; a canvas that is too large gives no file.
pub async fn canvas_blob(canvas: &HtmlCanvasElement) -> Result<Blob, String> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        if let Err(error) = canvas.to_blob(&resolve) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    });
    let blob = JsFuture::from(promise).await.map_err(|error| describe(&error))?;
    blob.dyn_into().map_err(|_| "the picture is too large for this browser".to_owned())
}

/// The text of a file.
///
/// # Errors
/// The browser's words.
pub async fn text(file: &Blob) -> Result<String, String> {
    let text = JsFuture::from(file.text()).await.map_err(|error| describe(&error))?;
    text.as_string().ok_or_else(|| "it is no text".into())
}

/// The bytes of a file.
///
/// # Errors
/// The browser's words.
pub async fn bytes(file: &Blob) -> Result<Vec<u8>, String> {
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|error| describe(&error))?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// An address for bytes, until it is revoked.
pub fn object_url(bytes: &[u8], kind: &str) -> Option<String> {
    Url::create_object_url_with_blob(&blob(bytes, kind).ok()?).ok()
}

/// Lets go of what an address of [`object_url`] stands for.
pub fn revoke_url(url: &str) {
    let _ = Url::revoke_object_url(url);
}

/// A time as the reader's language and clock have it.
pub fn local_time(ms: u64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(ms as f64));
    String::from(date.to_locale_string("default", &JsValue::UNDEFINED))
}

/// Bytes that this page keeps on the device, all storage together, where the browser tells.
pub async fn storage_used() -> Option<u64> {
    let storage = window()?.navigator().storage();
    if storage.is_undefined() {
        return None;
    }
    let estimate = JsFuture::from(storage.estimate().ok()?).await.ok()?;
    Some(js_sys::Reflect::get(&estimate, &"usage".into()).ok()?.as_f64()? as u64)
}

/// Reads a picture file, at most [`SOURCE_MAX`] pixels wide and high, on white where it is transparent.
///
/// # Errors
/// What is wrong with the file, in a few words.
pub async fn decode(file: &Blob) -> Result<Pixels, String> {
    if file.size() == 0.0 {
        return Err("the file is empty".into());
    }
    let unreadable = |_: JsValue| "this browser cannot read it as a picture".to_owned();
    let promise = window().ok_or("there is no window")?.create_image_bitmap_with_blob(file).map_err(unreadable)?;
    let bitmap: ImageBitmap = JsFuture::from(promise).await.map_err(unreadable)?.unchecked_into();
    let pixels = paint::bitmap(&bitmap, SOURCE_MAX).ok_or("its pixels cannot be read");
    bitmap.close();
    Ok(pixels?)
}

/// The pixels of a PNG file that this page wrote, as they were: no colour management, nothing multiplied by alpha.
///
/// # Errors
/// What is wrong with the file, in a few words.
pub async fn decode_exactly(png: &[u8]) -> Result<Pixels, String> {
    let options = ImageBitmapOptions::new();
    options.set_color_space_conversion(ColorSpaceConversion::None);
    options.set_premultiply_alpha(PremultiplyAlpha::None);
    let file = blob(png, "image/png")?;
    let window = window().ok_or("there is no window")?;
    let promise = window.create_image_bitmap_with_blob_and_image_bitmap_options(&file, &options);
    let unreadable = |_: JsValue| "this browser cannot read its file".to_owned();
    let bitmap: ImageBitmap = JsFuture::from(promise.map_err(unreadable)?).await.map_err(unreadable)?.unchecked_into();
    let pixels = paint::bitmap(&bitmap, u32::MAX).ok_or("its pixels cannot be read");
    bitmap.close();
    Ok(pixels?)
}

/// A seed as the dice throw it. Torch's CPU generator looks at the low 32 bits only, so there are no more of them.
pub fn random_seed() -> u32 {
    (js_sys::Math::random() * 4_294_967_296.0) as u32
}
