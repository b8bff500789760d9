//! From a node of a graph to a dispatch: which variant, which parameters, which buffers, how many workgroups. The order
//! of parameters is that of the shader's `Params`; a test compares their number with the shader's own layout.

use super::shader::{F16, Variant};
use crate::graph::{Activation, Graph, MatMul, Node, NodeId, Op, Precision, WeightId};

/// Invocations of a workgroup of the pointwise kernels.
const GROUP: u32 = 64;
/// WebGPU's limit of workgroups in one dimension.
const MAX_GROUPS: u32 = 65_535;
/// Binding of the overflow flag in every kernel that narrows.
const OVERFLOW: u32 = 7;

/// What a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A node's value.
    Value(NodeId),
    /// A weight.
    Weight(WeightId),
    /// The node's own output.
    Output,
    /// The caller's side of an input or output, always f32.
    Wall(NodeId),
    /// The flag that a number was too large for f16.
    Overflow,
}

/// One launch.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Shader.
    pub variant: Variant,
    /// `Params`, word by word; floats as their bits.
    pub params: Vec<u32>,
    /// Binding numbers and what they hold.
    pub bindings: Vec<(u32, Source)>,
    /// Workgroups.
    pub workgroups: [u32; 3],
}

/// Code of an activation in `shared/activation.wgsl`.
fn code(act: Option<Activation>) -> u32 {
    match act {
        None => 0,
        Some(Activation::Silu) => 1,
        Some(Activation::Gelu) => 2,
        Some(Activation::QuickGelu) => 3,
        Some(Activation::Relu) => 4,
        Some(Activation::Tanh) => 5,
    }
}

/// Workgroups for `len` invocations, folded to two dimensions.
pub fn folded(len: usize) -> [u32; 3] {
    let groups = (len as u32).div_ceil(GROUP).max(1);
    let rows = groups.div_ceil(MAX_GROUPS);
    [groups.div_ceil(rows), rows, 1]
}

impl Dispatch {
    /// The same for values that are stored as `precision` says.
    fn stored(mut self, precision: Precision) -> Self {
        if precision == Precision::F16 {
            self.variant = self.variant.flag(F16, true);
            // These only move numbers about.
            if !matches!(self.variant.kernel, "concat" | "resize") {
                self.bindings.push((OVERFLOW, Source::Overflow));
            }
        }
        self
    }
}

/// The launch that turns the caller's f32 of an input into f16.
pub fn narrow(graph: &Graph, id: NodeId) -> Dispatch {
    convert(graph, id, [Source::Wall(id), Source::Output]).stored(Precision::F16)
}

/// The launch that turns the f16 of an output into the caller's f32.
pub fn widen(graph: &Graph, id: NodeId) -> Dispatch {
    let mut dispatch = convert(graph, id, [Source::Value(id), Source::Wall(id)]);
    dispatch.variant = dispatch.variant.flag(F16, true).flag("WIDEN", true);
    dispatch
}

fn convert(graph: &Graph, id: NodeId, [from, to]: [Source; 2]) -> Dispatch {
    let len = graph.node(id).len();
    let (variant, bindings) = (Variant::plain("convert"), vec![(1, from), (2, to)]);
    Dispatch { variant, params: vec![len as u32], bindings, workgroups: folded(len) }
}

/// The launch that computes a node over values stored as `precision` says; `half` tells which weights are stored as
/// f16. `None` for nodes that compute nothing.
pub fn dispatch(graph: &Graph, id: NodeId, precision: Precision, half: impl Fn(WeightId) -> bool) -> Option<Dispatch> {
    Some(in_f32(graph, id, half)?.stored(precision))
}

fn in_f32(graph: &Graph, id: NodeId, half: impl Fn(WeightId) -> bool) -> Option<Dispatch> {
    let node = graph.node(id);
    let input = |i: usize| Source::Value(node.inputs[i]);
    let shape = |i: usize| graph.node(node.inputs[i]).shape.as_slice();
    let channels = *node.shape.last()? as u32;
    let len = node.len() as u32;
    let pointwise = |kernel, extra: &[u32], bindings: Vec<Source>| {
        let params = std::iter::once(len).chain(extra.iter().copied()).collect();
        let bindings = bindings.into_iter().chain([Source::Output]);
        let bindings = bindings.enumerate().map(|(i, source)| (i as u32 + 1, source)).collect();
        Dispatch { variant: Variant::plain(kernel), params, bindings, workgroups: folded(len as usize) }
    };
    Some(match &node.op {
        Op::Input { .. } | Op::Reshape => return None,
        Op::MatMul(op) => matmul(graph, node, op, half(op.weight)),
        Op::Attention { heads, head_dim, offsets, causal } => {
            attention(graph, node, *heads, *head_dim, *offsets, *causal)
        }
        Op::Embedding { table, positions } => Dispatch {
            variant: Variant::plain("embedding").flag("W_F16", half(*table)),
            params: vec![len, channels, node.shape[1] as u32],
            bindings: vec![
                (1, input(0)),
                (2, Source::Weight(*table)),
                (3, Source::Weight(*positions)),
                (4, Source::Output),
            ],
            workgroups: folded(len as usize),
        },
        Op::GroupNorm { groups, eps, weight, bias, act } => Dispatch {
            variant: Variant::plain("group_norm").constant("ACT", code(*act)),
            params: vec![len / node.shape[0] as u32 / channels, channels, *groups as u32, eps.to_bits()],
            bindings: norm(input(0), *weight, *bias),
            workgroups: [(node.shape[0] * groups) as u32, 1, 1],
        },
        Op::LayerNorm { eps, weight, bias } => Dispatch {
            variant: Variant::plain("layer_norm"),
            params: vec![len / channels, channels, eps.to_bits()],
            bindings: norm(input(0), *weight, *bias),
            workgroups: folded((len / channels) as usize),
        },
        Op::Activate(act) => {
            let mut dispatch = pointwise("activate", &[], vec![input(0)]);
            dispatch.variant = dispatch.variant.constant("ACT", code(Some(*act)));
            dispatch
        }
        Op::Geglu => {
            let mut dispatch = pointwise("geglu", &[channels], vec![input(0)]);
            dispatch.variant = dispatch.variant.constant("ACT", 0);
            dispatch
        }
        Op::Affine { factor, offset } => pointwise("affine", &[factor.to_bits(), offset.to_bits()], vec![input(0)]),
        Op::Add => pointwise("add", &[], vec![input(0), input(1)]),
        Op::AddChannels => pointwise("add_channels", &[channels, len / node.shape[0] as u32], vec![input(0), input(1)]),
        Op::Concat => pointwise("concat", &[channels, *shape(0).last()? as u32], vec![input(0), input(1)]),
        Op::Resize => {
            let (from, to) = (shape(0), &node.shape);
            let sizes = [channels, from[1] as u32, from[2] as u32, to[1] as u32, to[2] as u32];
            pointwise("resize", &sizes, vec![input(0)])
        }
    })
}

