//! Prompt weights against what AUTOMATIC1111's web UI documents and does.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use inference::prompt_weights::{Chunk, apply, chunks, lengthen, parse};
use inference::tokenizer::{ClipTokenizer, TokenizerFiles};
use proptest::prelude::*;
use support::repository_path;

/// A tokenizer whose every letter is a token; it pads with the end token, or with `!` as 2.x does.
fn tokenizer(folder: &str, context: usize) -> ClipTokenizer {
    let read = |name| std::fs::read(repository_path(folder).join("tokenizer").join(name)).unwrap();
    let (vocab, merges, config) = (read("vocab.json"), read("merges.txt"), read("tokenizer_config.json"));
    let files = TokenizerFiles {
        vocab_json: Some(&vocab),
        merges_txt: Some(&merges),
        config_json: Some(&config),
        ..TokenizerFiles::default()
    };
    ClipTokenizer::from_files(files, context).unwrap()
}

fn letters() -> ClipTokenizer {
    tokenizer("tests/goldens/tiny-sd", 77)
}

fn check(text: &str, want: &[(&str, f64)]) {
    let got = parse(text);
    let got: Vec<(&str, f32)> = got.iter().map(|(text, weight)| (text.as_str(), *weight)).collect();
    let want: Vec<(&str, f32)> = want.iter().map(|(text, weight)| (*text, *weight as f32)).collect();
    assert_eq!(got, want, "{text:?}");
}

/// The examples in the documentation of `parse_prompt_attention` (`modules/prompt_parser.py`).
#[test]
fn documented_examples() {
    check("normal text", &[("normal text", 1.0)]);
    check("an (important) word", &[("an ", 1.0), ("important", 1.1), (" word", 1.0)]);
    check("(unbalanced", &[("unbalanced", 1.1)]);
    check("\\(literal\\]", &[("(literal]", 1.0)]);
    check("(unnecessary)(parens)", &[("unnecessaryparens", 1.1)]);
    check(
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        &[
            ("a ", 1.0),
            ("house", 1.573),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641),
            (".", 1.1),
        ],
    );
}

#[test]
fn brackets_escapes_and_numbers_at_their_edges() {
    check("", &[("", 1.0)]);
    check("[a]", &[("a", 1.0 / 1.1)]);
    check("[[a", &[("a", 1.0 / 1.1 / 1.1)]);
    check("a) b] :1.3) c", &[("a) b] :1.3) c", 1.0)]);
    check("(a: 1.5 )b", &[("a", 1.5), ("b", 1.0)]);
    check("(a:-.5)", &[("a", -0.5)]);
    check("(a:+2.)", &[("a", 2.0)]);
    check("[a:1.3]", &[("a:1.3", 1.0 / 1.1)]);
    check("[a:1.3)", &[("a:1.3)", 1.0 / 1.1)]);
    check("(a:b)", &[("a:b", 1.1)]);
    check("(a:1e3)", &[("a:1e3", 1.1)]);
    check("(a:1.2.3)", &[("a:1.2.3", 1.1)]);
    check("(a:nan)", &[("a:nan", 1.1)]);
    check("\\\\ \\a \\", &[("\\ a ", 1.0)]);
    check("()", &[("", 1.0)]);
    check("(日本:1.2)語", &[("日本", 1.2), ("語", 1.0)]);
}

