//! Numbers as people read them.

/// `1.9 s`, `420 ms`, `2 min 05 s`.
pub fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 0.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1000.0),
        ms => {
            let seconds = (ms / 1000.0).round() as u64;
            format!("{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

/// `14.3 MB`; decimal, as download sizes are.
pub fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 1e3 => format!("{bytes} B"),
        b if b < 1e6 => format!("{:.0} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.2} GB", b / 1e9),
    }
}

/// `7.1 million`.
pub fn count(count: u64) -> String {
    match count as f64 {
        c if c < 1e4 => count.to_string(),
        c if c < 1e6 => format!("{:.0} thousand", c / 1e3),
        c if c < 1e9 => format!("{:.1} million", c / 1e6),
        c => format!("{:.2} billion", c / 1e9),
    }
}

/// Three significant digits without an exponent: `14.6`, `0.0292`, `999`.
pub fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", digits.clamp(0, 8) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_change_unit_where_a_reader_would() {
        let cases =
            [(0.31, "0.3 ms"), (41.7, "42 ms"), (999.9, "1.0 s"), (12_340.0, "12.3 s"), (125_000.0, "2 min 05 s")];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn figures_have_three_digits() {
        for (value, text) in [(14.6146, "14.6"), (0.029_167, "0.0292"), (999.0, "999"), (1.0, "1"), (0.0, "0")] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(
            (bytes(999), bytes(14_310_000), bytes(2_100_000_000)),
            ("999 B".into(), "14.3 MB".into(), "2.10 GB".into())
        );
        assert_eq!((count(7_140_000), count(859_520_964)), ("7.1 million".into(), "859.5 million".into()));
    }
}
