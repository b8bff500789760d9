//! The worst differences of a test, told on the console and, where `PARITY` names a file, added to it as one line of
//! JSON each: `cargo xtask parity` makes PARITY.md of them.

use std::collections::BTreeMap;
use std::io::Write;

/// The worst difference of every kind of tensor.
pub struct Parity {
    executor: &'static str,
    subject: String,
    worst: BTreeMap<String, (f32, String)>,
    compared: usize,
}

impl Parity {
    /// Nothing compared yet. `subject`: a pipeline, or a sampler.
    pub fn new(executor: &'static str, subject: &str) -> Self {
        Self { executor, subject: subject.to_owned(), worst: BTreeMap::new(), compared: 0 }
    }

    /// A difference of `kind` (`latents`, `image`, …), and where it was.
    pub fn note(&mut self, kind: &str, error: f32, place: &str) {
        self.compared += 1;
        let worst = self.worst.entry(kind.to_owned()).or_insert((0.0, String::new()));
        if error >= worst.0 {
            *worst = (error, place.to_owned());
        }
    }

    /// Tells the worst ones.
    pub fn report(&self) {
        for (kind, (error, place)) in &self.worst {
            println!("{} {} {kind}: {error:.1e} at {place}", self.executor, self.subject);
        }
        let Some(path) = std::env::var_os("PARITY") else { return };
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        for (kind, (error, place)) in &self.worst {
            let line = serde_json::json!({
                "executor": self.executor, "subject": self.subject, "kind": kind, "error": error, "place": place,
                "compared": self.compared,
            });
            writeln!(file, "{line}").unwrap();
        }
    }
}
