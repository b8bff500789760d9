//! The list of models that come with the page: `models/catalog.json`.

use crate::{browser, engine::describe};
use protocol::{MODEL_CACHE, SchedulerKind, StepscopeJson, model_cache_key};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// One model of the list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Entry {
    /// Folder name.
    pub id: String,
    /// What the list shows.
    pub name: String,
    /// Bytes of all its files.
    pub bytes: u64,
    /// What the prompt is filled with until the model tells its own examples.
    #[serde(default)]
    pub prompt: String,
    /// For a model that was distilled from another one.
    #[serde(default)]
    pub distilled: Option<Distilled>,
}

/// Which model was distilled, and how the result is meant to be run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Distilled {
    /// Folder name of the original.
    pub of: String,
    /// Steps.
    pub steps: u32,
    /// Sampler.
    pub scheduler: SchedulerKind,
    /// Guidance scale.
    pub guidance_scale: f64,
}

/// Bytes of a model's files that are not on this device, by its `stepscope.json`.
///
/// # Errors
/// What went wrong, in a few words.
pub async fn missing_bytes(models_url: &str, id: &str) -> Result<u64, String> {
    let about = get(&format!("{models_url}{id}/stepscope.json")).await?;
    let about: StepscopeJson = serde_wasm_bindgen::from_value(about).map_err(|error| error.to_string())?;
    let mut missing = 0;
    for file in about.files {
        if !browser::is_cached(MODEL_CACHE, &model_cache_key(models_url, &file)).await {
            missing += file.size;
        }
    }
    Ok(missing)
}

/// Fetches the list from `url`.
///
/// # Errors
/// What went wrong, in a few words.
pub async fn fetch(url: &str) -> Result<Vec<Entry>, String> {
    let entries: Vec<Entry> = serde_wasm_bindgen::from_value(get(url).await?).map_err(|error| error.to_string())?;
    if entries.is_empty() { Err("it lists no model".into()) } else { Ok(entries) }
}

async fn get(url: &str) -> Result<JsValue, String> {
    let window = web_sys::window().ok_or("there is no window")?;
    let response = JsFuture::from(window.fetch_with_str(url)).await.map_err(|error| describe(&error))?;
    let response: Response = response.dyn_into().map_err(|error| describe(&error))?;
    if !response.ok() {
        return Err(format!("the server answered {}", response.status()));
    }
    let json = JsFuture::from(response.json().map_err(|error| describe(&error))?);
    json.await.map_err(|error| describe(&error))
}
