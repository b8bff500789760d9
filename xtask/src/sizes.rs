//! What a first visit downloads, and the limits that a build must keep.

use anyhow::{Context, Result, bail};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// Bytes in the files of one kind.
struct Row {
    label: &'static str,
    raw: u64,
    transferred: u64,
    /// Most bytes that may be transferred.
    limit: Option<u64>,
}

/// Prints the table.
pub fn print(dist: &Path) -> Result<()> {
    println!("{}", table(dist)?);
    Ok(())
}

/// One line for each kind of file, and the total.
pub fn table(dist: &Path) -> Result<String> {
    let mut out = format!("\n{:<16}{:>12}{:>14}{:>12}\n", "bytes", "raw", "transferred", "limit");
    let rows = rows(dist)?;
    let total = Row {
        label: "total",
        raw: rows.iter().map(|row| row.raw).sum(),
        transferred: rows.iter().map(|row| row.transferred).sum(),
        limit: None,
    };
    for row in rows.iter().chain([&total]) {
        let limit = row.limit.map_or_else(String::new, grouped);
        let (raw, transferred) = (grouped(row.raw), grouped(row.transferred));
        writeln!(out, "{:<16}{raw:>12}{transferred:>14}{limit:>12}", row.label)?;
    }
    Ok(out)
}

/// Fails where a limit is exceeded.
pub fn gate(dist: &Path) -> Result<()> {
    let too_big: Vec<String> = rows(dist)?
        .iter()
        .filter_map(|row| {
            let limit = row.limit.filter(|limit| row.transferred > *limit)?;
            Some(format!("{} is {} bytes, the limit is {}", row.label, grouped(row.transferred), grouped(limit)))
        })
        .collect();
    if too_big.is_empty() {
        return Ok(());
    }
    bail!("transfer size exceeded: {}; drop a dependency or feature, or argue for a new limit", too_big.join("; "));
}

fn rows(dist: &Path) -> Result<Vec<Row>> {
    let mut rows = [
        ("app wasm", Some(800_000)),
        ("worker wasm", Some(2_500_000)),
        ("scripts", None),
        ("page", None),
        ("model", Some(32_000_000)),
        ("other models", None),
    ]
    .map(|(label, limit)| Row { label, raw: 0, transferred: 0, limit });
    let first = first_model(dist).unwrap_or_default();
    for path in files(dist)? {
        let name = path.to_string_lossy();
        let row = match () {
            () if path.starts_with("models") && path.iter().nth(1).is_some_and(|model| model == first.as_str()) => 4,
            () if path.starts_with("models") => 5,
            () if name.ends_with(".wasm") => usize::from(name.starts_with("worker")),
            () if name.ends_with(".js") => 2,
            () => 3,
        };
        let raw = size(&dist.join(&path))?;
        rows[row].raw += raw;
        rows[row].transferred += size(&dist.join(format!("{name}.br"))).unwrap_or(raw);
    }
    if rows[0].raw == 0 || rows[1].raw == 0 {
        bail!("dist/ holds no complete build: run `cargo xtask build`");
    }
    Ok(rows.into())
}

/// The model that a first visit downloads; the others only come when they are asked for.
fn first_model(dist: &Path) -> Option<String> {
    let catalog: serde_json::Value = serde_json::from_slice(&fs::read(dist.join("models/catalog.json")).ok()?).ok()?;
    catalog.get(0)?.get("id")?.as_str().map(str::to_owned)
}

/// Every file below a folder, relative to it, in a stable order; without the `.br` twins.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let here = folder.join(&inner);
        for entry in fs::read_dir(&here).with_context(|| format!("cannot list {}", here.display()))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|extension| extension != "br") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}

/// `1234567` as `1,234,567`.
fn grouped(bytes: u64) -> String {
    let digits = bytes.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_of(app: usize, worker: usize) -> tempdir::Folder {
        let folder = tempdir::Folder::new();
        for (name, bytes) in [("app-1_bg.wasm.br", app), ("worker-1_bg.wasm.br", worker)] {
            fs::write(folder.0.join(name), vec![0; bytes]).unwrap();
            fs::write(folder.0.join(name.trim_end_matches(".br")), vec![0; 3 * bytes]).unwrap();
        }
        folder
    }

    /// A folder that goes away with its test.
    mod tempdir {
        use std::{fs, path::PathBuf, sync::atomic};

        pub struct Folder(pub PathBuf);

        impl Folder {
            pub fn new() -> Self {
                static NEXT: atomic::AtomicU32 = atomic::AtomicU32::new(0);
                let number = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
                let path = std::env::temp_dir().join(format!("stepscope-sizes-{}-{number}", std::process::id()));
                fs::create_dir_all(&path).unwrap();
                Self(path)
            }
        }

        impl Drop for Folder {
            fn drop(&mut self) {
                fs::remove_dir_all(&self.0).ok();
            }
        }
    }

    #[test]
    fn what_is_transferred_counts_not_what_is_unpacked() {
        let folder = build_of(400_000, 2_400_000);
        gate(&folder.0).unwrap();
    }

    #[test]
    fn a_heavy_app_is_named_with_its_limit() {
        let folder = build_of(800_001, 10);
        let message = gate(&folder.0).unwrap_err().to_string();
        assert!(message.contains("app wasm is 800,001 bytes, the limit is 800,000"), "{message}");
        assert!(!message.contains("worker"), "{message}");
    }

    #[test]
    fn half_a_build_does_not_pass() {
        assert!(gate(&build_of(0, 10).0).is_err());
    }
}
