//! Prompts as AUTOMATIC1111's web UI reads them, for those who ask for it: `(word)` and `(word:1.3)` count more, `[word]`
//! less, `BREAK` starts a new chunk, and a prompt longer than the text encoder's context goes on in further chunks.
//!
//! [`parse`] splits a text into weighted parts, [`chunks`] turns those into contexts for the text encoder, [`level`] makes
//! prompt and negative prompt equally long, [`apply`] weighs a chunk's embeddings. The settings are that tool's defaults:
//! emphasis "Original", "prompt word wrap length limit" 20. One is not: it may run prompt and negative prompt of
//! different length through the UNet one by one; here the shorter one gets empty chunks, as its option "Pad
//! prompt/negative prompt" does. Pooled embeddings (SDXL) are those of the first chunk and are not weighed.
//!
//! Prompt editing (`[from:to:0.5]`, `[a|b]`), `AND` and `<lora:…>` belong to other parts of that tool; here they are text.

use crate::Result;
use crate::tokenizer::ClipTokenizer;

/// What a pair of brackets multiplies by: `()` as it is, `[]` by its inverse.
const BRACKET: f64 = 1.1;
/// The word that ends a chunk, and the weight that tells it from the same word as text.
const BREAK: &str = "BREAK";
const BREAK_WEIGHT: f64 = -1.0;
/// Text behind a comma this many tokens back or fewer moves to the next chunk as a whole.
const BACKTRACK: usize = 20;

/// One context of the text encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Start, tokens, end and padding: as long as the context.
    pub ids: Vec<u32>,
    /// What each id's embedding is multiplied by; 1 for start, end and padding.
    pub weights: Vec<f32>,
}

/// Parts of a text with their weights, neighbours of equal weight joined; never empty. `BREAK` is a part of its own with
/// weight -1. Within brackets it is not: its weight is multiplied like any other, which makes it a word.
///
/// Brackets nest, their factors multiply; those never closed last to the end, closing ones without an opening one are
/// text. `\(`, `\)`, `\[`, `\]` and `\\` are the characters. A number that is none, as in `(a:1.2.3)`, is text; upstream
/// refuses the prompt.
pub fn parse(text: &str) -> Vec<(String, f32)> {
    parts(text).into_iter().map(|(text, weight)| (text, weight as f32)).collect()
}

/// The parts in double precision, where nested factors that only come near -1 still differ from it.
fn parts(text: &str) -> Vec<(String, f64)> {
    let mut parts: Vec<(String, f64)> = Vec::new();
    // Where the parts inside each open bracket begin.
    let (mut round, mut square) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let (token, len) = next_token(rest);
        let spelled = &rest[..len];
        rest = &rest[len..];
        let closed = match token {
            Token::Escaped => {
                parts.push((spelled[1..].to_owned(), 1.0));
                continue;
            }
            Token::Open(bracket) => {
                if bracket == '(' { &mut round } else { &mut square }.push(parts.len());
                continue;
            }
            Token::Weight(weight) => round.pop().map(|start| (start, weight)),
            Token::Close(')') => round.pop().map(|start| (start, BRACKET)),
            Token::Close(_) => square.pop().map(|start| (start, 1.0 / BRACKET)),
            Token::Text => None,
        };
        match closed {
            Some((start, factor)) => multiply(&mut parts, start, factor),
            None => push_text(&mut parts, spelled),
        }
    }
    round.into_iter().for_each(|start| multiply(&mut parts, start, BRACKET));
    square.into_iter().for_each(|start| multiply(&mut parts, start, 1.0 / BRACKET));

    let mut joined: Vec<(String, f64)> = Vec::new();
    for (text, weight) in parts {
        match joined.last_mut() {
            Some((before, same)) if *same == weight => before.push_str(&text),
            _ => joined.push((text, weight)),
        }
    }
    if joined.is_empty() {
        joined.push((String::new(), 1.0));
    }
    joined
}

fn multiply(parts: &mut [(String, f64)], start: usize, factor: f64) {
    parts.iter_mut().skip(start).for_each(|(_, weight)| *weight *= factor);
}

/// Adds plain text, with a `BREAK` part for each `BREAK` that stands as a word; white space around it goes with it.
fn push_text(parts: &mut Vec<(String, f64)>, text: &str) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut from, mut search) = (0, 0);
    while let Some(found) = text[search..].find(BREAK).map(|at| at + search) {
        let (before, after) = (&text[..found], &text[found + BREAK.len()..]);
        search = found + BREAK.len();
        if before.chars().next_back().is_some_and(is_word) || after.chars().next().is_some_and(is_word) {
            continue;
        }
        parts.push((before[from..].trim_end_matches(is_space).to_owned(), 1.0));
        parts.push((BREAK.to_owned(), BREAK_WEIGHT));
        from = text.len() - after.trim_start_matches(is_space).len();
    }
    parts.push((text[from..].to_owned(), 1.0));
}

