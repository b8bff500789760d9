//! What a sweep varies, and how people type it.
//!
//! The syntax is the one that users of AUTOMATIC1111's X/Y/Z plot know: `2,4,8,16` is a list, `0-3` counts by one,
//! `5-50 (+5)` counts by five, `5-50 [10]` is ten values spread evenly, ends included. Parts are separated by commas and
//! may be mixed; a value that comes twice is taken once, at its first place.

use crate::LabError;
use protocol::SchedulerKind;

/// Most values of one list.
pub const VALUES_MAX: usize = 100;

/// Reads step counts: 1 to 150 each.
///
/// # Errors
/// When a part cannot be read or is out of range, when there are none, or more than [`VALUES_MAX`].
pub fn parse_steps(text: &str) -> Result<Vec<u32>, LabError> {
    let values = list(text, "Steps", "2,4,8,16", whole)?;
    values
        .into_iter()
        .map(|(part, value)| {
            let checked = protocol::parse_steps(&value.to_string());
            checked.map_err(|error| unreadable("Steps", part, error.message))
        })
        .collect()
}

/// Reads seeds: whole numbers of 64 bits.
///
/// # Errors
/// As [`parse_steps`].
pub fn parse_seeds(text: &str) -> Result<Vec<u64>, LabError> {
    Ok(list(text, "Seeds", "0-3", whole)?.into_iter().map(|(_, value)| value).collect())
}

/// Reads guidance scales: 0 to 30 each.
///
/// # Errors
/// As [`parse_steps`].
pub fn parse_guidances(text: &str) -> Result<Vec<f64>, LabError> {
    let values = list(text, "Guidances", "1,4,7.5", real)?;
    values
        .into_iter()
        .map(|(part, value)| {
            let checked = protocol::parse_guidance(&value.to_string());
            checked.map_err(|error| unreadable("Guidances", part, error.message))
        })
        .collect()
}

/// Reads sampler names as links and the command line have them: `euler,dpmpp-2m`.
///
/// # Errors
/// When a name is unknown (the message lists all), or there is none.
pub fn parse_schedulers(text: &str) -> Result<Vec<SchedulerKind>, LabError> {
    let mut kinds = Vec::new();
    for part in parts(text) {
        let kind = part.parse::<SchedulerKind>().map_err(|error| unreadable("Schedulers", part, error.to_string()))?;
        push_new(&mut kinds, kind);
    }
    non_empty(kinds, "Schedulers", "euler,dpmpp-2m")
}

/// Reads prompts, one a line; empty lines are left out.
///
/// # Errors
/// When there is none, or more than [`VALUES_MAX`].
pub fn parse_prompts(text: &str) -> Result<Vec<String>, LabError> {
    let mut prompts = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        push_new(&mut prompts, line.to_owned());
    }
    non_empty(prompts, "Prompts", "red heart")
}

/// Writes numbers the way they are read, with runs of whole numbers as ranges: `0-3,8`.
pub fn format_whole(values: &[u64]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut rest = values;
    while let Some(first) = rest.first() {
        let run =
            rest.iter().enumerate().take_while(|(i, value)| first.checked_add(*i as u64) == Some(**value)).count();
        let run = if run < 3 { 1 } else { run };
        out.push(if run == 1 { first.to_string() } else { format!("{first}-{}", rest[run - 1]) });
        rest = &rest[run..];
    }
    out.join(",")
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

fn unreadable(what: &'static str, text: &str, remedy: impl Into<String>) -> LabError {
    LabError::Unreadable { what, text: text.to_owned(), remedy: remedy.into() }
}

fn push_new<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if !values.contains(&value) {
        values.push(value);
    }
}

fn non_empty<T>(values: Vec<T>, what: &'static str, example: &'static str) -> Result<Vec<T>, LabError> {
    match values.len() {
        0 => Err(LabError::Empty { what, example }),
        count if count > VALUES_MAX => Err(too_many(what, count as u64)),
        _ => Ok(values),
    }
}

fn too_many(what: &'static str, count: u64) -> LabError {
    LabError::TooMany { what, count, most: VALUES_MAX as u64, remedy: "Widen the step of the range, or shorten it." }
}

/// A range before its values are counted.
struct Range<'a> {
    from: &'a str,
    to: &'a str,
    stride: Stride<'a>,
}

