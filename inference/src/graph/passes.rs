//! Rewrites a model as its code states it into fewer, larger nodes. Every pass keeps the numbers (up to rounding) and
//! the outputs; each names its pattern. On the SD 1.5 UNet they take the node count from about 1,100 to about 560.

use super::{Graph, MatMul, Node, NodeId, Op, Weight, WeightId};

/// All passes, in the order in which they feed each other.
pub fn optimise(mut graph: Graph) -> Graph {
    fuse_upsample(&mut graph);
    fuse_shared_projections(&mut graph);
    fuse_activations(&mut graph);
    fuse_channel_bias(&mut graph);
    fuse_residual(&mut graph);
    compact(graph)
}

/// How often each value is read; outputs count as reads, so that nothing is fused into something a caller wants.
fn uses(graph: &Graph) -> Vec<usize> {
    let mut uses = vec![0; graph.nodes.len()];
    for input in graph.nodes.iter().flat_map(|node| &node.inputs) {
        uses[input.0] += 1;
    }
    for (_, id) in &graph.outputs {
        uses[id.0] += 1;
    }
    uses
}

/// Makes `node` a stand-in for `source`: the same value, no work.
fn forward(graph: &mut Graph, node: usize, source: NodeId) {
    graph.nodes[node].op = Op::Reshape;
    graph.nodes[node].inputs = vec![source];
}

fn matmul_of(graph: &Graph, id: NodeId) -> Option<MatMul> {
    match graph.node(id).op {
        Op::MatMul(matmul) => Some(matmul),
        _ => None,
    }
}

/// Resize by two, then convolution → one convolution that reads every pixel twice.
fn fuse_upsample(graph: &mut Graph) {
    let uses = uses(graph);
    for i in 0..graph.nodes.len() {
        let Some(mut matmul) = matmul_of(graph, NodeId(i)) else { continue };
        let (Some(conv), x) = (matmul.conv.as_mut(), graph.nodes[i].inputs[0]) else { continue };
        let resize = graph.node(x);
        if resize.op != Op::Resize || uses[x.0] != 1 || conv.stride != 1 {
            continue;
        }
        let source = resize.inputs[0];
        let from = &graph.node(source).shape;
        if resize.shape[1] == 2 * from[1] && resize.shape[2] == 2 * from[2] {
            conv.upsample = true;
            graph.nodes[i].op = Op::MatMul(matmul);
            graph.nodes[i].inputs[0] = source;
        }
    }
}

/// q, k and v of one attention that are plain linear layers of the same value → one layer whose columns hold them side
/// by side (k and v alone where q comes from elsewhere): fewer, wider matrix products.
fn fuse_shared_projections(graph: &mut Graph) {
    let uses = uses(graph);
    for i in 0..graph.nodes.len() {
        let &Op::Attention { heads, head_dim, causal, .. } = &graph.nodes[i].op else { continue };
        let qkv = graph.nodes[i].inputs.clone();
        let fusable = |id: NodeId| {
            let plain = matmul_of(graph, id).filter(|m| m.conv.is_none() && m.act.is_none() && !m.residual);
            plain.filter(|m| uses[id.0] == 1 && !m.channel_bias).map(|m| (m, graph.node(id).inputs[0]))
        };
        let found: Option<Vec<_>> = qkv.iter().map(|&id| fusable(id)).collect();
        let Some(found) = found else { continue };
        let same =
            |a: usize, b: usize| found[a].1 == found[b].1 && found[a].0.bias.is_some() == found[b].0.bias.is_some();
        let first = match (same(0, 1), same(1, 2)) {
            (true, true) => 0,
            (false, true) => 1,
            _ => continue,
        };
        // The joined layer takes the place of the last of its parts, where all of them are known.
        let Some(&place) = qkv[first..].iter().max() else { continue };
        let weight = join(graph, found[first..].iter().map(|(m, _)| m.weight).collect());
        let biases: Option<Vec<WeightId>> = found[first..].iter().map(|(m, _)| m.bias).collect();
        let bias = biases.map(|biases| join(graph, biases));
        let n = graph.weights[weight.0].n();
        let matmul = MatMul { weight, bias, ..found[first].0 };
        let node = &mut graph.nodes[place.0];
        node.op = Op::MatMul(matmul);
        node.inputs = vec![found[first].1];
        if let Some(last) = node.shape.last_mut() {
            *last = n;
        }
        let mut offsets = [0; 3];
        let mut inputs = qkv.clone();
        for (j, id) in qkv.iter().enumerate().skip(first) {
            offsets[j] = (j - first) * heads * head_dim;
            inputs[j] = place;
            if *id != place {
                // Nobody reads it any more; `compact` drops it.
                graph.nodes[id.0].inputs.clear();
            }
        }
        graph.nodes[i].op = Op::Attention { heads, head_dim, offsets, causal };
        graph.nodes[i].inputs = inputs;
    }
}

