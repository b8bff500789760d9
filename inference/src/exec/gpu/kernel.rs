//! From a node of a graph to a dispatch: which variant, which parameters, which buffers, how many workgroups. The order
//! of parameters is that of the shader's `Params`; a test compares their number with the shader's own layout.

use super::shader::{F16, Variant};
use super::tune::Tuning;
use crate::graph::{Activation, Graph, MatMul, MemoryPlan, Node, NodeId, Op, Precision, WeightId};

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
    /// The word of `params` that says how many workgroups earlier launches had; kernels without one make everything in
    /// one launch.
    pub start: Option<usize>,
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
    fold((len as u32).div_ceil(GROUP))
}

fn fold(groups: u32) -> [u32; 3] {
    let rows = groups.div_ceil(MAX_GROUPS).max(1);
    [groups.div_ceil(rows).max(1), rows, 1]
}

/// Bytes of zeros that lie behind every value: a pixel of the widest matrix product, for what it reads outside the
/// picture.
pub fn zero_tail(graph: &Graph) -> u64 {
    let inputs = graph.nodes.iter().filter(|node| matches!(node.op, Op::MatMul(_))).map(|node| node.inputs[0]);
    inputs.filter_map(|x| graph.node(x).shape.last()).max().map_or(0, |c| 4 * c.next_multiple_of(4) as u64)
}

/// Where they begin, in a slot that holds values of up to `bytes`.
pub fn zeros_at(bytes: u64) -> u64 {
    bytes.next_multiple_of(16)
}

/// What launches depend on.
#[derive(Clone, Copy, Debug)]
pub struct Lowering<'a> {
    /// The model.
    pub graph: &'a Graph,
    /// Where its values lie.
    pub plan: &'a MemoryPlan,
    /// How they are stored.
    pub precision: Precision,
    /// The kind of device.
    pub tuning: Tuning,
}

impl Dispatch {
    /// Parameters and workgroups of the launches that make this in pieces, as far as the kernel allows.
    pub fn pieces(&self, wanted: u64) -> Vec<(Vec<u32>, [u32; 3])> {
        let groups: u32 = self.workgroups.iter().product();
        let Some(word) = self.start.filter(|_| wanted > 1) else {
            return vec![(self.params.clone(), self.workgroups)];
        };
        let each = u64::from(groups).div_ceil(wanted).max(1) as u32;
        let piece = |start: u32| {
            let mut params = self.params.clone();
            params[word] = start;
            // What folding adds behind the end of a piece is made again by the next one, with the same result.
            (params, fold(each.min(groups - start)))
        };
        (0..groups).step_by(each as usize).map(piece).collect()
    }

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
    Dispatch { variant, params: vec![len as u32], bindings, workgroups: folded(len), start: None }
}

/// The launch that computes a node; `half` tells which weights are stored as f16. `None` for nodes that compute
/// nothing.
pub fn dispatch(lowering: Lowering, id: NodeId, half: impl Fn(WeightId) -> bool) -> Option<Dispatch> {
    Some(in_f32(lowering, id, half)?.stored(lowering.precision))
}

