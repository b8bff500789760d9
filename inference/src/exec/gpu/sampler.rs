//! The sampler's state on the device, and the two kernels that work on it. The CPU's twin is `schedulers::apply`.

use super::GpuValue;
use super::context::{Buffer, Context};
use super::kernel::folded;
use super::shader::Variant;
use crate::error::Result;
use crate::schedulers::{Combination, Eval, HISTORY};
use bytemuck::{Pod, Zeroable};
use std::mem::offset_of;
use std::rc::Rc;
use wgpu::BufferUsages;

/// x, saved, denoised, model output; then the remembered values.
const FIXED: usize = 4;

/// See `guide_and_step.wgsl`.
pub struct GpuSampler {
    state: Rc<Buffer>,
    len: usize,
    /// Which of the remembered values will be the newest.
    newest: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Coefficients {
    x: f32,
    saved: f32,
    noise: f32,
    output: f32,
    history: [f32; HISTORY],
}

/// `Params` of `guide_and_step.wgsl`; its layout is compared with naga's in the tests.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct StepParams {
    update: Coefficients,
    save: Coefficients,
    slots: [u32; HISTORY],
    to_denoised: [f32; 2],
    to_history: [f32; 2],
    len: u32,
    guidance: f32,
    clip: f32,
    flags: u32,
}

impl StepParams {
    /// Where each member lies, for the test that compares it with the shader.
    pub const OFFSETS: [u32; 9] = [
        offset_of!(Self, update) as u32,
        offset_of!(Self, save) as u32,
        offset_of!(Self, slots) as u32,
        offset_of!(Self, to_denoised) as u32,
        offset_of!(Self, to_history) as u32,
        offset_of!(Self, len) as u32,
        offset_of!(Self, guidance) as u32,
        offset_of!(Self, clip) as u32,
        offset_of!(Self, flags) as u32,
    ];
}

fn coefficients(c: &Combination) -> Coefficients {
    let history = c.history.map(|h| h as f32);
    Coefficients { x: c.x as f32, saved: c.saved as f32, noise: c.noise as f32, output: c.output as f32, history }
}

impl GpuSampler {
    /// Starts from scaled latents; everything else begins as zeros, which is what new buffers hold.
    pub fn new(context: &Context, latents: &[f32]) -> Result<Self> {
        let len = latents.len();
        let state = context.storage("sampler", ((FIXED + HISTORY) * len) as u64 * 4)?;
        context.queue.write_buffer(&state.raw, 0, bytemuck::cast_slice(latents));
        Ok(Self { state, len, newest: 0 })
    }

    /// One of the state's parts.
    pub fn part(&self, index: usize) -> GpuValue {
        GpuValue { buffer: self.state.clone(), offset: (index * self.len) as u64 * 4, len: self.len }
    }

    /// See [`crate::exec::Executor::model_input`].
    pub fn model_input(&self, context: &Context, input_scale: f64, batch: usize) -> Result<GpuValue> {
        let len = batch * self.len;
        let output = context.storage("model input", len as u64 * 4)?;
        let params = [len as u32, self.len as u32, (input_scale as f32).to_bits(), 0];
        launch(context, "model_input", bytemuck::bytes_of(&params), &[&self.state, &output], len)?;
        Ok(GpuValue { buffer: output, offset: 0, len })
    }

    /// See [`crate::exec::Executor::blend`].
    pub fn blend(&self, context: &Context, known: &GpuValue, mask: &GpuValue) -> Result<()> {
        let params = [self.len as u32, 0, 0, 0];
        let buffers = [&known.buffer, &mask.buffer, &self.state];
        launch(context, "blend", bytemuck::bytes_of(&params), &buffers, self.len)
    }

    /// See [`crate::exec::Executor::guide_and_step`].
    pub fn step(
        &mut self,
        context: &Context,
        eval: &Eval,
        model_out: &GpuValue,
        guidance: Option<f64>,
        noise: &GpuValue,
    ) -> Result<()> {
        let slot = |age: usize| (FIXED + (self.newest + age) % HISTORY) as u32;
        let params = StepParams {
            update: coefficients(&eval.update),
            save: coefficients(&eval.save.unwrap_or_default()),
            slots: std::array::from_fn(slot),
            to_denoised: eval.to_denoised.map(|c| c as f32),
            to_history: eval.to_history.map(|c| c as f32),
            len: self.len as u32,
            guidance: guidance.unwrap_or(1.0) as f32,
            clip: eval.clip.unwrap_or(0.0) as f32,
            flags: u32::from(guidance.is_some())
                | (u32::from(eval.save.is_some()) << 1)
                | (u32::from(eval.clip.is_some()) << 2),
        };
        let buffers = [&model_out.buffer, &noise.buffer, &self.state];
        launch(context, "guide_and_step", bytemuck::bytes_of(&params), &buffers, self.len)?;
        if eval.remember {
            // What was just written becomes age 1: the ring turns backwards.
            self.newest = (self.newest + HISTORY - 1) % HISTORY;
        }
        Ok(())
    }
}

/// Runs a kernel outside of any graph: parameters, then buffers in the order of their bindings.
pub fn launch(
    context: &Context,
    kernel: &'static str,
    params: &[u8],
    buffers: &[&Rc<Buffer>],
    len: usize,
) -> Result<()> {
    let uniform = context.buffer(kernel, params.len() as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
    context.queue.write_buffer(&uniform.raw, 0, params);
    let pipeline = context.pipeline(&Variant::plain(kernel));
    let all = std::iter::once(&uniform).chain(buffers.iter().copied());
    let entries: Vec<_> = all
        .enumerate()
        .map(|(i, b)| wgpu::BindGroupEntry { binding: i as u32, resource: b.raw.as_entire_binding() })
        .collect();
    let bind_group = context.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(kernel),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    let mut encoder = context.device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        let [x, y, z] = folded(len);
        pass.dispatch_workgroups(x, y, z);
    }
    context.queue.submit([encoder.finish()]);
    Ok(())
}
