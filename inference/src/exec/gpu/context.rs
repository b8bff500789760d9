//! The device: adapter, buffers, pipelines, readback, errors. Nothing here knows what a model is.

use super::shader::Variant;
use super::tune::Tuning;
use crate::error::{Error, Result};
use crate::graph::Precision;
use futures_channel::oneshot;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use wgpu::{BufferUsages, ErrorFilter};

/// What is known of the adapter.
#[derive(Clone, Debug)]
pub struct GpuInfo {
    /// As the driver names it; browsers often keep it to themselves.
    pub name: String,
    /// Whether it is a software implementation.
    pub is_software: bool,
    /// Largest storage binding, in bytes.
    pub max_binding: u64,
}

/// A buffer that frees its memory when it is dropped. (Dropping wgpu's own handle frees nothing in a browser until the
/// garbage collector runs.)
#[derive(Debug)]
pub struct Buffer {
    /// wgpu's handle.
    pub raw: wgpu::Buffer,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.raw.destroy();
    }
}

/// Errors arrive when they like; they are kept here until somebody asks.
#[derive(Default)]
struct Faults {
    first: Option<Fault>,
}

enum Fault {
    Lost(String),
    OutOfMemory(String),
    Other(String),
}

/// A device with its caches.
pub struct Context {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: GpuInfo,
    pub precision: Precision,
    pub tuning: Tuning,
    /// One word that kernels set when a number is too large for f16.
    pub overflow: Rc<Buffer>,
    pipelines: RefCell<HashMap<Variant, wgpu::ComputePipeline>>,
    /// Readback buffers by size: a run reads the same few sizes at every step.
    staging: RefCell<HashMap<u64, Rc<Buffer>>>,
    faults: Arc<Mutex<Faults>>,
}

impl Context {
    /// Opens the default adapter.
    ///
    /// # Errors
    /// [`Error::NoGpu`] with what the browser or driver said; [`Error::Precision`] if f16 is asked of an adapter that
    /// does not have it.
    pub async fn open(precision: Precision) -> Result<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await.map_err(|error| match error {
            // wgpu's own words list every backend that this build does not have.
            wgpu::RequestAdapterError::NotFound { .. } => Error::NoGpu("no graphics adapter was found".into()),
            other => Error::NoGpu(other.to_string()),
        })?;
        let about = adapter.get_info();
        let is_software = about.device_type == wgpu::DeviceType::Cpu;
        let name = match (about.name.is_empty(), is_software) {
            (false, _) => about.name,
            (true, true) => "software adapter".into(),
            (true, false) => "GPU".into(),
        };
        let required_features = features(precision, adapter.features(), &name)?;
        let offered = adapter.limits();
        // The defaults suffice for every kernel; only sizes are taken as large as they come, for large models.
        let required_limits = wgpu::Limits {
            max_buffer_size: offered.max_buffer_size,
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            ..wgpu::Limits::defaults()
        };
        let label = Some("stepscope");
        let descriptor = wgpu::DeviceDescriptor { label, required_features, required_limits, ..Default::default() };
        let (device, queue) =
            adapter.request_device(&descriptor).await.map_err(|error| Error::NoGpu(error.to_string()))?;

