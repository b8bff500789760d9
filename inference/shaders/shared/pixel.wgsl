// Where a row of a matrix product begins in x: its pixel under a tap of a convolution's kernel, or simply the row.
// What lies outside the picture, and rows beyond the last, are zeros that every value has behind it (`zeros`), so that
// the loop over channels has no conditions. Nothing here branches either: some compilers take half a minute for a few
// conditions that are repeated for every row. Counted in X.
#if CONV
// Top left corner of what an output row sees and its batch entry. What is above or left of the picture wraps around to
// numbers beyond it.
fn corner(row: u32) -> vec3<u32> {
    let area = params.out_height * params.out_width;
    let rest = row % area;
    let y = rest / params.out_width * params.stride - params.pad_top;
    let x = rest % params.out_width * params.stride - params.pad_left;
    return vec3<u32>(select(0x80000000u, y, row < params.rows), x, row / area);
}

fn pixel(corner: vec3<u32>, ky: u32, kx: u32) -> u32 {
    let at = corner.xy + vec2<u32>(ky, kx);
    let inside = all(at < (vec2<u32>(params.height, params.width) << vec2<u32>(params.upsample)));
    let source = at >> vec2<u32>(params.upsample);
    let row = corner.z * params.height + source.x;
    return select(params.zeros, (row * params.width + source.y) * params.channels, inside);
}
#else
fn corner(row: u32) -> u32 {
    return select(params.zeros, row * params.channels, row < params.rows);
}

fn pixel(corner: u32, ky: u32, kx: u32) -> u32 {
    return corner;
}
#end
