//! A small static intermediate representation: a model is a list of nodes whose shapes are known before a byte of
//! weights is read. That is what lets memory, work and dispatches be told before a download, and lets a GPU record its
//! commands once and replay them at every step.
//!
//! Conventions, the same for every executor:
//! * Values are dense row-major, channels last: images `[B, H, W, C]`, tokens `[B, T, C]`, vectors `[B, C]`. A value
//!   is always a matrix of `rows × C`, so a linear layer, a 1×1 convolution and a per-pixel norm are the same thing.
//! * Matrices of weights are stored `[K, N]`, N contiguous: `y[m, n] = Σ_k x[m, k] · W[k, n]`. For a convolution
//!   K runs over (ky, kx, channel). [`Weight`] says how to get there from PyTorch's layouts.
//! * Token ids are the one kind of integer value; they are u32 and only `Embedding` reads them.

mod build;
mod passes;
mod plan;

pub use build::Builder;
pub use passes::optimise;
pub use plan::{MemoryPlan, Precision, Slot, Work, node_work, plan_memory, total_work};

/// Index of a node, which is also the name of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Index of a weight of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeightId(pub usize);

/// Extent of each axis.
pub type Shape = Vec<usize>;

/// Pointwise functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// x · σ(x).
    Silu,
    /// The exact form with erf.
    Gelu,
    /// x · σ(1.702 x), as OpenAI's CLIP has it.
    QuickGelu,
    /// max(x, 0).
    Relu,
    /// tanh(x).
    Tanh,
}

/// Geometry of a convolution over `[B, H, W, C]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Same in both directions.
    pub stride: usize,
    /// Zeros added at the top and left. What is needed at the bottom and right follows from the output's shape.
    pub padding: [usize; 2],
    /// The input is read as if it had been doubled by nearest neighbour first.
    pub upsample: bool,
}

/// A linear layer or convolution with everything that can ride along:
/// `y = act(x·W + bias + channel_bias[batch]) + residual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatMul {
    /// Matrix `[K, N]`.
    pub weight: WeightId,
    /// Vector `[N]`.
    pub bias: Option<WeightId>,
    /// A convolution's geometry; `None` is a linear layer over the last axis.
    pub conv: Option<Conv>,
    /// Applied after the biases.
    pub act: Option<Activation>,
    /// The next input is `[B, N]`, added to every row of its batch entry (the time embedding).
    pub channel_bias: bool,
    /// The last input has the output's shape and is added last.
    pub residual: bool,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A value from outside.
    Input {
        /// Its name.
        name: String,
        /// Token ids rather than f32.
        ids: bool,
    },
    /// ids `[B, T]` to `table[id] + positions[t]`, `[B, T, C]`.
    Embedding {
        /// `[vocabulary, C]`.
        table: WeightId,
        /// `[context, C]`.
        positions: WeightId,
    },
    /// Linear layer or convolution. Inputs: x, then the channel bias if any, then the residual if any.
    MatMul(MatMul),
    /// Normalises groups of channels over all pixels of a batch entry; input `[B, …, C]`.
    GroupNorm {
        /// Groups into which the channels are divided.
        groups: usize,
        /// Added to the variance.
        eps: f32,
        /// Per channel.
        weight: WeightId,
        /// Per channel.
        bias: WeightId,
        /// Applied to the result.
        act: Option<Activation>,
    },
    /// Normalises each row.
    LayerNorm {
        /// Added to the variance.
        eps: f32,
        /// Per channel.
        weight: WeightId,
        /// Per channel.
        bias: WeightId,
    },
    /// softmax(q·kᵀ·scale)·v per head, scale 1/√head_dim. Inputs q, k, v, each `[B, T, L]`; head h of q is the columns
    /// `offsets[0] + h·head_dim ..`, likewise k and v. Output `[B, Tq, heads · head_dim]`.
    Attention {
        /// Number of heads.
        heads: usize,
        /// Channels of a head.
        head_dim: usize,
        /// First column of q, k and v in their inputs: a fused projection keeps the three side by side.
        offsets: [usize; 3],
        /// Query t sees keys 0..=t only.
        causal: bool,
    },
    /// Pointwise function.
    Activate(Activation),
    /// `[.., 2N]` to `[.., N]`: left half × gelu(right half).
    Geglu,
    /// Sum of two values of the same shape.
    Add,
    /// `[B, …, C]` plus `[B, C]`.
    AddChannels,
    /// x · factor + offset.
    Affine {
        /// Factor.
        factor: f32,
        /// Offset.
        offset: f32,
    },
    /// Joins two values along the last axis.
    Concat,
    /// Nearest-neighbour resize of `[B, H, W, C]` to the node's shape.
    Resize,
    /// The same numbers under another shape; costs nothing.
    Reshape,
}