enum Stride<'a> {
    By(&'a str),
    Count(&'a str),
    One,
}

/// `from-to`, `from-to (+by)`, `from-to (-by)` or `from-to [count]`; `None` where the part is a single value.
fn range(part: &str) -> Option<Range<'_>> {
    let bracketed = |open: char, close: char| {
        let (head, tail) = part.split_once(open)?;
        Some((head.trim(), tail.trim().strip_suffix(close)?.trim()))
    };
    let (ends, stride) = if let Some((head, by)) = bracketed('(', ')') {
        (head, Stride::By(by.trim_start_matches('+').trim()))
    } else if let Some((head, count)) = bracketed('[', ']') {
        (head, Stride::Count(count))
    } else {
        (part, Stride::One)
    };
    let (from, to) = ends.split_once(['-', '–'])?;
    Some(Range { from: from.trim(), to: to.trim(), stride })
}

/// Values with the part of the text that each came from.
fn list<'a, T: PartialEq>(
    text: &'a str,
    what: &'static str,
    example: &'static str,
    read: fn(&'static str, &str) -> Result<Vec<T>, LabError>,
) -> Result<Vec<(&'a str, T)>, LabError> {
    let mut values: Vec<(&str, T)> = Vec::new();
    for part in parts(text) {
        for value in read(what, part)? {
            if !values.iter().any(|(_, known)| *known == value) {
                values.push((part, value));
            }
        }
    }
    non_empty(values, what, example)
}

const FORMS: &str = "write numbers like '2,4,8', a range like '0-3', '5-50 (+5)' or '5-50 [10]'.";

fn number<T: std::str::FromStr>(what: &'static str, part: &str, text: &str) -> Result<T, LabError> {
    text.parse().map_err(|_| unreadable(what, part, FORMS))
}

/// How many values `[count]` asks for.
fn count(what: &'static str, part: &str, text: &str) -> Result<usize, LabError> {
    match number::<u64>(what, part, text)? {
        0 | 1 => Err(unreadable(what, part, "a range in [brackets] has at least 2 values, its ends.")),
        count if count > VALUES_MAX as u64 => Err(too_many(what, count)),
        count => Ok(count as usize),
    }
}

/// Whole numbers of one part. Exact over all 64 bits: seeds do not fit into floating point.
fn whole(what: &'static str, part: &str) -> Result<Vec<u64>, LabError> {
    let Some(Range { from, to, stride }) = range(part) else { return Ok(vec![number(what, part, part)?]) };
    let (from, to): (u64, u64) = (number(what, part, from)?, number(what, part, to)?);
    let span = from.abs_diff(to);
    let offsets: Vec<u64> = match stride {
        Stride::Count(text) => {
            let last = count(what, part, text)? as u128 - 1;
            (0..=last).map(|i| ((u128::from(span) * i + last / 2) / last) as u64).collect()
        }
        Stride::By(_) | Stride::One => {
            let by = match stride {
                // A falling range is written (-5); its direction is that of its ends.
                Stride::By(text) => number::<u64>(what, part, text.trim_start_matches('-').trim())?,
                _ => 1,
            };
            if by == 0 {
                return Err(unreadable(what, part, "the step of a range must not be 0."));
            }
            if span / by >= VALUES_MAX as u64 {
                return Err(too_many(what, (span / by).saturating_add(1)));
            }
            (0..=span / by).map(|i| i * by).collect()
        }
    };
    Ok(offsets.into_iter().map(|offset| if from <= to { from + offset } else { from - offset }).collect())
}

/// Real numbers of one part.
fn real(what: &'static str, part: &str) -> Result<Vec<f64>, LabError> {
    let finite = |text| {
        number::<f64>(what, part, text)
            .and_then(|x| if x.is_finite() { Ok(x) } else { Err(unreadable(what, part, FORMS)) })
    };
    let Some(Range { from, to, stride }) = range(part) else { return Ok(vec![finite(part)?]) };
    let (from, to) = (finite(from)?, finite(to)?);
    let span = to - from;
    if let Stride::Count(text) = stride {
        let last = count(what, part, text)? - 1;
        return Ok((0..=last).map(|i| rounded(from + span * i as f64 / last as f64)).collect());
    }
    let by = match stride {
        Stride::By(text) => finite(text.trim_start_matches('-').trim())?,
        _ => 1.0,
    };
    if by <= 0.0 {
        return Err(unreadable(what, part, "the step of a range must not be 0."));
    }
    // A hair more, so that 1-2 (+0.1) ends at 2 although ten times 0.1 is less than 1.
    let steps = (span.abs() / by + 1e-9).floor();
    if steps >= VALUES_MAX as f64 {
        return Err(too_many(what, steps.min(1e18) as u64 + 1));
    }
    Ok((0..=steps as usize).map(|i| rounded(from + span.signum() * by * i as f64)).collect())
}

