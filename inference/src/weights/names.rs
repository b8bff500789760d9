//! Names under which a tensor may lie in a file. Checkpoints of different ages name the same tensor differently; the
//! graphs use one name, and this is the one place that knows the others.

/// Every name to try, the usual one first.
pub fn candidates(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    // Text encoders saved by transformers before version 5 keep everything below `text_model`.
    names.push(format!("text_model.{name}"));
    // VAEs saved by diffusers before 0.17 have their attention's older names.
    for (new, old) in [("to_q.", "query."), ("to_k.", "key."), ("to_v.", "value."), ("to_out.0.", "proj_attn.")] {
        if name.contains("mid_block.attentions.") && name.contains(new) {
            names.push(name.replace(new, old));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names_are_tried_last() {
        assert_eq!(candidates("final_layer_norm.bias"), ["final_layer_norm.bias", "text_model.final_layer_norm.bias"]);
        let names = candidates("decoder.mid_block.attentions.0.to_out.0.weight");
        assert_eq!(names.last().unwrap(), "decoder.mid_block.attentions.0.proj_attn.weight");
    }
}
