//! Serves the built page on this machine: correct types, ranges, conditional requests, and the brotli files that the
//! build wrote beside the originals.

use crate::process::say;
use anyhow::{Context, Result, bail};
use hyper::{
    header::{CACHE_CONTROL, HeaderValue},
    server::conn::http1,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use tower_http::{services::ServeDir, set_header::SetResponseHeader};

/// Builds unless told not to, then serves until stopped: `dist/`, or the folder `of`.
pub fn serve(port: u16, no_build: bool, of: Option<PathBuf>) -> Result<()> {
    let dist = match of {
        Some(folder) => folder,
        None if no_build => crate::dist(),
        None => crate::build::build()?,
    };
    if !dist.join("index.html").is_file() {
        bail!("there is nothing to serve in {}: build first with `cargo xtask build`", dist.display());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the server")?;
    runtime.block_on(listen(&dist, port))
}

async fn listen(dist: &Path, port: u16) -> Result<()> {
    let listener = match tokio::net::TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => listener,
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let other = port.checked_add(1).unwrap_or(8080);
            bail!("port {port} is taken by another program: choose another with `cargo xtask serve --port {other}`");
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen on port {port}")),
    };
    println!("Stepscope is at http://{} (Ctrl+C stops it)", listener.local_addr()?);
    // `no-cache` means "ask each time": a rebuilt page shows at once, an unchanged file costs one 304.
    let files = SetResponseHeader::overriding(
        ServeDir::new(dist).precompressed_br(),
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache"),
    );
    let service = TowerToHyperService::new(files);
    loop {
        let (stream, _) = listener.accept().await.context("the server cannot take connections any more")?;
        let service = service.clone();
        tokio::spawn(async move {
            // A browser may keep a connection open and silent for as long as it likes.
            let mut http = http1::Builder::new();
            let connection = http.header_read_timeout(None).serve_connection(TokioIo::new(stream), service);
            // Browsers drop connections whenever they like; anything else is worth a line.
            if let Err(error) = connection.await
                && !(error.is_incomplete_message() || error.is_canceled())
            {
                say(&format!("a connection ended early: {error}"));
            }
        });
    }
}