fn norm(x: Source, weight: WeightId, bias: WeightId) -> Vec<(u32, Source)> {
    vec![(1, x), (2, Source::Weight(weight)), (3, Source::Weight(bias)), (4, Source::Output)]
}

fn matmul(graph: &Graph, node: &Node, op: &MatMul, half: bool) -> Dispatch {
    let x = &graph.node(node.inputs[0]).shape;
    let n = graph.weights[op.weight.0].n() as u32;
    let rows = node.len() as u32 / n;
    let channels = x.last().map_or(1, |c| *c as u32);
    // A 1×1 convolution without more is a linear layer over pixels.
    let conv = op.conv.filter(|conv| conv.kernel != [1, 1] || conv.stride != 1 || conv.upsample);
    let variant = Variant::plain("matmul")
        .flag("A_VEC", channels.is_multiple_of(4))
        .flag("W_F16", half)
        .flag("CONV", conv.is_some())
        .flag("BIAS", op.bias.is_some())
        .flag("CHANNEL_BIAS", op.channel_bias)
        .flag("RESIDUAL", op.residual)
        .constant("ACT", code(op.act));
    let geometry = match conv {
        Some(conv) => [
            x[1],
            x[2],
            node.shape[1],
            node.shape[2],
            conv.kernel[0],
            conv.kernel[1],
            conv.stride,
            conv.padding[0],
            conv.padding[1],
        ],
        None => [1, 1, 1, 1, 1, 1, 1, 0, 0],
    };
    let mut params = vec![rows, n, channels];
    params.extend(geometry.map(|size| size as u32));
    params.extend([rows / node.shape[0] as u32, conv.is_some_and(|conv| conv.upsample) as u32]);

    let mut rest = node.inputs[1..].iter().map(|id| Source::Value(*id));
    let mut bindings = vec![(1, Source::Value(node.inputs[0])), (2, Source::Weight(op.weight)), (3, Source::Output)];
    bindings.extend(op.bias.map(|bias| (4, Source::Weight(bias))));
    bindings.extend(op.channel_bias.then(|| rest.next()).flatten().map(|source| (5, source)));
    bindings.extend(op.residual.then(|| rest.next()).flatten().map(|source| (6, source)));
    // A workgroup makes 8 × 8 tiles of 8 rows and 8 columns.
    let row_groups = rows.div_ceil(64);
    let deep = row_groups.div_ceil(MAX_GROUPS);
    Dispatch { variant, params, bindings, workgroups: [n.div_ceil(64), row_groups.div_ceil(deep), deep] }
}

fn attention(graph: &Graph, node: &Node, heads: usize, head_dim: usize, offsets: [usize; 3], causal: bool) -> Dispatch {
    let stride = |i: usize| graph.node(node.inputs[i]).shape[2];
    let keys = graph.node(node.inputs[1]).shape[1];
    let strides = [stride(0), stride(1), stride(2)];
    let vec = std::iter::once(&head_dim).chain(&strides).chain(&offsets).all(|n| n.is_multiple_of(4));
    let head = if vec { head_dim / 4 } else { head_dim };
    let sizes = [node.shape[1], keys, heads, node.shape[0]];
    let mut params: Vec<u32> = sizes.iter().chain(&strides).chain(&offsets).map(|n| *n as u32).collect();
    params.push(u32::from(causal));
    params.push((1.0 / (head_dim as f32).sqrt()).to_bits());
    let inputs = node.inputs.iter().map(|id| Source::Value(*id)).chain([Source::Output]);
    Dispatch {
        variant: Variant::plain("attention").flag("VEC", vec).constant("HEAD", head as u32),
        params,
        bindings: inputs.enumerate().map(|(i, source)| (i as u32 + 1, source)).collect(),
        workgroups: folded(node.shape[0] * heads * node.shape[1]),
    }
}
