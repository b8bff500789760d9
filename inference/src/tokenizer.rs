//! CLIP's tokenizer: text to the padded ids that a text encoder reads.
//!
//! The rules (NFC, white space runs to one space, lower case, split into words, single digits and punctuation runs,
//! byte-level BPE with `</w>` at word ends) are CLIP's own, not the model's, so they are built here as
//! `transformers.CLIPTokenizer` builds them; vocabulary, merges and special tokens come from the model's files.

use std::collections::HashMap;

use ahash::AHashMap;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use crate::{Error, Result};

/// What becomes a piece of its own before BPE.
const PIECES: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// The files of a `tokenizer/` folder, those that it has. Needed are `vocab.json` and `merges.txt`, or
/// `tokenizer.json` where they are absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenizerFiles<'a> {
    /// `tokenizer.json`.
    pub tokenizer_json: Option<&'a [u8]>,
    /// `vocab.json`: token to id.
    pub vocab_json: Option<&'a [u8]>,
    /// `merges.txt`: one pair a line, most urgent first.
    pub merges_txt: Option<&'a [u8]>,
    /// `tokenizer_config.json`: names the special tokens.
    pub config_json: Option<&'a [u8]>,
    /// `special_tokens_map.json`: names them where the config does not.
    pub special_tokens_map: Option<&'a [u8]>,
}

/// A text as the text encoder reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Start token, the text's tokens, end token, then padding up to the context length.
    pub ids: Vec<u32>,
    /// Tokens of the whole text, start and end not counted.
    pub tokens: usize,
    /// How many of those did not fit and were cut off the end.
    pub dropped: usize,
}

/// A model's tokenizer.
#[derive(Clone)]
pub struct ClipTokenizer {
    inner: Tokenizer,
    start: u32,
    end: u32,
    pad: u32,
    context: usize,
}

impl ClipTokenizer {
    /// Builds the tokenizer of a model whose text encoder reads `context` tokens.
    ///
    /// # Errors
    /// When a needed file is absent or broken; the error names it.
    pub fn from_files(files: TokenizerFiles<'_>, context: usize) -> Result<Self> {
        if context < 2 {
            return Err(Error::broken("text_encoder/config.json", "max_position_embeddings is below 2"));
        }
        let (vocab, merges) = vocabulary(&files)?;
        let special = SpecialTokens::read(&files)?;
        let unknown = special.token("unk_token", END).content;
        let bpe = BPE::builder()
            .vocab_and_merges(vocab, merges)
            .end_of_word_suffix("</w>".into())
            .continuing_subword_prefix(String::new())
            .unk_token(unknown)
            .build()
            .map_err(|error| Error::broken("tokenizer/merges.txt", error.to_string()))?;
        let mut inner = Tokenizer::new(bpe);
        let rules = |error: tokenizers::Error| Error::Internal(format!("CLIP's tokenizer rules: {error}"));
        let spaces = Replace::new(ReplacePattern::Regex(r"\s+".into()), " ").map_err(rules)?;
        inner.with_normalizer(Some(Normalizers::new(vec![NFC.into(), spaces.into(), Lowercase.into()])));
        let split =
            Split::new(SplitPattern::Regex(PIECES.into()), SplitDelimiterBehavior::Removed, true).map_err(rules)?;
        let pieces: Vec<PreTokenizerWrapper> = vec![split.into(), ByteLevel::new(false, true, true).into()];
        inner.with_pre_tokenizer(Some(PreTokenizers::new(pieces)));

        let named = [("bos_token", START), ("eos_token", END), ("unk_token", END), ("pad_token", END)];
        let tokens = named.map(|(key, default)| special.token(key, default));
        // A special token in the text is that token, even a pad token that is an ordinary character elsewhere.
        inner.add_special_tokens(&tokens);
        let id = |token: &AddedToken| {
            let missing = || Error::broken("tokenizer/vocab.json", format!("it has no '{}'", token.content));
            inner.token_to_id(&token.content).ok_or_else(missing)
        };
        let (start, end, pad) = (id(&tokens[0])?, id(&tokens[1])?, id(&tokens[3])?);
        Ok(Self { inner, start, end, pad, context })
    }

