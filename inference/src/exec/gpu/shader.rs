//! The shaders and their variants. Sources are plain WGSL with three extensions, resolved here and nowhere else:
//! `#import shared/x.wgsl`; `#if FLAG` / `#else` / `#end` around whole lines; and `#for i COUNT` / `#end`, which repeats
//! lines with `${i}` counting from 0, because arrays that are indexed by a variable do not live in registers. A variant
//! is a kernel with its flags and constants; the table in [`all_variants`] lists what the tests validate.

use super::tune::{Tile, Tuning};

/// The flag of values that are stored as f16.
pub const F16: &str = "F16";

/// A kernel with its flags and constants: what a pipeline is made of, and its key in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// File name without its ending.
    pub kernel: &'static str,
    /// Flags that are set.
    pub flags: Vec<&'static str>,
    /// Constants that the file leaves open.
    pub constants: Vec<(&'static str, u32)>,
}

impl Variant {
    /// A kernel without flags or constants.
    pub fn plain(kernel: &'static str) -> Self {
        Self { kernel, flags: Vec::new(), constants: Vec::new() }
    }

    /// With a flag, if it is set.
    pub fn flag(mut self, name: &'static str, set: bool) -> Self {
        if set {
            self.flags.push(name);
        }
        self
    }

    /// With a constant.
    pub fn constant(mut self, name: &'static str, value: u32) -> Self {
        self.constants.push((name, value));
        self
    }

    /// The WGSL that a device gets.
    pub fn source(&self) -> String {
        let mut out = String::from(if self.flags.contains(&F16) { "enable f16;\n" } else { "" });
        for (name, value) in &self.constants {
            out.push_str(&format!("const {name}: u32 = {value}u;\n"));
        }
        let lines: Vec<String> = file(self.kernel).lines().map(str::to_owned).collect();
        self.expand(&lines, &mut out);
        out
    }

    fn expand(&self, lines: &[String], out: &mut String) {
        let mut i = 0;
        while i < lines.len() {
            let line = &lines[i];
            if let Some(flag) = line.strip_prefix("#if ") {
                let (middle, end) = block(lines, i);
                let part = if self.flags.contains(&flag.trim()) { i + 1..middle } else { (middle + 1).min(end)..end };
                self.expand(&lines[part], out);
                i = end;
            } else if let Some((name, count)) = line.strip_prefix("#for ").and_then(|rest| rest.split_once(' ')) {
                let (_, end) = block(lines, i);
                for index in 0..self.count(count) {
                    let index = index.to_string();
                    let pattern = format!("${{{name}}}");
                    let body: Vec<String> = lines[i + 1..end].iter().map(|l| l.replace(&pattern, &index)).collect();
                    self.expand(&body, out);
                }
                i = end;
            } else if let Some(path) = line.strip_prefix("#import ") {
                let lines: Vec<String> =
                    file(path.trim().trim_end_matches(".wgsl")).lines().map(str::to_owned).collect();
                self.expand(&lines, out);
            } else {
                out.push_str(line);
                out.push('\n');
            }
            i += 1;
        }
    }

    /// How often a `#for` repeats: a number or a constant's name. What is neither leaves its block out, and what it
    /// would have declared is missed when the tests compile every variant.
    fn count(&self, count: &str) -> u32 {
        let constant = || self.constants.iter().find(|(name, _)| *name == count).map(|(_, value)| *value);
        count.parse().ok().or_else(constant).unwrap_or(0)
    }
}

/// The `#else` (or else the end) and the end of the block that begins at `start`.
fn block(lines: &[String], start: usize) -> (usize, usize) {
    let mut depth = 0;
    let mut middle = None;
    for (i, line) in lines.iter().enumerate().skip(start) {
        if line.starts_with("#if ") || line.starts_with("#for ") {
            depth += 1;
        } else if line == "#else" && depth == 1 {
            middle = Some(i);
        } else if line == "#end" {
            depth -= 1;
            if depth == 0 {
                return (middle.unwrap_or(i), i);
            }
        }
    }
    (middle.unwrap_or(lines.len()), lines.len())
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Names of all kernels, shared parts not counted.
        pub const KERNELS: &[&str] = &[$($name),*];

        fn file(name: &str) -> &'static str {
            match name {
                $($name => include_str!(concat!("../../../shaders/", $name, ".wgsl")),)*
                "shared/index" => include_str!("../../../shaders/shared/index.wgsl"),
                "shared/activation" => include_str!("../../../shaders/shared/activation.wgsl"),
                "shared/matmul_types" => include_str!("../../../shaders/shared/matmul_types.wgsl"),
                "shared/pixel" => include_str!("../../../shaders/shared/pixel.wgsl"),
                "shared/value" => include_str!("../../../shaders/shared/value.wgsl"),
                "shared/weight" => include_str!("../../../shaders/shared/weight.wgsl"),
                // A name that is in no file does not compile as WGSL either, and the tests compile every variant.
                _ => "unknown shader file",
            }
        }
    };
}

files!(
    "activate",
    "add",
    "add_channels",
    "affine",
    "attention",
    "attention_tile",
    "attention_wide",
    "blend",
    "concat",
    "convert",
    "embedding",
    "geglu",
    "group_norm",
    "guide_and_step",
    "layer_norm",
    "matmul",
    "model_input",
    "peak",
    "resize",
);

/// Kernels outside of graphs, whose numbers are f32 always.
const F32_ONLY: [&str; 4] = ["blend", "guide_and_step", "model_input", "peak"];

/// Every variant that a graph can ask for (head widths stand for themselves and 40).
pub fn all_variants() -> Vec<Variant> {
    let all = KERNELS.iter().flat_map(|kernel| {
        let half = (!F32_ONLY.contains(kernel)).then(|| variants(Variant::plain(kernel).flag(F16, true)));
        // Nothing is converted where everything is f32.
        let single = (*kernel != "convert").then(|| variants(Variant::plain(kernel)));
        single.into_iter().chain(half).flatten()
    });
    all.collect()
}

fn variants(plain: Variant) -> Vec<Variant> {
    match plain.kernel {
        "activate" | "group_norm" => (0..6).map(|act| plain.clone().constant("ACT", act)).collect(),
        "convert" => [false, true].map(|widen| plain.clone().flag("WIDEN", widen)).to_vec(),
        "embedding" => [false, true].map(|half| plain.clone().flag("W_F16", half)).to_vec(),
        "attention" => vec![plain.constant("HEAD", 5)],
        "attention_tile" | "attention_wide" => {
            let of =
                |is_software| [1, 10, 16, 20, 21, 40, 128].map(|d4| Tuning::new(is_software).attention(d4).variant(d4));
            let all = [true, false].map(of).into_iter().flatten().filter(|variant| variant.kernel == plain.kernel);
            all.map(|variant| Variant { flags: plain.flags.clone(), ..variant }).collect()
        }
        "matmul" => {
            let names = ["A_VEC", "N_VEC", "W_F16", "CONV"];
            let flags = |bits: u32| {
                let set = |v: Variant, (i, name): (usize, &&'static str)| v.flag(name, bits >> i & 1 == 1);
                names.iter().enumerate().fold(plain.clone(), set)
            };
            let tiles = Tile::all();
            (0..16).flat_map(|bits| tiles.iter().map(move |tile| tile.constants(flags(bits)))).collect()
        }
        _ => vec![plain],
    }
}
