//! `stepscope inspect`: components, parameters, memory plan, work; from configs and headers alone.

use crate::cli::InspectArgs;
use inference::Result;
use inference::model::Model;
use inference::weights::FolderSource;
use serde_json::json;

/// Runs the command.
pub fn run(args: &InspectArgs) -> Result<()> {
    let source = FolderSource::new(&args.model);
    let model = pollster::block_on(Model::open(&source, &args.model.to_string_lossy()))?;
    let info = model.info();
    let (width, height) = (info.defaults.width, info.defaults.height);
    let costs = model.costs(width, height, true)?;
    if args.json {
        let json = json!({
            "model": info,
            "scheduler_class": model.scheduler_class,
            "size": [width, height],
            "components": costs,
        });
        println!("{json:#}");
        return Ok(());
    }
    println!(
        "{} ({}x{}, {}, {} tokens)",
        info.display_name, width, height, model.scheduler_class, info.max_prompt_tokens
    );
    println!(
        "{:<14}{:>12}{:>12}{:>16}{:>12}{:>12}",
        "component", "parameters", "weights", "activations", "GFLOP", "dispatches"
    );
    for cost in costs {
        println!(
            "{:<14}{:>11.2}M{:>9.1} MB{:>13.1} MB{:>12.3}{:>12}",
            cost.name,
            cost.parameters as f64 / 1e6,
            cost.bytes as f64 / 1e6,
            cost.activation_bytes as f64 / 1e6,
            cost.flops as f64 / 1e9,
            cost.dispatches
        );
    }
    println!("The UNet is counted with guidance: both prompts in one call.");
    Ok(())
}