#[test]
fn break_is_a_word_of_its_own_outside_brackets() {
    check("a BREAK b", &[("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]);
    check("BREAK", &[("", 1.0), ("BREAK", -1.0), ("", 1.0)]);
    check("a\nBREAK BREAK b", &[("a", 1.0), ("BREAK", -1.0), ("", 1.0), ("BREAK", -1.0), ("b", 1.0)]);
    check("(a) BREAK", &[("a", 1.1), ("", 1.0), ("BREAK", -1.0), ("", 1.0)]);
    for text in ["BREAKS", "xBREAK", "_BREAK", "break", "Break", "日BREAK"] {
        check(text, &[(text, 1.0)]);
    }
    check("a,BREAK.b", &[("a,", 1.0), ("BREAK", -1.0), (".b", 1.0)]);
    let tokenizer = letters();
    let words = chunks(&tokenizer, "(a BREAK b)").unwrap();
    assert_eq!(words.len(), 1, "within brackets it is a word");
    assert!(words[0].weights.contains(&-1.1));
}

/// The tokens of a chunk without its frame, as text.
fn spell(tokenizer: &ClipTokenizer, chunk: &Chunk) -> String {
    let letter =
        |id: &u32| ['a', 'b', 'c', ','].into_iter().find(|c| tokenizer.id_of(&format!("{c}</w>")) == Some(*id));
    chunk.ids.iter().filter_map(letter).collect()
}

fn spelled(text: &str) -> Vec<String> {
    let tokenizer = letters();
    let chunks = chunks(&tokenizer, text).unwrap();
    for chunk in &chunks {
        assert_eq!((chunk.ids.len(), chunk.weights.len()), (77, 77));
    }
    chunks.iter().map(|chunk| spell(&tokenizer, chunk)).collect()
}

fn words(word: &str, n: usize) -> String {
    format!("{word} ").repeat(n)
}

#[test]
fn a_long_prompt_goes_on_in_further_chunks() {
    assert_eq!(spelled(""), [""]);
    assert_eq!(spelled(&words("a", 75)), ["a".repeat(75)]);
    assert_eq!(spelled(&words("a", 76)), ["a".repeat(75), "a".into()]);
    assert_eq!(spelled(&words("a", 151)), ["a".repeat(75), "a".repeat(75), "a".into()]);
}

#[test]
fn text_behind_a_near_comma_moves_on_as_a_whole() {
    let around = |before: usize, after: usize| spelled(&format!("{}, {}", words("a", before), words("b", after)));
    let a = |n: usize| format!("{},", "a".repeat(n));
    assert_eq!(around(70, 4), [a(70) + "bbbb"], "it fits");
    assert_eq!(around(70, 5), [a(70), "b".repeat(5)]);
    assert_eq!(around(55, 25), [a(55), "b".repeat(25)], "20 tokens back");
    assert_eq!(around(54, 25), [a(54) + &"b".repeat(20), "b".repeat(5)], "21 tokens back");
    assert_eq!(around(75, 3), ["a".repeat(75), ",bbb".into()], "a comma itself moves alone");
    // What moved on carries its weights along, and its old comma counts no more.
    let tokenizer = letters();
    let got = chunks(&tokenizer, &format!("{}, (b b:2) c c c", words("a", 71))).unwrap();
    assert_eq!(spell(&tokenizer, &got[1]), "bbccc");
    assert_eq!(got[1].weights[..7], [1.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
    assert!(got[0].weights.iter().all(|weight| *weight == 1.0));
}

#[test]
fn break_ends_a_chunk() {
    assert_eq!(spelled("a a BREAK b"), ["aa", "b"]);
    assert_eq!(spelled("BREAK b"), ["", "b"]);
    assert_eq!(spelled("a BREAK"), ["a"]);
    assert_eq!(spelled("a BREAK BREAK b"), ["a", "", "b"]);
    assert_eq!(spelled("BREAK"), [""]);
    let around = format!("{}, BREAK {}", words("a", 70), words("b", 76));
    assert_eq!(spelled(&around), [format!("{},", "a".repeat(70)), "b".repeat(75), "b".into()]);
}

#[test]
fn a_chunk_is_padded_as_the_model_pads() {
    let tokenizer = tokenizer("tests/goldens/tiny-sd-v", 24);
    let got = chunks(&tokenizer, &format!("{} BREAK (a:1.5)", words("a", 23))).unwrap();
    assert_eq!(got.len(), 3);
    assert_eq!(got[0].ids, tokenizer.encode(&words("a", 22)).unwrap().ids);
    assert_eq!(got[2].ids, tokenizer.encode("a").unwrap().ids);
    assert_eq!(got[2].ids.iter().filter(|id| **id == 0).count(), 21);
    assert_eq!(got[2].weights.iter().filter(|weight| **weight == 1.5).count(), 1);
}

#[test]
fn prompts_are_made_equally_long_by_empty_chunks() {
    let tokenizer = letters();
    let mut prompts = [chunks(&tokenizer, &words("a", 160)).unwrap(), chunks(&tokenizer, "b").unwrap()];
    let kept = prompts[1][0].clone();
    let most = prompts[0].len();
    prompts.iter_mut().for_each(|prompt| lengthen(&tokenizer, prompt, most));
    assert_eq!((prompts[0].len(), prompts[1].len()), (3, 3));
    assert_eq!(prompts[1][0], kept);
    assert_eq!(prompts[1][2].ids, tokenizer.encode("").unwrap().ids);
    assert!(prompts[1][2].weights.iter().all(|weight| *weight == 1.0));
}

#[test]
fn weights_keep_the_mean() {
    // Three tokens of two numbers: the mean is 3.5, weighed it would be 5.5.
    let mut embeds = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    apply(&mut embeds, &[1.0, 1.0, 2.0]);
    let scale = 21.0 / 32.0;
    for (got, want) in embeds.iter().zip([1.0, 2.0, 3.0, 4.0, 10.0, 12.0]) {
        assert!((got - want * scale).abs() < 1e-6, "{embeds:?}");
    }
    let same = embeds;
    apply(&mut embeds, &[1.0, 1.0, 1.0]);
    assert_eq!(embeds, same);
    let mut none = [1.0, -2.0, 1.0, 1.0];
    apply(&mut none, &[1.0, 0.5]);
    assert_eq!(none, [1.0, -2.0, 0.5, 0.5], "a mean of 0 has no scale");
}

proptest! {
    #[test]
    fn any_text_is_parsed_and_chunked(text in r"([()\[\]:\\ ,a]|BREAK|1\.3|-|é|\PC){0,40}") {
        let parts = parse(&text);
        prop_assert!(!parts.is_empty());
        let chunks = chunks(&letters(), &text).unwrap();
        prop_assert!(!chunks.is_empty());
        prop_assert!(chunks.iter().all(|chunk| chunk.ids.len() == 77 && chunk.weights.len() == 77));
    }

    #[test]
    fn plain_text_has_weight_1_and_the_plain_tokenizers_ids(text in r"[a-zA-Z0-9,.!'\- é日😀]{0,60}") {
        prop_assume!(!text.contains("BREAK"));
        let tokenizer = letters();
        prop_assert_eq!(parse(&text), vec![(text.clone(), 1.0)]);
        let plain = tokenizer.encode(&text).unwrap();
        prop_assume!(plain.dropped == 0);
        let chunks = chunks(&tokenizer, &text).unwrap();
        prop_assert_eq!(chunks, vec![Chunk { ids: plain.ids, weights: vec![1.0; 77] }]);
    }

    #[test]
    fn brackets_around_a_text_multiply_its_weight(text in "[a-z]{1,9}", depth in 0usize..6) {
        let got = parse(&format!("{}{text}{}", "(".repeat(depth), ")".repeat(depth)));
        prop_assert_eq!(got.len(), 1);
        prop_assert!((got[0].1 - 1.1f32.powi(depth as i32)).abs() < 1e-5);
    }
}