        let faults = Arc::new(Mutex::new(Faults::default()));
        let keep = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error| note(&keep, fault(error))));
        let keep = faults.clone();
        device.set_device_lost_callback(move |reason, message| {
            // Our own dropping of the device is no fault.
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(&keep, Fault::Lost(message));
            }
        });
        let info = GpuInfo { name, is_software, max_binding: device.limits().max_storage_buffer_binding_size };
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        let overflow = Rc::new(new_buffer(&device, "overflow", 16, usage));
        let (pipelines, staging) = Default::default();
        let tuning = Tuning::new(is_software);
        Ok(Self { device, queue, info, precision, tuning, overflow, pipelines, staging, faults })
    }

    /// The first error since the last call, if there was one.
    pub fn check(&self) -> Result<()> {
        let fault = match self.faults.lock() {
            Ok(mut faults) => faults.first.take(),
            Err(_) => None,
        };
        match fault {
            None => Ok(()),
            Some(Fault::Lost(reason)) => {
                // It stays lost.
                note(&self.faults, Fault::Lost(reason.clone()));
                Err(Error::DeviceLost(reason))
            }
            Some(Fault::OutOfMemory(reason)) => Err(Error::OutOfMemory(reason)),
            Some(Fault::Other(reason)) => Err(Error::Internal(reason)),
        }
    }

    /// Runs `f` and waits for the errors that it caused. Scopes are the only reliable way to learn of them: some
    /// browsers have no event for errors outside of one.
    pub async fn guarded<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let memory = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(ErrorFilter::Validation);
        let result = f();
        let (validation, memory) = (validation.pop(), memory.pop());
        for error in [validation.await, memory.await].into_iter().flatten() {
            note(&self.faults, fault(error));
        }
        self.check()?;
        result
    }

    /// A buffer of `bytes`, rounded up to what copies need.
    pub fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Result<Rc<Buffer>> {
        let size = bytes.next_multiple_of(16).max(16);
        if usage.contains(BufferUsages::STORAGE) && size > self.info.max_binding {
            let message = format!(
                "{label} needs {} MB in one piece, this device allows {}",
                size >> 20,
                self.info.max_binding >> 20
            );
            return Err(Error::OutOfMemory(message));
        }
        Ok(Rc::new(new_buffer(&self.device, label, size, usage)))
    }

    /// A storage buffer that can be written and read.
    pub fn storage(&self, label: &str, bytes: u64) -> Result<Rc<Buffer>> {
        self.buffer(label, bytes, BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC)
    }

    /// The pipeline of a variant, made once.
    pub fn pipeline(&self, variant: &Variant) -> wgpu::ComputePipeline {
        if let Some(pipeline) = self.pipelines.borrow().get(variant) {
            return pipeline.clone();
        }
        let label = Some(variant.kernel);
        let source = wgpu::ShaderSource::Wgsl(variant.source().into());
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        self.pipelines.borrow_mut().insert(variant.clone(), pipeline.clone());
        pipeline
    }

    /// Copies pieces of buffers (buffer, offset, bytes) to the host, one after the other, waiting for whatever writes
    /// them.
    ///
    /// # Errors
    /// Whatever went wrong on the device before; [`Error::Precision`] if a number on the way was too large for f16.
    pub async fn read(&self, pieces: &[(&Buffer, u64, u64)]) -> Result<Vec<u8>> {
        let overflow = (&*self.overflow, 0, 4);
        let mut pieces = pieces.to_vec();
        pieces.extend((self.precision == Precision::F16).then_some(overflow));
        let bytes = pieces.iter().map(|(_, _, bytes)| bytes).sum();
        let staging = self.staging.borrow_mut().remove(&bytes);
        let staging = match staging {
            Some(staging) => staging,
            None => self.buffer("readback", bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?,
        };
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut at = 0;
        for (buffer, offset, bytes) in pieces {
            encoder.copy_buffer_to_buffer(&buffer.raw, offset, &staging.raw, at, bytes);
            at += bytes;
        }
        self.queue.submit([encoder.finish()]);
        let (sender, receiver) = oneshot::channel();
        staging.raw.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            // Nobody waits any more if the run was dropped.
            let _ = sender.send(result);
        });
        self.wait()?;
        let failed = |reason: String| self.check().err().unwrap_or(Error::DeviceLost(reason));
        match receiver.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("a readback was dropped".into())),
        }
        let view = staging.raw.get_mapped_range(0..bytes).map_err(|error| failed(error.to_string()))?;
        let mut data = view.to_vec();
        drop(view);
        staging.raw.unmap();
        self.staging.borrow_mut().insert(bytes, staging);
        self.check()?;
        if self.precision == Precision::F16 && data.split_off(data.len() - 4) != [0; 4] {
            self.queue.write_buffer(&self.overflow.raw, 0, &[0; 4]);
            return Err(Error::Precision("a number in this model is too large for f16, which ends at 65,504".into()));
        }
        Ok(data)
    }

    /// Waits for submitted work natively; in a browser the event loop does that while a future is awaited.
    fn wait(&self) -> Result<()> {
        match self.device.poll(wgpu::PollType::wait_indefinitely()) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::DeviceLost(error.to_string())),
        }
    }
}

/// What a precision needs of an adapter that offers `offered`; plain f32 needs nothing.
fn features(precision: Precision, offered: wgpu::Features, adapter: &str) -> Result<wgpu::Features> {
    match precision {
        Precision::F32 => Ok(wgpu::Features::empty()),
        Precision::F16 if offered.contains(wgpu::Features::SHADER_F16) => Ok(wgpu::Features::SHADER_F16),
        Precision::F16 => Err(Error::Precision(format!("the adapter ({adapter}) has no shader-f16"))),
    }
}

fn new_buffer(device: &wgpu::Device, label: &str, size: u64, usage: BufferUsages) -> Buffer {
    let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
    Buffer { raw: device.create_buffer(&descriptor) }
}

fn note(faults: &Mutex<Faults>, fault: Fault) {
    if let Ok(mut faults) = faults.lock() {
        // The first error is the cause; what follows are consequences.
        faults.first.get_or_insert(fault);
    }
}

fn fault(error: wgpu::Error) -> Fault {
    match error {
        wgpu::Error::OutOfMemory { source } => Fault::OutOfMemory(source.to_string()),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            Fault::Other(description)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu::Features;

    #[test]
    fn an_adapter_without_f16_is_refused_only_where_f16_is_asked_for() {
        let plain = Features::TIMESTAMP_QUERY;
        assert!(features(Precision::F32, plain, "x").is_ok_and(|needed| needed.is_empty()));
        let with_half = plain | Features::SHADER_F16;
        assert!(features(Precision::F16, with_half, "x").is_ok_and(|needed| needed == Features::SHADER_F16));
        let refused = features(Precision::F16, plain, "old card").err();
        let error = refused.map(|error| format!("{error}. {}", error.hint()));
        assert_eq!(error.as_deref(), Some("the adapter (old card) has no shader-f16. Use f32 precision."));
    }
}
