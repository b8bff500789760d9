//! The tokenizer against transformers' CLIPTokenizer, on awkward texts.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use std::collections::HashMap;

use inference::tokenizer::{ClipTokenizer, TokenizerFiles};
use serde::Deserialize;
use support::{golden, repository_path};

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    tokenizers: HashMap<String, Encodings>,
}

#[derive(Deserialize)]
struct Encodings {
    /// Name to text, where the folder is a made one.
    files: HashMap<String, String>,
    context: usize,
    pad: u32,
    tokens: Vec<usize>,
    /// Without the padding behind the first padding token.
    ids: Vec<Vec<u32>>,
}

/// What a text encoder reads at most.
const LIMIT: usize = 77;
const FILES: [&str; 5] =
    ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"];

/// The files of a tokenizer folder, kept alive.
struct Folder(HashMap<&'static str, Vec<u8>>);

impl Folder {
    fn read(path: &str) -> Self {
        let file = |name| std::fs::read(repository_path(path).join("tokenizer").join(name)).ok();
        Self(FILES.into_iter().filter_map(|name| file(name).map(|bytes| (name, bytes))).collect())
    }

    /// The files of a made folder, with the tiny vocabulary where they have none.
    fn made(files: &HashMap<String, String>) -> Self {
        let mut folder = Self::read("tests/goldens/tiny-sd-v");
        let own = files.contains_key("tokenizer.json");
        folder.0.retain(|name, _| !own && ["vocab.json", "merges.txt"].contains(name));
        let text = |name| files.get(name).map(|text| (name, text.clone().into_bytes()));
        folder.0.extend(FILES.into_iter().filter_map(text));
        folder
    }

    fn files(&self) -> TokenizerFiles<'_> {
        let get = |name| self.0.get(name).map(Vec::as_slice);
        TokenizerFiles {
            tokenizer_json: get("tokenizer.json"),
            vocab_json: get("vocab.json"),
            merges_txt: get("merges.txt"),
            config_json: get("tokenizer_config.json"),
            special_tokens_map: get("special_tokens_map.json"),
        }
    }
}

fn goldens() -> Golden {
    let golden: Golden = serde_json::from_slice(&golden("tokenizers.json")).unwrap();
    assert!(golden.texts.len() >= 220, "{} texts", golden.texts.len());
    golden
}

fn check(golden: &Golden, name: &str, files: TokenizerFiles<'_>) {
    let want = &golden.tokenizers[name];
    let tokenizer = ClipTokenizer::from_files(files, LIMIT).unwrap();
    assert_eq!(tokenizer.context(), want.context, "context of {name}");
    assert_eq!(tokenizer.encode("").unwrap().ids.last(), Some(&want.pad), "padding of {name}");
    assert_eq!(want.ids.len(), golden.texts.len());
    let mut wrong = Vec::new();
    for ((text, ids), tokens) in golden.texts.iter().zip(&want.ids).zip(&want.tokens) {
        let mut ids = ids.clone();
        ids.resize(want.context, want.pad);
        let got = tokenizer.encode(text).unwrap();
        assert_eq!(got.dropped, got.tokens.saturating_sub(want.context - 2), "{text:?}");
        if (&got.ids, got.tokens) != (&ids, *tokens) {
            let at = got.ids.iter().zip(&ids).position(|(a, b)| a != b);
            let text: String = text.chars().take(200).collect();
            wrong.push(format!(
                "{text:?}: first at {at:?}\n  got    {:?} of {}\n  golden {ids:?} of {tokens}",
                got.ids, got.tokens
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{name}: {} of {} texts differ:\n{}\nIf the golden is out of date, `cargo xtask fixtures` makes it anew.",
        wrong.len(),
        golden.texts.len(),
        wrong.join("\n")
    );
}

#[test]
fn folders_write_their_tokens_in_many_ways() {
    let golden = goldens();
    let made: Vec<_> =
        golden.tokenizers.iter().filter(|(name, _)| !name.contains("tiny") && *name != "emoji").collect();
    assert!(made.len() >= 7);
    for (name, encodings) in made {
        check(&golden, name, Folder::made(&encodings.files).files());
    }
}

#[test]
fn the_embedded_model_from_vocab_and_merges() {
    let folder = Folder::read("public/models/emoji");
    check(&goldens(), "emoji", TokenizerFiles { tokenizer_json: None, ..folder.files() });
}

#[test]
fn the_embedded_model_from_tokenizer_json() {
    let folder = Folder::read("public/models/emoji");
    check(&goldens(), "emoji", TokenizerFiles { vocab_json: None, merges_txt: None, ..folder.files() });
}

#[test]
fn a_1x_folder_without_tokenizer_json() {
    let folder = Folder::read("tests/goldens/tiny-sd");
    assert!(folder.files().tokenizer_json.is_none());
    check(&goldens(), "tiny-sd", folder.files());
}

#[test]
fn a_2x_folder_that_pads_with_an_ordinary_token() {
    let folder = Folder::read("tests/goldens/tiny-sd-v");
    check(&goldens(), "tiny-sd-v", folder.files());
    // The map alone names the tokens too, but sets no limit.
    let map_only = TokenizerFiles { config_json: None, ..folder.files() };
    let tokenizer = ClipTokenizer::from_files(map_only, 24).unwrap();
    assert_eq!(tokenizer.encode("!").unwrap().ids[1..], [0, 536].into_iter().chain([0; 21]).collect::<Vec<_>>());
    let error = ClipTokenizer::from_files(map_only, 1).err().unwrap().to_string();
    assert!(error.contains("max_position_embeddings"), "{error}");
    let tokenizer = ClipTokenizer::from_files(folder.files(), 24).unwrap();
    assert_eq!(tokenizer.encode("").unwrap().ids.iter().filter(|id| **id == 0).count(), 22);
}

#[test]
fn errors_name_the_file() {
    let folder = Folder::read("tests/goldens/tiny-sd");
    let error = |files| ClipTokenizer::from_files(files, 77).err().unwrap().to_string();
    assert!(error(TokenizerFiles { merges_txt: None, ..folder.files() }).contains("merges.txt is missing"));
    assert!(error(TokenizerFiles::default()).contains("vocab.json is missing"));
    assert!(error(TokenizerFiles { vocab_json: Some(b"{"), ..folder.files() }).contains("vocab.json is broken"));
    assert!(error(TokenizerFiles { merges_txt: Some(b"abc\n"), ..folder.files() }).contains("merges.txt is broken"));
    assert!(error(TokenizerFiles { merges_txt: Some(b"q zz\n"), ..folder.files() }).contains("merges.txt is broken"));
    assert!(error(TokenizerFiles { config_json: Some(b"[]"), ..folder.files() }).contains("tokenizer_config.json"));
}
