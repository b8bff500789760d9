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
const TOKENIZER_JSON: &str = "tokenizer/tokenizer.json";

/// The files of a `tokenizer/` folder, those that it has. Needed are `tokenizer.json`, or `vocab.json` and `merges.txt`
/// where it is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenizerFiles<'a> {
    /// `tokenizer.json`.
    pub tokenizer_json: Option<&'a [u8]>,
    /// `vocab.json`: token to id.
    pub vocab_json: Option<&'a [u8]>,
    /// `merges.txt`: one pair a line, most urgent first.
    pub merges_txt: Option<&'a [u8]>,
    /// `tokenizer_config.json`: the context's length, and the special tokens with their rules.
    pub config_json: Option<&'a [u8]>,
    /// `special_tokens_map.json`: names them too. It has the last word, but none where the config lists added tokens.
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
    /// Builds the tokenizer of a model whose text encoder reads at most `limit` tokens. The context is the config's
    /// `model_max_length`, which is what diffusers pads to, or `limit` where that is less.
    ///
    /// # Errors
    /// When a needed file is absent or broken; the error names it.
    pub fn from_files(files: TokenizerFiles<'_>, limit: usize) -> Result<Self> {
        if limit < 2 {
            return Err(Error::broken("text_encoder/config.json", "max_position_embeddings is below 2"));
        }
        let (vocab, merges) = vocabulary(&files)?;
        let special = SpecialTokens::read(&files)?;
        let bpe = BPE::builder()
            .vocab_and_merges(vocab, merges)
            .end_of_word_suffix("</w>".into())
            .continuing_subword_prefix(String::new())
            .unk_token(special.unknown)
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

        let id = |inner: &Tokenizer, token: &str| {
            let missing = || Error::broken("tokenizer/vocab.json", format!("it has no '{token}'"));
            inner.token_to_id(token).ok_or_else(missing)
        };
        // The frame must be known to the text encoder; what is added beyond the vocabulary gets the ids behind it.
        let (start, end) = (id(&inner, &special.start)?, id(&inner, &special.end)?);
        inner.add_tokens(&special.added);
        let pad = id(&inner, &special.pad)?;
        let context = special.model_max_length.map_or(limit, |length| length.clamp(2, limit));
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

/// Token to id, and the merges in order. `tokenizer.json` comes first, as in transformers.
fn vocabulary(files: &TokenizerFiles<'_>) -> Result<(AHashMap<String, u32>, Merges)> {
    let Some(bytes) = files.tokenizer_json else {
        let missing = |path: &str| {
            let reason = "there is no tokenizer/tokenizer.json either".into();
            Error::Missing { path: path.into(), reason }
        };
        let vocab = files.vocab_json.ok_or_else(|| missing("tokenizer/vocab.json"))?;
        let merges = files.merges_txt.ok_or_else(|| missing("tokenizer/merges.txt"))?;
        let vocab: HashMap<String, u32> = parse("tokenizer/vocab.json", vocab)?;
        return Ok((vocab.into_iter().collect(), merges_txt(merges)?));
    };
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
    let File { model } = parse(TOKENIZER_JSON, bytes)?;
    let pairs = model.merges.into_iter().map(|merge| match merge {
        Merge::Pair(left, right) => Ok((left, right)),
        Merge::Line(line) => pair(&line).ok_or_else(|| Error::broken(TOKENIZER_JSON, format!("'{line}' is no merge"))),
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

/// The tokens that are matched in the text before anything else, and the names of those with a role.
struct SpecialTokens {
    start: String,
    end: String,
    unknown: String,
    pad: String,
    /// All of them, each spelling once, in the order that gives those beyond the vocabulary their ids.
    added: Vec<AddedToken>,
    model_max_length: Option<usize>,
}

impl SpecialTokens {
    fn read(files: &TokenizerFiles<'_>) -> Result<Self> {
        const CONFIG: &str = "tokenizer/tokenizer_config.json";
        type Settings = HashMap<String, Value>;
        let read = |path: &str, bytes: Option<&[u8]>| bytes.map_or_else(|| Ok(Settings::new()), |b| parse(path, b));
        let mut settings: Settings = read(CONFIG, files.config_json)?;
        let map = read("tokenizer/special_tokens_map.json", files.special_tokens_map)?;
        let mut numbered: Vec<(u64, AddedToken)> = Vec::new();
        if let Some(Value::Object(listed)) = settings.get("added_tokens_decoder") {
            for (id, rules) in listed {
                let id = id.parse().map_err(|_| Error::broken(CONFIG, format!("'{id}' is no id of a token")))?;
                numbered.extend(added_token(rules).map(|token| (id, token)));
            }
        } else {
            settings.extend(map.into_iter().map(|(key, mut value)| {
                if let Value::Object(rules) = &mut value {
                    rules.insert("special".into(), true.into());
                }
                (key, value)
            }));
            #[derive(Default, Deserialize)]
            struct File {
                #[serde(default)]
                added_tokens: Vec<Value>,
            }
            let file: File = files.tokenizer_json.map_or_else(|| Ok(File::default()), |b| parse(TOKENIZER_JSON, b))?;
            let entry = |rules: &Value| Some((rules.get("id")?.as_u64()?, added_token(rules)?));
            numbered.extend(file.added_tokens.iter().filter_map(entry));
        }
        numbered.sort_by_key(|(id, _)| *id);
        let mut added: Vec<AddedToken> = numbered.into_iter().map(|(_, token)| token).collect();

        let role = |key: &str| settings.get(key).and_then(added_token);
        let named = |key: &str, default: &str| role(key).unwrap_or_else(|| AddedToken::from(default, true));
        let (start, end) = (named("bos_token", START), named("eos_token", END));
        let (unknown, pad) = (named("unk_token", END), named("pad_token", END));
        let names = [&start, &end, &unknown, &pad].map(|token| token.content.clone());
        let mut more = vec![start, end, unknown];
        more.extend(role("sep_token"));
        more.push(pad);
        more.extend(["cls_token", "mask_token"].into_iter().filter_map(role));
        let extra = ["extra_special_tokens", "additional_special_tokens"].into_iter().find_map(|key| settings.get(key));
        more.extend(extra.and_then(Value::as_array).into_iter().flatten().filter_map(added_token));
        // What the files list keeps its rules; of the others with one spelling the last one's count.
        let listed = added.len();
        for token in more {
            match added.iter().position(|earlier| earlier.content == token.content) {
                None => added.push(token),
                Some(at) if at >= listed => added[at] = token,
                Some(_) => {}
            }
        }

        // A number beyond every integer stands for no limit.
        let model_max_length = settings.get("model_max_length").and_then(Value::as_f64).map(|length| length as usize);
        let [start, end, unknown, pad] = names;
        Ok(Self { start, end, unknown, pad, added, model_max_length })
    }
}

/// A token is written as its spelling, which makes it a special one, or as an object with its rules.
fn added_token(value: &Value) -> Option<AddedToken> {
    let rules = match value {
        Value::String(content) => return Some(AddedToken::from(content.as_str(), true)),
        Value::Object(rules) => rules,
        _ => return None,
    };
    let rule = |key: &str| rules.get(key).and_then(Value::as_bool);
    let special = rule("special").unwrap_or(false);
    let token = AddedToken::from(rules.get("content")?.as_str()?, special)
        .single_word(rule("single_word").unwrap_or(false))
        .lstrip(rule("lstrip").unwrap_or(false))
        .rstrip(rule("rstrip").unwrap_or(false));
    // Whether it is matched before or after case and white space are evened out; special ones before unless they say so.
    Some(token.normalized(rule("normalized").unwrap_or(!special)))
}