    /// Ids of a text, padded or cut to the context length. Any text works, the empty one too.
    ///
    /// # Errors
    /// Only where the vocabulary lacks a byte and the unknown token as well.
    pub fn encode(&self, text: &str) -> Result<Encoded> {
        let tokens = self.tokens(text)?;
        let kept = tokens.len().min(self.context - 2);
        Ok(Encoded { ids: self.framed(&tokens[..kept]), tokens: tokens.len(), dropped: tokens.len() - kept })
    }

    /// Ids of a text alone: no start, no end, no padding, any length.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false);
        let encoding = encoding.map_err(|error| Error::broken("tokenizer/vocab.json", error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Start, tokens, end, then padding up to the context length. The tokens must fit: at most two less than that.
    pub fn framed(&self, tokens: &[u32]) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.context);
        ids.push(self.start);
        ids.extend_from_slice(tokens);
        ids.push(self.end);
        ids.resize(self.context, self.pad);
        ids
    }

    /// Id of one token by its spelling in the vocabulary.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Length of the padded ids.
    pub fn context(&self) -> usize {
        self.context
    }
}

/// Token to id, and the merges in order.
fn vocabulary(files: &TokenizerFiles<'_>) -> Result<(AHashMap<String, u32>, Merges)> {
    if let (Some(vocab), Some(merges)) = (files.vocab_json, files.merges_txt) {
        let vocab: HashMap<String, u32> = parse("tokenizer/vocab.json", vocab)?;
        return Ok((vocab.into_iter().collect(), merges_txt(merges)?));
    }
    let Some(bytes) = files.tokenizer_json else {
        let lacking = if files.vocab_json.is_some() { "tokenizer/merges.txt" } else { "tokenizer/vocab.json" };
        return Err(Error::Missing {
            path: lacking.into(),
            reason: "there is no tokenizer/tokenizer.json either".into(),
        });
    };
    const PATH: &str = "tokenizer/tokenizer.json";
    #[derive(Deserialize)]
    struct File {
        model: Model,
    }
    #[derive(Deserialize)]
    struct Model {
        vocab: HashMap<String, u32>,
        merges: Vec<Merge>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Merge {
        Pair(String, String),
        Line(String),
    }
    let File { model } = parse(PATH, bytes)?;
    let pairs = model.merges.into_iter().map(|merge| match merge {
        Merge::Pair(left, right) => Ok((left, right)),
        Merge::Line(line) => pair(&line).ok_or_else(|| Error::broken(PATH, format!("'{line}' is no merge"))),
    });
    Ok((model.vocab.into_iter().collect(), pairs.collect::<Result<_>>()?))
}

fn merges_txt(bytes: &[u8]) -> Result<Merges> {
    const PATH: &str = "tokenizer/merges.txt";
    let text = std::str::from_utf8(bytes).map_err(|error| Error::broken(PATH, error.to_string()))?;
    // Only line ends end a line: the alphabet has letters that Unicode counts as separators.
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("#version"))
        .map(|line| pair(line).ok_or_else(|| Error::broken(PATH, format!("'{line}' is no merge"))))
        .collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    line.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
}

fn parse<T: for<'de> Deserialize<'de>>(path: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::broken(path, error.to_string()))
}

/// The special tokens by the names that the files give them.
struct SpecialTokens {
    config: HashMap<String, Value>,
    map: HashMap<String, Value>,
}

impl SpecialTokens {
    fn read(files: &TokenizerFiles<'_>) -> Result<Self> {
        let read = |path: &str, bytes: Option<&[u8]>| bytes.map_or_else(|| Ok(HashMap::new()), |b| parse(path, b));
        Ok(Self {
            config: read("tokenizer/tokenizer_config.json", files.config_json)?,
            map: read("tokenizer/special_tokens_map.json", files.special_tokens_map)?,
        })
    }

    /// A token's name is a string, or an object with matching rules.
    fn token(&self, key: &str, default: &str) -> AddedToken {
        let value = [&self.config, &self.map].into_iter().filter_map(|file| file.get(key)).find(|v| !v.is_null());
        match value {
            Some(Value::String(content)) => AddedToken::from(content.as_str(), true),
            Some(Value::Object(rules)) => {
                let on = |rule: &str| rules.get(rule).and_then(Value::as_bool).unwrap_or(false);
                AddedToken::from(rules.get("content").and_then(Value::as_str).unwrap_or(default), true)
                    .normalized(on("normalized"))
                    .lstrip(on("lstrip"))
                    .rstrip(on("rstrip"))
                    .single_word(on("single_word"))
            }
            _ => AddedToken::from(default, true),
        }
    }
}
