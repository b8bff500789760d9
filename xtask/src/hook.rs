//! What Trunk runs after a build, before its output becomes `dist/`.
//!
//! Trunk names the app's files by their content but not the worker's, so a browser could pair a cached old worker with
//! a new page. Here the worker's files get such names too, the page a content security policy, the service worker its
//! list of files, and everything that shrinks a brotli twin.

use crate::sizes::{self, files};
use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Finishes the build that lies in `TRUNK_STAGING_DIR`.
pub fn hook() -> Result<()> {
    let Some(staging) = env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from) else {
        bail!("`hook` is run by Trunk at the end of `cargo xtask build`; run that instead");
    };
    name_worker_by_content(&staging)?;
    protect_page(&staging.join("index.html"))?;
    write_service_worker(&staging)?;
    compress(&staging)?;
    sizes::print(&staging)
}

/// Renames the worker's files after their content, innermost first, and follows the references.
fn name_worker_by_content(staging: &Path) -> Result<()> {
    let wasm = rename(staging, "worker_bg.wasm", |hash| format!("worker-{hash}_bg.wasm"))?;
    replace(&staging.join("worker.js"), "worker_bg.wasm", &wasm)?;
    let js = rename(staging, "worker.js", |hash| format!("worker-{hash}.js"))?;
    replace(&staging.join("worker-boot.js"), "./worker.js", &format!("./{js}"))?;
    let boot = rename(staging, "worker-boot.js", |hash| format!("worker-boot-{hash}.js"))?;
    replace(&staging.join("index.html"), "worker-boot.js", &boot)?;
    // Trunk writes it only for pages that have no boot file.
    let loader = staging.join("worker_loader.js");
    if loader.exists() {
        fs::remove_file(&loader).context("cannot remove worker_loader.js")?;
    }
    Ok(())
}

fn rename(staging: &Path, old: &str, new: impl FnOnce(&str) -> String) -> Result<String> {
    let path = staging.join(old);
    let content = read(&path)?;
    let new = new(&hex(&Sha256::digest(&content))[..16]);
    fs::rename(&path, staging.join(&new)).with_context(|| format!("cannot rename {old} to {new}"))?;
    Ok(new)
}

/// Replaces every occurrence; a reference that is not there means that a tool has changed its output.
fn replace(path: &Path, old: &str, new: &str) -> Result<()> {
    let text = read_text(path)?;
    if !text.contains(old) {
        bail!("{} does not mention {old}: the worker's start would fail, see xtask/src/hook.rs", path.display());
    }
    write(path, text.replace(old, new))
}

/// Puts a content security policy in front of everything else in the head.
fn protect_page(index: &Path) -> Result<()> {
    let html = read_text(index)?;
    let scripts: Vec<String> = inline_scripts(&html)
        .map(|script| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script))))
        .collect();
    let policy = [
        "default-src 'self'".to_owned(),
        format!("script-src 'self' 'wasm-unsafe-eval' {}", scripts.join(" ")),
        "worker-src 'self'".to_owned(),
        "connect-src 'self'".to_owned(),
        "img-src 'self' blob: data:".to_owned(),
        // Custom properties that carry numbers (progress, columns) are set on elements.
        "style-src 'self' 'unsafe-inline'".to_owned(),
        "object-src 'none'".to_owned(),
        "base-uri 'self'".to_owned(),
        "form-action 'none'".to_owned(),
    ]
    .join("; ");
    let Some((before, after)) = html.split_once("<head>") else {
        bail!("index.html has no <head>: the content security policy has nowhere to go");
    };
    let meta = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", policy.trim());
    write(index, format!("{before}<head>\n{meta}{after}"))
}

/// The text of each `<script>` that has no `src`, byte for byte as the browser hashes it.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (body, _) = rest.split_once("</script")?;
        (!attributes.contains("src=")).then_some(body)
    })
}

/// Fills the service worker's release line: a version that follows from the content, and the files with their hashes.
fn write_service_worker(staging: &Path) -> Result<()> {
    let mut kept = Map::new();
    for path in files(staging)? {
        let name = path.to_string_lossy().replace('\\', "/");
        // The service worker is not its own client, and the engine keeps models itself.
        if name == "sw.js" || is_of_a_model(&name) {
            continue;
        }
        kept.insert(name, Value::String(hex(&Sha256::digest(read(&staging.join(&path))?))));
    }
    let template = read_text(&crate::root().join("public/sw.js"))?;
    // The list decides, and the code around it.
    let version = &hex(&Sha256::digest(format!("{template}{}", Value::Object(kept.clone()))))[..16];
    let release = json!({ "version": version, "files": kept });
    let Some(line) = template.lines().find(|line| line.starts_with("const RELEASE = ")) else {
        bail!("public/sw.js has no line that starts with `const RELEASE = `");
    };
    write(&staging.join("sw.js"), template.replace(line, &format!("const RELEASE = {release};")))
}

/// Whether a file lies in a model's folder: `models/NAME/…`, but not the list of models itself.
fn is_of_a_model(name: &str) -> bool {
    name.strip_prefix("models/").is_some_and(|rest| rest.contains('/'))
}

/// Writes `x.br` beside each `x` that shrinks. Results are kept by content: the strongest level takes seconds per
/// megabyte, and most files are the same as last time.
fn compress(staging: &Path) -> Result<()> {
    let cache = crate::root().join("target/brotli");
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    for path in files(staging)? {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"].contains(&extension) {
            continue;
        }
        let full = staging.join(&path);
        let content = read(&full)?;
        let kept = cache.join(hex(&Sha256::digest(&content)));
        if !kept.is_file() {
            let mut small = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: 11,
                lgwin: 24,
                size_hint: content.len(),
                ..Default::default()
            };
            brotli::BrotliCompress(&mut content.as_slice(), &mut small, &parameters)
                .with_context(|| format!("cannot compress {}", path.display()))?;
            write(&kept, small)?;
        }
        let mut twin = full.into_os_string();
        twin.push(".br");
        fs::copy(&kept, &twin).with_context(|| format!("cannot write the brotli twin of {}", path.display()))?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}; does index.html still mention it?", path.display()))
}

fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).with_context(|| format!("{} is not text", path.display()))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_without_a_source_are_hashed() {
        let html = "<script src=\"a.js\"></script><script type=\"module\">\nlet a = 1 < 2;\n</script><p>x</p>";
        assert_eq!(inline_scripts(html).collect::<Vec<_>>(), ["\nlet a = 1 < 2;\n"]);
    }
}