fn join(graph: &mut Graph, ids: Vec<WeightId>) -> WeightId {
    let layout = graph.weights[ids[0].0].layout;
    let parts = ids.iter().flat_map(|id| graph.weights[id.0].parts.clone()).collect();
    graph.weights.push(Weight { parts, layout });
    WeightId(graph.weights.len() - 1)
}

/// GroupNorm or matrix product, then a pointwise function → the function rides along.
fn fuse_activations(graph: &mut Graph) {
    let uses = uses(graph);
    for i in 0..graph.nodes.len() {
        let Op::Activate(act) = graph.nodes[i].op else { continue };
        let source = graph.nodes[i].inputs[0];
        if uses[source.0] != 1 {
            continue;
        }
        let fused = match &mut graph.nodes[source.0].op {
            Op::GroupNorm { act: slot @ None, .. } => slot,
            Op::MatMul(MatMul { act: slot @ None, residual: false, .. }) => slot,
            _ => continue,
        };
        *fused = Some(act);
        forward(graph, i, source);
    }
}

/// Convolution, then a vector per batch entry (the time embedding) → the vector rides along.
fn fuse_channel_bias(graph: &mut Graph) {
    let uses = uses(graph);
    for i in 0..graph.nodes.len() {
        if graph.nodes[i].op != Op::AddChannels {
            continue;
        }
        let (x, vector) = (graph.nodes[i].inputs[0], graph.nodes[i].inputs[1]);
        let Some(matmul) = matmul_of(graph, x) else { continue };
        if uses[x.0] == 1 && matmul.act.is_none() && !matmul.residual && !matmul.channel_bias {
            // The product moves to the sum's place: the vector may be made between the two.
            graph.nodes[i].op = Op::MatMul(MatMul { channel_bias: true, ..matmul });
            graph.nodes[i].inputs = vec![graph.node(x).inputs[0], vector];
            graph.nodes[i].name = graph.node(x).name.clone();
            graph.nodes[x.0].inputs.clear();
        }
    }
}

/// Matrix product plus another value of its shape → the other value rides along.
fn fuse_residual(graph: &mut Graph) {
    let uses = uses(graph);
    let resolve = |graph: &Graph, mut id: NodeId| {
        // Products often reach the sum through a reshape ([B, T, C] to [B, H, W, C]) that nobody else reads.
        while graph.node(id).op == Op::Reshape && uses[id.0] == 1 {
            id = graph.node(id).inputs[0];
        }
        id
    };
    for i in 0..graph.nodes.len() {
        if graph.nodes[i].op != Op::Add {
            continue;
        }
        let inputs = [graph.nodes[i].inputs[0], graph.nodes[i].inputs[1]];
        for (x, other) in [(inputs[0], inputs[1]), (inputs[1], inputs[0])] {
            let product = resolve(graph, x);
            let Some(matmul) = matmul_of(graph, product) else { continue };
            if uses[product.0] != 1 || matmul.residual || product == other {
                continue;
            }
            let shape = graph.node(product).shape.clone();
            let mut inputs = graph.node(product).inputs.clone();
            let name = graph.node(product).name.clone();
            graph.nodes[product.0].inputs.clear();
            let residual = other;
            inputs.push(residual);
            // A product of tokens keeps its token shape: the sum's own shape holds the same rows and channels.
            debug_assert_eq!(shape.iter().product::<usize>(), graph.nodes[i].len());
            let node = &mut graph.nodes[i];
            node.op = Op::MatMul(MatMul { residual: true, ..matmul });
            node.inputs = inputs;
            node.name = name;
            break;
        }
    }
}

/// Drops nodes and weights that nothing needs, and reshapes that change nothing.
fn compact(graph: Graph) -> Graph {
    let mut needed = vec![false; graph.nodes.len()];
    let mut stack: Vec<NodeId> = graph.outputs.iter().map(|(_, id)| *id).collect();
    while let Some(NodeId(i)) = stack.pop() {
        if !std::mem::replace(&mut needed[i], true) {
            stack.extend(&graph.nodes[i].inputs);
        }
    }
    let mut new_id: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    let mut new_weight: Vec<Option<WeightId>> = vec![None; graph.weights.len()];
    let mut weights = Vec::new();
    let mut nodes: Vec<Node> = Vec::new();
    for (i, mut node) in graph.nodes.into_iter().enumerate() {
        // Inputs stay even if unused: the caller passes them by name.
        if !needed[i] && !matches!(node.op, Op::Input { .. }) {
            continue;
        }
        node.inputs = node.inputs.iter().filter_map(|input| new_id[input.0]).collect();
        if node.op == Op::Reshape && nodes[node.inputs[0].0].shape == node.shape {
            new_id[i] = Some(node.inputs[0]);
            continue;
        }
        for id in weight_ids(&mut node.op) {
            let next = WeightId(weights.len());
            let slot = &mut new_weight[id.0];
            if slot.is_none() {
                weights.push(graph.weights[id.0].clone());
            }
            *id = *slot.get_or_insert(next);
        }
        nodes.push(node);
        new_id[i] = Some(NodeId(nodes.len() - 1));
    }
    let renamed = |list: Vec<(String, NodeId)>| -> Vec<(String, NodeId)> {
        list.into_iter().filter_map(|(name, id)| Some((name, new_id[id.0]?))).collect()
    };
    let (outputs, taps) = (renamed(graph.outputs), renamed(graph.taps));
    Graph { outputs, taps, nodes, weights, needs_f32: graph.needs_f32 }
}