/// One operation. Its shape is its output's.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// From which values.
    pub inputs: Vec<NodeId>,
    /// Of which shape.
    pub shape: Shape,
    /// Where in the model: upstream's module path.
    pub name: String,
}

impl Node {
    /// Numbers in the output.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the output is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How a weight is laid out once it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightLayout {
    /// `[K, N]`, from PyTorch's linear `[N, K]`.
    Linear {
        /// Inputs.
        k: usize,
    },
    /// `[kh·kw·C, N]`, from PyTorch's convolution `[N, C, kh, kw]`.
    Conv {
        /// Input channels.
        channels: usize,
        /// Height and width of the kernel.
        kernel: [usize; 2],
    },
    /// `[rows, N]` as it is.
    Table {
        /// Rows.
        rows: usize,
    },
    /// `[N]`, always kept in f32.
    Vector,
}

/// Numbers that come from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Tensors in the file and how many of the N columns each gives; more than one when projections were fused.
    pub parts: Vec<(String, usize)>,
    /// Layout after loading.
    pub layout: WeightLayout,
}

impl Weight {
    /// Columns, all parts together.
    pub fn n(&self) -> usize {
        self.parts.iter().map(|(_, n)| n).sum()
    }

    /// Rows: 1 for a vector.
    pub fn k(&self) -> usize {
        match self.layout {
            WeightLayout::Linear { k } => k,
            WeightLayout::Conv { channels, kernel } => channels * kernel[0] * kernel[1],
            WeightLayout::Table { rows } => rows,
            WeightLayout::Vector => 1,
        }
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.k() * self.n()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether kept as a plain f32 vector.
    pub fn is_vector(&self) -> bool {
        self.layout == WeightLayout::Vector
    }

    /// The shapes under which a file may hold the part with `n` columns; the first is the usual one. Older checkpoints
    /// store a linear layer as a 1×1 convolution and the other way round.
    pub fn file_shapes(&self, n: usize) -> Vec<Vec<usize>> {
        match self.layout {
            WeightLayout::Linear { k } => vec![vec![n, k], vec![n, k, 1, 1]],
            WeightLayout::Conv { channels, kernel: [1, 1] } => vec![vec![n, channels, 1, 1], vec![n, channels]],
            WeightLayout::Conv { channels, kernel: [kh, kw] } => vec![vec![n, channels, kh, kw]],
            WeightLayout::Table { rows } => vec![vec![rows, n]],
            WeightLayout::Vector => vec![vec![n]],
        }
    }
}

/// A model of one batch and size.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// In an order in which they can run.
    pub nodes: Vec<Node>,
    /// Results by name.
    pub outputs: Vec<(String, NodeId)>,
    /// Named values along the way, for comparison with the reference; see [`Graph::keep_taps`].
    pub taps: Vec<(String, NodeId)>,
    /// What the nodes refer to.
    pub weights: Vec<Weight>,
    /// Its values may be too large for f16: they are stored as f32 wherever it runs.
    pub needs_f32: bool,
}

impl Graph {
    /// The node of an id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Says that its values may be too large for f16.
    pub fn in_f32(mut self) -> Self {
        self.needs_f32 = true;
        self
    }

    /// Turns every tap into an output, so that tests can compare a model stage by stage. To be called before
    /// [`optimise`], which keeps outputs but may fuse taps away.
    pub fn keep_taps(mut self) -> Self {
        self.outputs.append(&mut self.taps);
        self
    }

    /// Inputs in the order of their nodes: node, name, whether token ids.
    pub fn inputs(&self) -> impl Iterator<Item = (NodeId, &str, bool)> {
        self.nodes.iter().enumerate().filter_map(|(i, node)| match &node.op {
            Op::Input { name, ids } => Some((NodeId(i), name.as_str(), *ids)),
            _ => None,
        })
    }

    /// Numbers in all weights.
    pub fn parameters(&self) -> u64 {
        self.weights.iter().map(|weight| weight.len() as u64).sum()
    }
}
