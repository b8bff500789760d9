// One evaluation of a sampler, whichever it is: guidance, the predicted clean latents, the remembered value, the
// update. All samplers are linear in {x, saved x, remembered values, noise}; the coefficients come from the schedule.
//
// The state is one buffer of eight equal parts: x, saved, denoised, guided model output, and four remembered values
// that take turns; `slots` tells where the newest to the oldest of them lie.
struct Combination {
    x: f32,
    saved: f32,
    noise: f32,
    output: f32,
    history: vec4<f32>,
}

struct Params {
    update: Combination,
    save: Combination,
    slots: vec4<u32>,
    to_denoised: vec2<f32>,
    to_history: vec2<f32>,
    len: u32,
    guidance: f32,
    clip: f32,
    flags: u32,    // GUIDED, SAVES, CLIPS
}

const GUIDED = 1u;
const SAVES = 2u;
const CLIPS = 4u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> model_out: array<f32>;    // [1 or 2, len], negative first
@group(0) @binding(2) var<storage, read> noise: array<f32>;        // [len], or one zero
@group(0) @binding(3) var<storage, read_write> state: array<f32>;  // [8, len]
#import shared/index.wgsl

fn combine(c: Combination, x: f32, saved: f32, z: f32, out: f32, h: vec4<f32>) -> f32 {
    return c.x * x + c.saved * saved + c.noise * z + c.output * out + dot(c.history, h);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    let len = params.len;
    if i >= len {
        return;
    }
    var out = model_out[i];
    if (params.flags & GUIDED) != 0u {
        out += params.guidance * (model_out[len + i] - out);
    }
    let x = state[i];
    let saved = state[len + i];
    let z = noise[min(i, arrayLength(&noise) - 1u)];
    var denoised = params.to_denoised.x * x + params.to_denoised.y * out;
    var to_remember = out;
    if (params.flags & CLIPS) != 0u {
        denoised = clamp(denoised, -params.clip, params.clip);
        to_remember = denoised;
    }
    let now = params.to_history.x * x + params.to_history.y * to_remember;
    let h = vec4<f32>(
        now,
        state[params.slots.y * len + i],
        state[params.slots.z * len + i],
        state[params.slots.w * len + i],
    );
    state[i] = combine(params.update, x, saved, z, out, h);
    if (params.flags & SAVES) != 0u {
        state[len + i] = combine(params.save, x, saved, z, out, h);
    }
    state[2u * len + i] = denoised;
    state[3u * len + i] = out;
    state[params.slots.x * len + i] = now;
}
