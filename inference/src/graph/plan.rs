//! What a graph costs, known before a byte of it is loaded: where its values live, how many bytes that takes at the
//! worst moment, how many multiply-adds it makes.

use super::{Graph, Node, NodeId, Op};
use std::collections::HashMap;

/// How values are stored on a device. Arithmetic is f32 either way, and so are token ids 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Four bytes.
    #[default]
    F32,
    /// Two bytes, up to 65,504, eleven bits of which count.
    F16,
}

impl Precision {
    /// Bytes of a node's output.
    pub fn bytes(self, node: &Node) -> u64 {
        let each = match (self, &node.op) {
            (Self::F32, _) | (_, Op::Input { ids: true, .. }) => 4,
            (Self::F16, _) => 2,
        };
        node.len() as u64 * each
    }
}

/// A piece of device memory that several values use one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its size.
    pub bytes: u64,
}

/// Where every value lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Slot of each node, by node index. A reshape shares its input's slot.
    pub slot_of: Vec<usize>,
    /// All slots.
    pub slots: Vec<Slot>,
}

impl MemoryPlan {
    /// Bytes of all slots together.
    pub fn bytes(&self) -> u64 {
        self.slots.iter().map(|slot| slot.bytes).sum()
    }
}

/// Work of a node or a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Floating-point operations; a multiply-add is two.
    pub flops: u64,
    /// Kernel launches.
    pub dispatches: u64,
}

/// Assigns slots over lifetimes. Inputs and outputs keep a slot of their own for the whole run: inputs are written
/// from outside, outputs read after it.
///
/// Best fit: of the free slots that are large enough the smallest is taken; if none is, the largest free one grows.
pub fn plan_memory(graph: &Graph, precision: Precision) -> MemoryPlan {
    let root = alias_roots(graph);
    let last_use = last_uses(graph, &root);
    let mut slots: Vec<Slot> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut slot_of = vec![usize::MAX; graph.nodes.len()];
    let mut ending: HashMap<usize, Vec<usize>> = HashMap::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        if root[i] == i {
            let bytes = precision.bytes(node);
            let pinned = last_use[i] == usize::MAX || matches!(node.op, Op::Input { .. });
            let slot = match (!pinned).then(|| best_fit(&slots, &free, bytes)).flatten() {
                Some(position) => free.swap_remove(position),
                None => {
                    slots.push(Slot { bytes: 0 });
                    slots.len() - 1
                }
            };
            slots[slot].bytes = slots[slot].bytes.max(bytes);
            slot_of[i] = slot;
            if !pinned {
                ending.entry(last_use[i].max(i)).or_default().push(slot);
            }
        } else {
            slot_of[i] = slot_of[root[i]];
        }
        // A node's inputs stay until it has written its output: no kernel reads and writes one slot.
        free.extend(ending.remove(&i).unwrap_or_default());
    }
    MemoryPlan { slot_of, slots }
}

fn best_fit(slots: &[Slot], free: &[usize], bytes: u64) -> Option<usize> {
    let size = |p: &usize| slots[free[*p]].bytes;
    let fits = (0..free.len()).filter(|p| size(p) >= bytes).min_by_key(size);
    fits.or_else(|| (0..free.len()).max_by_key(size))
}

/// For each node the node whose memory it uses.
fn alias_roots(graph: &Graph) -> Vec<usize> {
    let mut root: Vec<usize> = (0..graph.nodes.len()).collect();
    for (i, node) in graph.nodes.iter().enumerate() {
        if node.op == Op::Reshape {
            root[i] = root[node.inputs[0].0];
        }
    }
    root
}

/// For each root the last node that reads it, or `usize::MAX` for outputs.
fn last_uses(graph: &Graph, root: &[usize]) -> Vec<usize> {
    let mut last = vec![0; graph.nodes.len()];
    for (i, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            last[root[input.0]] = i;
        }
    }
    for (_, NodeId(output)) in &graph.outputs {
        last[root[*output]] = usize::MAX;
    }
    last
}

/// Work of one node.
pub fn node_work(graph: &Graph, id: NodeId) -> Work {
    let node = graph.node(id);
    let len = node.len() as u64;
    let flops = match &node.op {
        Op::Input { .. } | Op::Reshape => return Work::default(),
        Op::MatMul(matmul) => 2 * len * graph.weights[matmul.weight.0].k() as u64,
        Op::Attention { heads, head_dim, .. } => {
            let (q, k) = (graph.node(node.inputs[0]), graph.node(node.inputs[1]));
            4 * (q.shape[0] * q.shape[1] * k.shape[1] * heads * head_dim) as u64
        }
        Op::GroupNorm { .. } | Op::LayerNorm { .. } => 8 * len,
        Op::Geglu | Op::Activate(_) => 10 * len,
        Op::Embedding { .. } | Op::Add | Op::AddChannels | Op::Affine { .. } => 2 * len,
        Op::Concat | Op::Resize => 0,
    };
    Work { flops, dispatches: 1 }
}

/// Work of a whole graph.
pub fn total_work(graph: &Graph) -> Work {
    (0..graph.nodes.len()).map(|i| node_work(graph, NodeId(i))).fold(Work::default(), |sum, work| Work {
        flops: sum.flops + work.flops,
        dispatches: sum.dispatches + work.dispatches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Builder};

    /// No value may lie in a slot that a still living value uses.
    fn assert_no_overlap(graph: &Graph, plan: &MemoryPlan, precision: Precision) {
        let root = alias_roots(graph);
        let last = last_uses(graph, &root);
        for a in 0..graph.nodes.len() {
            assert!(plan.slots[plan.slot_of[a]].bytes >= precision.bytes(&graph.nodes[root[a]]));
            for b in a + 1..graph.nodes.len() {
                let alive = root[a] != root[b] && root[b] == b && last[root[a]] >= b;
                assert!(!(alive && plan.slot_of[a] == plan.slot_of[b]), "{a} and {b} share slot {}", plan.slot_of[a]);
            }
        }
    }

    #[test]
    fn slots_are_reused_but_never_shared_by_living_values() {
        let mut b = Builder::new();
        let x = b.input("x", &[1, 8, 8, 4]);
        let skip = b.conv(x, "a", 8, 3, 1, 1);
        let mut y = skip;
        for i in 0..6 {
            y = b.activate(y, Activation::Silu);
            y = b.conv(y, &format!("c{i}"), 8, 3, 1, 1);
            y = b.reshape(y, &[1, 64, 8]);
            y = b.reshape(y, &[1, 8, 8, 8]);
        }
        let y = b.add(y, skip);
        b.output("y", y);
        let graph = b.finish();
        let plan = plan_memory(&graph, Precision::F32);
        assert_no_overlap(&graph, &plan, Precision::F32);
        assert_eq!(plan.slots.len(), 5, "input, skip, two that alternate, output: {plan:?}");
        let half = plan_memory(&graph, Precision::F16);
        assert_no_overlap(&graph, &half, Precision::F16);
        assert_eq!(half.slot_of, plan.slot_of);
        assert_eq!(2 * half.bytes(), plan.bytes());
    }
}
