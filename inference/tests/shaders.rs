//! Every variant of every shader is valid WGSL, and the parameters that Rust writes have the layout that the shader
//! reads. Needs no GPU: pipelines are built lazily at run time, so this is where a broken variant shows.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use inference::exec::gpu::shader::{F16, KERNELS, Variant, all_variants};
use inference::exec::gpu::tune::Tuning;
use inference::exec::gpu::{Dispatch, Lowering, Source, StepParams, dispatch, narrow, widen};
use inference::graph::{Activation, Builder, NodeId, Precision, optimise, plan_memory};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use std::collections::HashSet;

fn validate(module: &naga::Module, variant: &Variant) -> ModuleInfo {
    // Only what WebGPU's core has (naga counts unpacking f16 as a capability): what passes runs on every device. Values
    // stored as f16 may ask for the one feature.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SHADER_FLOAT16, variant.flags.contains(&F16));
    Validator::new(ValidationFlags::all(), capabilities)
        .validate(module)
        .unwrap_or_else(|error| panic!("{variant:?}: {}", error.emit_to_string(&variant.source())))
}

fn parse(variant: &Variant) -> naga::Module {
    let source = variant.source();
    let module = naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|error| panic!("{variant:?}: {}", error.emit_to_string(&source)));
    validate(&module, variant);
    module
}

/// Bytes of the struct that binding 0 holds, and the offsets of its members.
fn params_layout(module: &naga::Module) -> (u32, Vec<u32>) {
    let params = module.global_variables.iter().find(|(_, var)| var.space == naga::AddressSpace::Uniform).unwrap().1;
    match &module.types[params.ty].inner {
        naga::TypeInner::Struct { members, span } => (*span, members.iter().map(|member| member.offset).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_variant_is_valid() {
    let mut kernels = HashSet::new();
    for variant in all_variants() {
        parse(&variant);
        kernels.insert(variant.kernel);
    }
    assert_eq!(kernels.len(), KERNELS.len(), "every kernel has a variant in the table");
}

#[test]
fn no_kernel_needs_more_than_the_default_limits() {
    for variant in all_variants() {
        let module = parse(&variant);
        let storage = |var: &naga::GlobalVariable| matches!(var.space, naga::AddressSpace::Storage { .. });
        let buffers = module.global_variables.iter().filter(|(_, var)| storage(var)).count();
        assert!(buffers <= 8, "{variant:?} binds {buffers} storage buffers");
        let size: u32 = module.entry_points[0].workgroup_size.iter().product();
        assert!(size <= 256, "{variant:?} has {size} invocations");
    }
}

/// Pipelines take their layout from the shader, which must then be given exactly the bindings that it uses.
fn check_layout(dispatch: &Dispatch) {
    let (kernel, module) = (&dispatch.variant, parse(&dispatch.variant));
    let (span, offsets) = params_layout(&module);
    assert_eq!(span as usize, 4 * dispatch.params.len(), "{kernel:?}: words of Params");
    let words = (0..dispatch.params.len() as u32).map(|i| 4 * i).collect::<Vec<_>>();
    assert_eq!(offsets, words, "{kernel:?}: Params is a plain list of words");

    let info = validate(&module, kernel);
    let used = |(handle, var): (naga::Handle<naga::GlobalVariable>, &naga::GlobalVariable)| {
        let used = !info.get_entry_point(0)[handle].is_empty();
        var.binding.as_ref().filter(|_| used).map(|resource| resource.binding)
    };
    let mut wanted: Vec<u32> = module.global_variables.iter().filter_map(used).collect();
    wanted.sort_unstable();
    let mut given: Vec<u32> = dispatch.bindings.iter().map(|(binding, _)| *binding).chain([0]).collect();
    given.sort_unstable();
    assert_eq!(given, wanted, "{kernel:?}: bindings");
    let narrows = dispatch.bindings.iter().any(|(_, source)| *source == Source::Overflow);
    assert!(!narrows || kernel.flags.contains(&F16), "{kernel:?}: f32 cannot overflow f16");
}

/// One node of every kind, with all that can ride along.
#[test]
fn parameters_have_the_layout_that_the_shaders_read() {
    let mut b = Builder::new();
    let ids = b.input_ids("ids", &[1, 6]);
    let x = b.embedding(ids, ("tokens", 10), ("positions", 6), 8);
    let x = b.layer_norm(x, "ln", 1e-5);
    let q = b.linear(x, "q", 8, true);
    let x = b.attention(q, x, x, 2, true);
    // Heads of two channels and of 96 have kernels of their own.
    let x = b.attention(x, x, x, 4, false);
    let wide = b.linear(x, "wide", 96, false);
    let wide = b.attention(wide, wide, wide, 1, false);
    let wide = b.linear(wide, "narrow", 8, false);
    let x = b.add(x, wide);
    let x = b.linear(x, "ff", 16, false);
    let x = b.geglu(x);
    let x = b.reshape(x, &[1, 2, 3, 8]);
    let t = b.input("t", &[1, 8]);
    let y = b.add_channels(x, t);
    let y = b.group_norm(y, "gn", 4, 1e-5);
    let y = b.resize(y, 5, 7);
    let y = b.conv(y, "conv", 8, 3, 2, 1);
    let y = b.affine(y, 2.0, 1.0);
    let y = b.activate(y, Activation::Tanh);
    let z = b.add(y, y);
    let y = b.concat(y, z);
    b.output("y", y);
    let graph = b.finish();
    let mut seen = HashSet::new();
    for graph in [graph.clone(), optimise(graph)] {
        for precision in [Precision::F32, Precision::F16] {
            let plan = plan_memory(&graph, precision);
            let lowering = Lowering { graph: &graph, plan: &plan, precision, tuning: Tuning::new(true) };
            for i in 0..graph.nodes.len() {
                let Some(dispatch) = dispatch(lowering, NodeId(i), |_| true) else { continue };
                check_layout(&dispatch);
                seen.insert(dispatch.variant.kernel);
            }
        }
        for dispatch in [narrow(&graph, NodeId(0)), widen(&graph, NodeId(0))] {
            check_layout(&dispatch);
            seen.insert(dispatch.variant.kernel);
        }
    }
    // The others are launched by hand: the sampler's three and the yardstick.
    assert_eq!(seen.len() + 4, KERNELS.len(), "seen: {seen:?}");
}

#[test]
fn the_samplers_parameters_have_the_layout_that_the_shader_reads() {
    let variant = all_variants().into_iter().find(|variant| variant.kernel == "guide_and_step").unwrap();
    let (span, offsets) = params_layout(&parse(&variant));
    assert_eq!(span as usize, size_of::<StepParams>());
    assert_eq!(offsets, StepParams::OFFSETS);
}
