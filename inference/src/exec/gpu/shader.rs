//! The shaders and their variants. Sources are plain WGSL with two extensions, resolved here and nowhere else:
//! `#import shared/x.wgsl`, and `#if FLAG` / `#else` / `#endif` around whole lines. A variant is a kernel with its
//! flags and constants; the table in [`all_variants`] lists what the tests validate.

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
        self.expand(file(self.kernel), &mut out);
        out
    }

    fn expand(&self, text: &str, out: &mut String) {
        // Nested conditions: whether each of them, and so the present line, is taken.
        let mut taken: Vec<bool> = Vec::new();
        for line in text.lines() {
            if let Some(flag) = line.strip_prefix("#if ") {
                taken.push(self.flags.contains(&flag.trim()));
            } else if line == "#else" {
                if let Some(last) = taken.last_mut() {
                    *last = !*last;
                }
            } else if line == "#endif" {
                taken.pop();
            } else if taken.iter().all(|taken| *taken) {
                match line.strip_prefix("#import ") {
                    Some(path) => self.expand(file(path.trim().trim_end_matches(".wgsl")), out),
                    None => {
                        out.push_str(line);
                        out.push('\n');
                    }
                }
            }
        }
    }
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
const F32_ONLY: [&str; 3] = ["guide_and_step", "model_input", "peak"];

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
        "geglu" => vec![plain.constant("ACT", 0)],
        "embedding" => [false, true].map(|half| plain.clone().flag("W_F16", half)).to_vec(),
        "attention" => {
            let heads = [(true, 10), (true, 40), (true, 128), (false, 5)];
            heads.map(|(vec, head)| plain.clone().flag("VEC", vec).constant("HEAD", head)).to_vec()
        }
        "matmul" => {
            let names = ["A_VEC", "W_F16", "CONV", "BIAS", "CHANNEL_BIAS", "RESIDUAL"];
            let flags = |bits: u32| {
                let set = |v: Variant, (i, name): (usize, &&'static str)| v.flag(name, bits >> i & 1 == 1);
                names.iter().enumerate().fold(plain.clone().constant("ACT", bits % 6), set)
            };
            (0..64).map(flags).collect()
        }
        _ => vec![plain],
    }
}
