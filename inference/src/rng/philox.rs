//! torch's CUDA random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") and
//! cuRAND's Box-Muller transform, laid over a tensor as torch's kernel for distributions lays it.
//!
//! Every element belongs to one GPU thread; the thread's number is the upper half of Philox's counter, the number of
//! draws so far the lower half, the seed the key. A thread computes four normal numbers and keeps the first, as long
//! as there are as many threads as elements.
//!
//! How many threads there can be depends on the GPU (multiprocessors × resident threads: 43008 on an RTX 3060, 270336
//! on an H100), and beyond that a thread serves several elements. Here the number of threads has no limit, which is also
//! what AUTOMATIC1111's "NV" random source does. So a draw equals that of every GPU with at least `n` threads: a 512×512
//! picture needs 16384, a 1024×1024 one 65536.
//!
//! A GPU takes sine and logarithm from its own approximate units, so its last bits differ from these: here they are
//! computed in double precision and rounded once, everything around them in single precision as on the GPU.

/// Multipliers and key increments of the two halves.
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: usize = 10;

/// The generator `torch.Generator("cuda").manual_seed(seed)`.
#[derive(Clone, Debug)]
pub struct Philox {
    key: [u32; 2],
    /// Calls so far. torch counts 4 numbers a call and thread, cuRAND divides by 4 again.
    calls: u64,
}

impl Philox {
    /// Seeds the generator with all 64 bits.
    pub fn new(seed: u64) -> Self {
        Self { key: halves(seed), calls: 0 }
    }

    /// `torch.randn(n, generator=self, device="cuda")` in float32, for a GPU of at least `n` threads.
    pub fn randn(&mut self, n: usize) -> Vec<f32> {
        if n == 0 {
            return Vec::new();
        }
        let call = halves(self.calls);
        self.calls += 1;
        let normal = |thread: u64| {
            let thread = halves(thread);
            let words = philox4x32([call[0], call[1], thread[0], thread[1]], self.key);
            box_muller(words[0], words[1])
        };
        (0..n as u64).map(normal).collect()
    }
}

/// Low and high word.
fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// The block function: four random words of a counter under a key.
fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for round in 0..ROUNDS {
        if round > 0 {
            k = [k[0].wrapping_add(WEYL[0]), k[1].wrapping_add(WEYL[1])];
        }
        let [low0, high0] = halves(u64::from(c[0]) * u64::from(MULTIPLIERS[0]));
        let [low1, high1] = halves(u64::from(c[2]) * u64::from(MULTIPLIERS[1]));
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0];
    }
    c
}

/// cuRAND's transform of two words; the first of its pair, which is the sine's.
fn box_muller(radius: u32, angle: u32) -> f32 {
    const UNIT: f32 = 1.0 / 4_294_967_296.0;
    // 2^-32 in single precision times 2π in single precision, as cuRAND's header has it.
    const TURN: f32 = UNIT * std::f32::consts::TAU;
    // Words become floats first; both products are fused with the half step that keeps them off 0.
    let u = (radius as f32).mul_add(UNIT, UNIT / 2.0);
    let v = (angle as f32).mul_add(TURN, TURN / 2.0);
    let length = (-2.0 * f64::from(u).ln() as f32).sqrt();
    length * f64::from(v).sin() as f32
}

#[cfg(test)]
mod tests {
    use super::philox4x32;

    /// The known answers that the authors publish with Random123 (`tests/kat_vectors`, lines `philox4x32 10`).
    #[test]
    fn the_block_function_gives_the_published_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, words) in cases {
            assert_eq!(philox4x32(counter, key), words, "{counter:x?} under {key:x?}");
        }
    }
}