/// The weights that an operation refers to.
fn weight_ids(op: &mut Op) -> Vec<&mut WeightId> {
    match op {
        Op::MatMul(MatMul { weight, bias, .. }) => std::iter::once(weight).chain(bias).collect(),
        Op::GroupNorm { weight, bias, .. } | Op::LayerNorm { weight, bias, .. } => vec![weight, bias],
        Op::Embedding { table, positions } => vec![table, positions],
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Builder, WeightLayout};

    fn ops(graph: &Graph) -> Vec<&'static str> {
        let name = |op: &Op| match op {
            Op::Input { .. } => "input",
            Op::MatMul(_) => "matmul",
            Op::GroupNorm { .. } => "group_norm",
            Op::Attention { .. } => "attention",
            Op::Reshape => "reshape",
            _ => "other",
        };
        graph.nodes.iter().map(|node| name(&node.op)).collect()
    }

    #[test]
    fn a_resnet_block_becomes_four_nodes() {
        let mut b = Builder::new();
        let x = b.input("x", &[2, 8, 8, 32]);
        let t = b.input("t", &[2, 64]);
        let h = b.group_norm(x, "norm1", 8, 1e-5);
        let h = b.activate(h, Activation::Silu);
        let h = b.conv(h, "conv1", 32, 3, 1, 1);
        let t = b.linear(t, "time_emb_proj", 32, true);
        let h = b.add_channels(h, t);
        let h = b.group_norm(h, "norm2", 8, 1e-5);
        let h = b.activate(h, Activation::Silu);
        let h = b.conv(h, "conv2", 32, 3, 1, 1);
        let y = b.add(x, h);
        b.output("y", y);
        let graph = optimise(b.finish());
        let expected = ["input", "input", "group_norm", "matmul", "matmul", "group_norm", "matmul"];
        assert_eq!(ops(&graph), expected);
        let Op::MatMul(last) = graph.nodes[6].op else { panic!("{:?}", graph.nodes[6]) };
        assert!(last.residual && !last.channel_bias);
        let Op::MatMul(conv1) = graph.nodes[4].op else { panic!() };
        assert!(conv1.channel_bias && conv1.act.is_none());
    }

    #[test]
    fn projections_of_one_value_are_joined() {
        let mut b = Builder::new();
        let x = b.input("x", &[1, 16, 32]);
        let context = b.input("context", &[1, 7, 24]);
        let project = |b: &mut Builder, from, name: &str| b.linear(from, name, 32, false);
        let (q, k, v) = (project(&mut b, x, "q"), project(&mut b, x, "k"), project(&mut b, x, "v"));
        let own = b.attention(q, k, v, 4, false);
        let (q, k, v) = (project(&mut b, own, "q2"), project(&mut b, context, "k2"), project(&mut b, context, "v2"));
        let cross = b.attention(q, k, v, 4, false);
        b.output("y", cross);
        let graph = optimise(b.finish());
        assert_eq!(ops(&graph), ["input", "input", "matmul", "attention", "matmul", "matmul", "attention"]);
        assert_eq!(graph.nodes[2].shape, [1, 16, 96]);
        assert_eq!(
            graph.weights[0].parts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["q.weight", "k.weight", "v.weight"]
        );
        assert!(matches!(graph.nodes[3].op, Op::Attention { offsets: [0, 32, 64], .. }));
        assert!(matches!(graph.nodes[6].op, Op::Attention { offsets: [0, 0, 32], .. }));
    }

    #[test]
    fn what_a_caller_wants_is_not_fused_away() {
        let mut b = Builder::new();
        let x = b.input("x", &[1, 4, 8]);
        let y = b.linear(x, "fc", 8, true);
        b.tap("fc", y);
        let z = b.activate(y, Activation::Gelu);
        b.output("z", z);
        let graph = b.finish();
        assert_eq!(ops(&optimise(graph.clone())).len(), 2);
        assert_eq!(ops(&optimise(graph.keep_taps())).len(), 3);
    }

    #[test]
    fn layouts_of_joined_weights_stay() {
        let weight = Weight { parts: vec![("a".into(), 2), ("b".into(), 3)], layout: WeightLayout::Linear { k: 4 } };
        assert_eq!((weight.k(), weight.n(), weight.len()), (4, 5, 20));
    }
}
