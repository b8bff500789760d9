//! Builds a [`Graph`] node by node. Shapes are inferred here and nowhere else; a mismatch is a fault in a model's code
//! (its config was checked before), so it panics with the caller's place.

use super::{Activation, Conv, Graph, MatMul, Node, NodeId, Op, Shape, Weight, WeightId, WeightLayout};

/// A graph under construction. Names of weights are relative to the scope that [`Builder::scoped`] opens.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    outputs: Vec<(String, NodeId)>,
    taps: Vec<(String, NodeId)>,
    weights: Vec<Weight>,
    scope: String,
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `f` with `name` appended to the scope, as upstream's module paths are made.
    pub fn scoped<T>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope.clone();
        self.scope = self.path(name);
        let result = f(self);
        self.scope = outer;
        result
    }

    fn path(&self, name: &str) -> String {
        match (self.scope.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (_, true) => self.scope.clone(),
            _ => format!("{}.{name}", self.scope),
        }
    }

    /// Shape of a value.
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0].shape
    }

    /// Channels: the last axis.
    #[track_caller]
    pub fn channels(&self, id: NodeId) -> usize {
        *self.shape(id).last().unwrap_or_else(|| panic!("a value without axes"))
    }

    fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Shape, name: &str) -> NodeId {
        let name = self.path(name);
        self.nodes.push(Node { op, inputs, shape, name });
        NodeId(self.nodes.len() - 1)
    }

    fn weight(&mut self, name: &str, n: usize, layout: WeightLayout) -> WeightId {
        let weight = Weight { parts: vec![(self.path(name), n)], layout };
        // A weight that is used twice is loaded once.
        if let Some(i) = self.weights.iter().position(|known| *known == weight) {
            return WeightId(i);
        }
        self.weights.push(weight);
        WeightId(self.weights.len() - 1)
    }

    /// A value from outside.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> NodeId {
        self.push(Op::Input { name: name.to_owned(), ids: false }, vec![], shape.to_vec(), name)
    }

    /// Token ids from outside.
    pub fn input_ids(&mut self, name: &str, shape: &[usize]) -> NodeId {
        self.push(Op::Input { name: name.to_owned(), ids: true }, vec![], shape.to_vec(), name)
    }

    /// `table[id] + positions[t]`, `[B, T]` to `[B, T, C]`. Each table by the name of its module and its rows.
    pub fn embedding(
        &mut self,
        ids: NodeId,
        table: (&str, usize),
        positions: (&str, usize),
        channels: usize,
    ) -> NodeId {
        let mut shape = self.shape(ids).to_vec();
        shape.push(channels);
        let weight = |b: &mut Self, (name, rows): (&str, usize)| {
            b.weight(&format!("{name}.weight"), channels, WeightLayout::Table { rows })
        };
        let op = Op::Embedding { table: weight(self, table), positions: weight(self, positions) };
        self.push(op, vec![ids], shape, table.0)
    }

    /// `{name}.weight` and, if asked for, `{name}.bias`.
    pub fn linear(&mut self, x: NodeId, name: &str, n: usize, bias: bool) -> NodeId {
        let k = self.channels(x);
        let weight = self.weight(&format!("{name}.weight"), n, WeightLayout::Linear { k });
        let bias = bias.then(|| self.weight(&format!("{name}.bias"), n, WeightLayout::Vector));
        let mut shape = self.shape(x).to_vec();
        shape.pop();
        shape.push(n);
        self.push(Op::MatMul(plain(weight, bias, None)), vec![x], shape, name)
    }

    /// Convolution with bias and a square kernel; `padding` on all four sides.
    #[track_caller]
    pub fn conv(&mut self, x: NodeId, name: &str, n: usize, kernel: usize, stride: usize, padding: usize) -> NodeId {
        self.conv_with(x, name, n, kernel, stride, [padding; 4], true)
    }

    /// Convolution with each side's padding told apart (top, left, bottom, right) and the bias optional.
    #[allow(clippy::too_many_arguments, reason = "the parameters of a convolution, as everywhere")]
    #[track_caller]
    pub fn conv_with(
        &mut self,
        x: NodeId,
        name: &str,
        n: usize,
        kernel: usize,
        stride: usize,
        padding: [usize; 4],
        bias: bool,
    ) -> NodeId {
        let &[b, h, w, channels] = self.shape(x) else { panic!("{name}: a convolution needs [B, H, W, C]") };
        let out_h = (h + padding[0] + padding[2] - kernel) / stride + 1;
        let out_w = (w + padding[1] + padding[3] - kernel) / stride + 1;
        let kernel = [kernel, kernel];
        let weight = self.weight(&format!("{name}.weight"), n, WeightLayout::Conv { channels, kernel });
        let bias = bias.then(|| self.weight(&format!("{name}.bias"), n, WeightLayout::Vector));
        let conv = Conv { kernel, stride, padding: [padding[0], padding[1]], upsample: false };
        self.push(Op::MatMul(plain(weight, bias, Some(conv))), vec![x], vec![b, out_h, out_w, n], name)
    }

    /// `{name}.weight`, `{name}.bias`.
    #[track_caller]
    pub fn group_norm(&mut self, x: NodeId, name: &str, groups: usize, eps: f32) -> NodeId {
        let c = self.channels(x);
        assert!(c.is_multiple_of(groups), "{name}: {c} channels in {groups} groups");
        let (weight, bias) = self.norm_weights(name, c);
        let shape = self.shape(x).to_vec();
        self.push(Op::GroupNorm { groups, eps, weight, bias, act: None }, vec![x], shape, name)
    }

    /// `{name}.weight`, `{name}.bias`.
    pub fn layer_norm(&mut self, x: NodeId, name: &str, eps: f32) -> NodeId {
        let (weight, bias) = self.norm_weights(name, self.channels(x));
        let shape = self.shape(x).to_vec();
        self.push(Op::LayerNorm { eps, weight, bias }, vec![x], shape, name)
    }

    fn norm_weights(&mut self, name: &str, c: usize) -> (WeightId, WeightId) {
        let weight = self.weight(&format!("{name}.weight"), c, WeightLayout::Vector);
        (weight, self.weight(&format!("{name}.bias"), c, WeightLayout::Vector))
    }

    /// Multi-head attention over `[B, T, C]`, scaled by 1/√head_dim.
    #[track_caller]
    pub fn attention(&mut self, q: NodeId, k: NodeId, v: NodeId, heads: usize, causal: bool) -> NodeId {
        let c = self.channels(q);
        assert!(c.is_multiple_of(heads), "{c} channels in {heads} heads");
        assert_eq!(self.shape(k), self.shape(v), "keys and values differ");
        let shape = self.shape(q).to_vec();
        let op = Op::Attention { heads, head_dim: c / heads, offsets: [0; 3], causal };
        self.push(op, vec![q, k, v], shape, "attention")
    }

    /// Pointwise function.
    pub fn activate(&mut self, x: NodeId, act: Activation) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Activate(act), vec![x], shape, "act")
    }

    /// Left half × gelu(right half).
    pub fn geglu(&mut self, x: NodeId) -> NodeId {
        let mut shape = self.shape(x).to_vec();
        if let Some(last) = shape.last_mut() {
            *last /= 2;
        }
        self.push(Op::Geglu, vec![x], shape, "geglu")
    }

    /// Sum of two values of the same shape.
    #[track_caller]
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        assert_eq!(self.shape(a), self.shape(b), "add");
        let shape = self.shape(a).to_vec();
        self.push(Op::Add, vec![a, b], shape, "add")
    }

    /// `[B, …, C]` plus `[B, C]`.
    #[track_caller]
    pub fn add_channels(&mut self, x: NodeId, per_batch: NodeId) -> NodeId {
        assert_eq!(self.shape(per_batch), [self.shape(x)[0], self.channels(x)], "add_channels");
        let shape = self.shape(x).to_vec();
        self.push(Op::AddChannels, vec![x, per_batch], shape, "add_channels")
    }

    /// x · factor + offset.
    pub fn affine(&mut self, x: NodeId, factor: f32, offset: f32) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Affine { factor, offset }, vec![x], shape, "affine")
    }

    /// Joins along the last axis.
    #[track_caller]
    pub fn concat(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let mut shape = self.shape(a).to_vec();
        let axes = shape.len();
        assert_eq!(shape[..axes - 1], self.shape(b)[..axes - 1], "concat");
        shape[axes - 1] += self.channels(b);
        self.push(Op::Concat, vec![a, b], shape, "concat")
    }

    /// Nearest-neighbour resize to `height` × `width`.
    #[track_caller]
    pub fn resize(&mut self, x: NodeId, height: usize, width: usize) -> NodeId {
        let &[b, _, _, c] = self.shape(x) else { panic!("resize needs [B, H, W, C]") };
        self.push(Op::Resize, vec![x], vec![b, height, width, c], "resize")
    }

    /// The same numbers under another shape.
    #[track_caller]
    pub fn reshape(&mut self, x: NodeId, shape: &[usize]) -> NodeId {
        assert_eq!(self.nodes[x.0].len(), shape.iter().product::<usize>(), "reshape");
        self.push(Op::Reshape, vec![x], shape.to_vec(), "reshape")
    }

    /// Names a value along the way, for stage-by-stage comparison.
    pub fn tap(&mut self, name: &str, x: NodeId) {
        let name = self.path(name);
        self.taps.push((name, x));
    }

    /// Names a result.
    pub fn output(&mut self, name: &str, x: NodeId) {
        self.outputs.push((name.to_owned(), x));
    }

    /// The finished graph, as the model's code wrote it; see [`super::optimise`].
    pub fn finish(self) -> Graph {
        Graph { nodes: self.nodes, outputs: self.outputs, taps: self.taps, weights: self.weights, needs_f32: false }
    }
}

fn plain(weight: WeightId, bias: Option<WeightId>, conv: Option<Conv>) -> MatMul {
    MatMul { weight, bias, conv, act: None, channel_bias: false, residual: false }
}