/// Drops what binary fractions add: 1.2000000000000002 was not typed.
fn rounded(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_lists_ranges_and_both_together() {
        assert_eq!(parse_steps("2,4, 8 ,16").unwrap(), [2, 4, 8, 16]);
        assert_eq!(parse_steps("5-50 (+5)").unwrap(), [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
        assert_eq!(parse_steps("5-50 [10]").unwrap(), [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
        assert_eq!(parse_steps("10-30[4]").unwrap(), [10, 17, 23, 30]);
        assert_eq!(parse_steps("30-10 (-10), 12, 20").unwrap(), [30, 20, 10, 12]);
        assert_eq!(parse_seeds("0-3, 18446744073709551615").unwrap(), [0, 1, 2, 3, u64::MAX]);
        assert_eq!(parse_guidances("1-2 (+0.25),7.5").unwrap(), [1.0, 1.25, 1.5, 1.75, 2.0, 7.5]);
        assert_eq!(parse_guidances("1-2 (+0.1)").unwrap().len(), 11);
        assert_eq!(parse_schedulers("euler, DPMPP-2M").unwrap(), [SchedulerKind::Euler, SchedulerKind::DpmPp2M]);
        assert_eq!(parse_prompts("a cat, sitting\n\n  a dog \n").unwrap(), ["a cat, sitting", "a dog"]);
    }

    #[test]
    fn errors_name_the_text_and_what_would_do() {
        for (text, needle) in [
            ("2,x", "'x'"),
            ("1-", "'1-'"),
            ("0", "from 1 to 150"),
            ("140-160", "from 1 to 150"),
            ("", "2,4,8,16"),
            ("5-50 (+0)", "must not be 0"),
            ("5-50 [1]", "at least 2"),
            ("1-150", "too many"),
            ("1-18446744073709551615", "too many"),
            ("5-50 [999999]", "too many"),
            ("5-50 (", "'5-50 ('"),
        ] {
            let message = parse_steps(text).unwrap_err().to_string();
            assert!(message.contains(needle), "{text}: {message}");
        }
        assert!(parse_schedulers("eular").unwrap_err().to_string().contains("euler-a"));
        for bad in ["NaN", "inf", "1-1e300", "1-2 (+0)", "31", "1-2 (+NaN)"] {
            assert!(parse_guidances(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn anything_typed_gives_a_bounded_list_or_an_error(text in "[0-9a-z,()\\[\\] +.-]{0,24}") {
            if let Ok(steps) = parse_steps(&text) {
                prop_assert!(!steps.is_empty() && steps.len() <= VALUES_MAX);
                prop_assert!(steps.iter().all(|n| (protocol::STEPS_MIN..=protocol::STEPS_MAX).contains(n)));
            }
            prop_assert!(parse_seeds(&text).is_ok_and(|v| v.len() <= VALUES_MAX) || parse_seeds(&text).is_err());
            prop_assert!(parse_guidances(&text).is_ok_and(|v| v.len() <= VALUES_MAX) || parse_guidances(&text).is_err());
        }

        #[test]
        fn what_is_written_is_read_back(seeds in proptest::collection::btree_set(any::<u64>(), 1..50)) {
            let seeds: Vec<u64> = seeds.into_iter().collect();
            prop_assert_eq!(parse_seeds(&format_whole(&seeds)).unwrap(), seeds);
        }

        #[test]
        fn a_count_of_values_has_both_ends(from in 1u32..150, to in 1u32..150, count in 2usize..=100) {
            let values = parse_steps(&format!("{from}-{to} [{count}]")).unwrap();
            prop_assert_eq!((values[0], values[values.len() - 1]), (from, to));
            let rising = values.windows(2).all(|w| w[0] < w[1]);
            prop_assert!(rising || values.windows(2).all(|w| w[0] > w[1]));
        }
    }
}