/// White space as Python's expressions have it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

enum Token {
    /// A backslash, with the bracket or backslash behind it if there is one.
    Escaped,
    Open(char),
    /// `:1.3)`.
    Weight(f64),
    Close(char),
    Text,
}

/// The token that a text begins with, and its length in bytes. The text is not empty.
fn next_token(text: &str) -> (Token, usize) {
    let mut chars = text.chars();
    match chars.next() {
        Some('\\') => (Token::Escaped, 1 + usize::from(chars.next().is_some_and(|c| "()[]\\".contains(c)))),
        Some(open @ ('(' | '[')) => (Token::Open(open), 1),
        Some(close @ (')' | ']')) => (Token::Close(close), 1),
        Some(':') => weight(text).map_or((Token::Text, 1), |(weight, len)| (Token::Weight(weight), len)),
        _ => (Token::Text, text.find(['\\', '(', ')', '[', ']', ':']).unwrap_or(text.len())),
    }
}

/// Reads `:1.3)` with white space around the number.
fn weight(text: &str) -> Option<(f64, usize)> {
    let number = text.strip_prefix(':')?.trim_start_matches(is_space);
    let (number, behind) = number.split_once(')')?;
    let number = number.trim_end_matches(is_space);
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    // Rust's numbers may have exponents and names, which here are text.
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value = number.parse().ok().filter(|_| plain)?;
    Some((value, text.len() - behind.len()))
}

/// The contexts that a prompt takes: at least one. Every part is tokenized by itself; a chunk holds two tokens less than
/// the context. Where one is full and a comma lies at most 20 tokens back, what follows the comma moves to the next.
///
/// # Errors
/// As [`ClipTokenizer::encode`].
pub fn chunks(tokenizer: &ClipTokenizer, text: &str) -> Result<Vec<Chunk>> {
    let room = tokenizer.context() - 2;
    let comma = tokenizer.id_of(",</w>");
    let mut done = Vec::new();
    let mut open: Vec<(u32, f32)> = Vec::new();
    // Where the open chunk's last comma is.
    let mut last_comma = None;
    for (text, weight) in parts(text) {
        if text == BREAK && weight == BREAK_WEIGHT {
            done.push(close(tokenizer, &mut open));
            last_comma = None;
            continue;
        }
        for token in tokenizer.tokens(&text)? {
            if room == 0 {
                break;
            }
            if Some(token) == comma {
                last_comma = Some(open.len());
            } else if let Some(at) = last_comma.filter(|at| open.len() == room && room - at <= BACKTRACK) {
                let moved = open.split_off(at + 1);
                done.push(close(tokenizer, &mut open));
                (open, last_comma) = (moved, None);
            }
            if open.len() == room {
                done.push(close(tokenizer, &mut open));
                last_comma = None;
            }
            open.push((token, weight as f32));
        }
    }
    if !open.is_empty() || done.is_empty() {
        done.push(close(tokenizer, &mut open));
    }
    Ok(done)
}

/// Frames the open chunk's tokens and leaves it empty.
fn close(tokenizer: &ClipTokenizer, open: &mut Vec<(u32, f32)>) -> Chunk {
    let (tokens, inner): (Vec<u32>, Vec<f32>) = std::mem::take(open).into_iter().unzip();
    let mut weights = vec![1.0; tokenizer.context()];
    weights[1..=inner.len()].copy_from_slice(&inner);
    Chunk { ids: tokenizer.framed(&tokens), weights }
}

/// Gives a prompt `contexts` chunks by empty ones at the end: what runs together must be equally long.
pub fn lengthen(tokenizer: &ClipTokenizer, prompt: &mut Vec<Chunk>, contexts: usize) {
    prompt.resize_with(contexts.max(prompt.len()), || close(tokenizer, &mut Vec::new()));
}

/// Multiplies a chunk's embeddings `[T, D]` by its `T` weights, then scales all of them so that their mean is what it was.
/// Does nothing where every weight is 1.
pub fn apply(embeds: &mut [f32], weights: &[f32]) {
    if weights.iter().all(|weight| *weight == 1.0) {
        return;
    }
    // Double precision: the mean is small against what it sums.
    let sum = |embeds: &[f32]| embeds.iter().map(|value| f64::from(*value)).sum::<f64>();
    let before = sum(embeds);
    for (token, weight) in embeds.chunks_exact_mut((embeds.len() / weights.len()).max(1)).zip(weights) {
        token.iter_mut().for_each(|value| *value *= weight);
    }
    let after = sum(embeds);
    // There is no scale that brings a mean back from 0.
    if after != 0.0 {
        let scale = (before / after) as f32;
        embeds.iter_mut().for_each(|value| *value *= scale);
    }
}