fn in_f32(lowering: Lowering, id: NodeId, half: impl Fn(WeightId) -> bool) -> Option<Dispatch> {
    let graph = lowering.graph;
    let node = graph.node(id);
    let input = |i: usize| Source::Value(node.inputs[i]);
    let shape = |i: usize| graph.node(node.inputs[i]).shape.as_slice();
    let channels = *node.shape.last()? as u32;
    let len = node.len() as u32;
    let pointwise = |kernel, extra: &[u32], bindings: Vec<Source>| {
        let params = std::iter::once(len).chain(extra.iter().copied()).collect();
        let bindings = bindings.into_iter().chain([Source::Output]);
        let bindings = bindings.enumerate().map(|(i, source)| (i as u32 + 1, source)).collect();
        Dispatch { variant: Variant::plain(kernel), params, bindings, workgroups: folded(len as usize), start: None }
    };
    Some(match &node.op {
        Op::Input { .. } | Op::Reshape => return None,
        Op::MatMul(op) => matmul(lowering, node, op, half(op.weight)),
        Op::Attention { heads, head_dim, offsets, causal } => {
            attention(lowering, node, *heads, *head_dim, *offsets, *causal)
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
            start: None,
        },
        Op::GroupNorm { groups, eps, weight, bias, act } => Dispatch {
            variant: Variant::plain("group_norm").constant("ACT", code(*act)),
            params: vec![len / node.shape[0] as u32 / channels, channels, *groups as u32, eps.to_bits()],
            bindings: norm(input(0), *weight, *bias),
            workgroups: [(node.shape[0] * groups) as u32, 1, 1],
            start: None,
        },
        Op::LayerNorm { eps, weight, bias } => Dispatch {
            variant: Variant::plain("layer_norm"),
            params: vec![len / channels, channels, eps.to_bits()],
            bindings: norm(input(0), *weight, *bias),
            workgroups: folded((len / channels) as usize),
            start: None,
        },
        Op::Activate(act) => {
            let mut dispatch = pointwise("activate", &[], vec![input(0)]);
            dispatch.variant = dispatch.variant.constant("ACT", code(Some(*act)));
            dispatch
        }
        Op::Geglu => pointwise("geglu", &[channels], vec![input(0)]),
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

fn matmul(lowering: Lowering, node: &Node, op: &MatMul, half: bool) -> Dispatch {
    let Lowering { graph, plan, precision, tuning } = lowering;
    let x = &graph.node(node.inputs[0]).shape;
    let n = graph.weights[op.weight.0].n() as u32;
    let rows = node.len() as u32 / n;
    let channels = x.last().map_or(1, |c| *c as u32);
    let unit = if channels.is_multiple_of(4) { 4 } else { 1 };
    let tile = tuning.tile(rows, n.div_ceil(4));
    // A 1×1 convolution without more is a linear layer over pixels.
    let conv =
        op.conv.filter(|conv| conv.kernel != [1, 1] || conv.stride != 1 || conv.upsample || conv.padding != [0, 0]);
    let variant = Variant::plain("matmul")
        .flag("A_VEC", unit == 4)
        .flag("N_VEC", n.is_multiple_of(4))
        .flag("W_F16", half)
        .flag("CONV", conv.is_some());
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
    let [across, tiles] = tile.count(rows, n.div_ceil(4));
    let slot = plan.slots[plan.slot_of[node.inputs[0].0]];
    let number = if precision == Precision::F16 { 2 } else { 4 };
    let zeros = zeros_at(slot.bytes) as u32 / number / unit;
    let mut params = vec![rows, n, channels / unit];
    params.extend(geometry.map(|size| size as u32));
    params.extend([rows / node.shape[0] as u32, conv.is_some_and(|conv| conv.upsample) as u32]);
    params.extend([zeros, across, code(op.act)]);
    params.push(u32::from(op.bias.is_some()) | u32::from(op.channel_bias) << 1 | u32::from(op.residual) << 2);
    let start = Some(params.len());
    params.push(0);

    let mut rest = node.inputs[1..].iter().map(|id| Source::Value(*id));
    let x = Source::Value(node.inputs[0]);
    // Something must be bound even where nothing is read.
    let mut next = |wanted: bool| if wanted { rest.next().unwrap_or(x) } else { x };
    let bindings = vec![
        (1, x),
        (2, Source::Weight(op.weight)),
        (3, Source::Output),
        (4, op.bias.map_or(x, Source::Weight)),
        (5, next(op.channel_bias)),
        (6, next(op.residual)),
    ];
    Dispatch { variant: tile.constants(variant), params, bindings, workgroups: fold(tiles), start }
}

fn attention(
    lowering: Lowering,
    node: &Node,
    heads: usize,
    head_dim: usize,
    offsets: [usize; 3],
    causal: bool,
) -> Dispatch {
    let input = |i: usize| &lowering.graph.node(node.inputs[i]).shape;
    let (batch, queries, keys) = (node.shape[0], node.shape[1], input(1)[1]);
    let strides = [input(0)[2], input(1)[2], input(2)[2]];
    let vec = std::iter::once(&head_dim).chain(&strides).chain(&offsets).all(|n| n.is_multiple_of(4));
    let unit = if vec { 4 } else { 1 };
    let head = (head_dim / unit) as u32;
    let (variant, workgroups) = if vec {
        let tile = lowering.tuning.attention(head);
        (tile.variant(head), fold(tile.count(queries as u32, (batch * heads) as u32)))
    } else {
        (Variant::plain("attention").constant("HEAD", head), folded(batch * heads * queries))
    };
    let rows = strides.iter().chain(&offsets).map(|n| (n / unit) as u32);
    let mut params: Vec<u32> = [queries, keys, heads, batch].map(|n| n as u32).into_iter().chain(rows).collect();
    params.push(u32::from(causal));
    params.push((1.0 / (head_dim as f32).sqrt()).to_bits());
    let start = Some(params.len());
    params.push(0);
    let inputs = node.inputs.iter().map(|id| Source::Value(*id)).chain([Source::Output]);
    let bindings = inputs.enumerate().map(|(i, source)| (i as u32 + 1, source)).collect();
    Dispatch { variant, params, bindings, workgroups, start }
}
