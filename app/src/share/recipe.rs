//! Recipes: every setting of a run in one packed key, `#recipe=…`, so that nothing is left to a default which another
//! page may have changed. Inside is a JSON object of the keys of a link, with the version of links as `v`; around it
//! zlib, whose checksum tells a link that was cut short, and base64url, which no program breaks or escapes.

use super::{VERSION, write::values};
use crate::field::Field;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use protocol::GenerateRequest;
use serde_json::{Map, Value};
use std::io::Write;

/// Most bytes that a recipe may unpack to: what is longer was not made here.
const UNPACKED_MAX: usize = 1 << 16;

/// What is wrong with a recipe.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Letters that base64url does not have, or not all of the letters.
    #[error("is damaged or cut short: copy the link again, all of it")]
    Damaged,
    /// Something else was packed.
    #[error("holds no settings")]
    NotSettings,
}

/// The fragment, without `#`, that carries every setting of a run, and the revision of the model that made it.
pub fn recipe_fragment(request: &GenerateRequest, pictures: u32, revision: &str) -> String {
    let mut all = Map::new();
    all.insert("v".into(), VERSION.to_string().into());
    all.extend(values(request, pictures).into_iter().map(|(field, text)| (field.key().to_owned(), text.into())));
    if !revision.is_empty() {
        all.insert("revision".into(), revision.into());
    }
    format!("recipe={}", pack(&Value::Object(all).to_string()))
}

fn pack(text: &str) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // A vector takes every byte.
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(packed)
}

/// The keys and values of a recipe, in the order of the form; keys that are not known are left out later.
pub(super) fn unpack(packed: &str) -> Result<Vec<(String, String)>, RecipeError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(packed.trim_end_matches('=')).map_err(|_| RecipeError::Damaged)?;
    let json = fdeflate::decompress_to_vec_bounded(&bytes, UNPACKED_MAX).map_err(|_| RecipeError::Damaged)?;
    let Ok(Value::Object(all)) = serde_json::from_slice(&json) else { return Err(RecipeError::NotSettings) };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut values: Vec<_> = all.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect();
    values.sort_by_key(|(key, _)| Field::from_key(key).map_or(usize::MAX, |field| field as usize));
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_that_was_cut_short_or_changed_is_told_from_one_that_holds_something_else() {
        let whole = pack(r#"{"v":"1","prompt":"a red heart","steps":"12"}"#);
        assert_eq!(unpack(&whole).unwrap().len(), 3);
        for end in 1..whole.len() {
            assert_eq!(unpack(&whole[..end]), Err(RecipeError::Damaged), "{end}");
        }
        assert_eq!(unpack(&whole.replace(&whole[8..10], "zz")), Err(RecipeError::Damaged));
        assert_eq!(unpack(&pack("[1]")), Err(RecipeError::NotSettings));
        assert_eq!(unpack(&pack(&" ".repeat(UNPACKED_MAX + 1))), Err(RecipeError::Damaged), "it would not end");
    }

    #[test]
    fn numbers_that_a_program_wrote_are_understood_and_lists_are_not() {
        let values =
            unpack(&pack(r#"{"steps":12,"guidance":3.5,"seed":18446744073709551615,"pictures":[1]}"#)).unwrap();
        let told: Vec<_> = values.iter().map(|(key, text)| format!("{key}={text}")).collect();
        assert_eq!(told, ["steps=12", "guidance=3.5", "seed=18446744073709551615"]);
    }
}
