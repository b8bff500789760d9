// A flat index over a grid that was folded to stay below 65,535 workgroups a dimension.
fn flat_index(id: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return id.x + id.y * workgroups.x * 64u;
}
