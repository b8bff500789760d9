// Four neighbouring numbers of a weight matrix [K, N4·4]: f32, or f16 packed two to a word, unpacked here so that no
// device feature is needed.
#if W_F16
@group(0) @binding(2) var<storage, read> w: array<vec2<u32>>; // [K, N4]

fn load_w(i: u32) -> vec4<f32> {
    let packed = w[i];
    return vec4<f32>(unpack2x16float(packed.x), unpack2x16float(packed.y));
}
#else
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>; // [K, N4]

fn load_w(i: u32) -> vec4<f32> {
    return w[i];
}
#end
