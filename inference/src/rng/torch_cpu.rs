//! torch's CPU random numbers, bit by bit: mt19937 and the normal transform of `torch.randn` in float32.
//!
//! A seed means the same picture in other tools only if the first noise is the same, so the transform follows the
//! generator's own arithmetic: fewer than 16 numbers take a double precision Box-Muller with a cached second value;
//! 16 or more take a single precision one over blocks of 16, with the polynomials for log, sine and cosine of the
//! Cephes library that torch's vectorised build uses. No platform function with a rounding of its own is called there,
//! so a browser and a server agree.
#![expect(clippy::excessive_precision, clippy::unreadable_literal, reason = "Cephes prints its coefficients this way")]

/// Words of the twister's state.
const STATE: usize = 624;
/// Distance of the word that each new one is mixed with.
const SHIFT: usize = 397;
/// Numbers of one vectorised block: 8 radii, then 8 angles.
const BLOCK: usize = 16;

/// The generator `torch.Generator("cpu").manual_seed(seed)`.
#[derive(Clone, Debug)]
pub struct TorchCpu {
    state: [u32; STATE],
    next: usize,
    /// The second value of the last double precision pair, if it was not taken yet.
    cached: Option<f64>,
}

impl TorchCpu {
    /// Seeds the twister. Only the low 32 bits matter: torch hands no more to it.
    pub fn new(seed: u64) -> Self {
        let mut state = [0u32; STATE];
        state[0] = (seed & 0xffff_ffff) as u32;
        for i in 1..STATE {
            let before = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: STATE, cached: None }
    }

    /// `torch.randn(n, generator=self)` in float32: `n` independent unit normal numbers.
    pub fn randn(&mut self, n: usize) -> Vec<f32> {
        if n < BLOCK {
            return (0..n).map(|_| self.normal() as f32).collect();
        }
        // All uniforms come first, then the blocks are transformed in place.
        let mut out: Vec<f32> = (0..n).map(|_| self.uniform()).collect();
        out.chunks_exact_mut(BLOCK).for_each(normal_block);
        if !n.is_multiple_of(BLOCK) {
            // The last 16 numbers are drawn again, those of a finished block among them.
            let tail = &mut out[n - BLOCK..];
            tail.iter_mut().for_each(|value| *value = self.uniform());
            normal_block(tail);
        }
        out
    }

    fn word(&mut self) -> u32 {
        if self.next == STATE {
            self.refill();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for i in 0..STATE {
            let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % STATE] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// 24 bits in [0, 1).
    fn uniform(&mut self) -> f32 {
        (self.word() & 0x00ff_ffff) as f32 * 2f32.powi(-24)
    }

    /// 53 bits in [0, 1), the high word drawn first.
    fn uniform_double(&mut self) -> f64 {
        let high = u64::from(self.word()) << 32;
        let bits = (high | u64::from(self.word())) & ((1 << 53) - 1);
        bits as f64 * 2f64.powi(-53)
    }

    fn normal(&mut self) -> f64 {
        if let Some(second) = self.cached.take() {
            return second;
        }
        let (u1, u2) = (self.uniform_double(), self.uniform_double());
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        let angle = std::f64::consts::TAU * u1;
        self.cached = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

/// Box-Muller over 16 uniforms: entry `j` and `j + 8` become a pair.
fn normal_block(block: &mut [f32]) {
    let (radii, angles) = block.split_at_mut(BLOCK / 2);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * ln(1.0 - *first)).sqrt();
        let (sin, cos) = sin_cos(std::f32::consts::TAU * *second);
        *first = radius * cos;
        *second = radius * sin;
    }
}

/// `sum of coefficient · x^k`, highest power first, each step with one rounding.
fn polynomial(x: f32, coefficients: &[f32]) -> f32 {
    coefficients.iter().skip(1).fold(coefficients[0], |sum, c| sum.mul_add(x, *c))
}

/// Natural logarithm of a positive number (Cephes `logf`).
fn ln(value: f32) -> f32 {
    const P: [f32; 9] = [
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    ];
    // The mantissa in [0.5, 1), then in [sqrt(1/2), sqrt(2)) around 1.
    let bits = value.to_bits();
    let mut mantissa = f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000);
    let mut exponent = (bits >> 23) as i32 - 126;
    if mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1;
        mantissa += mantissa;
    }
    let (x, e) = (mantissa - 1.0, exponent as f32);
    let square = x * x;
    let mut y = (polynomial(x, &P) * x).mul_add(square, e * -2.12194440e-4);
    y = square.mul_add(-0.5, y);
    e.mul_add(0.693359375, x + y)
}

/// Sine and cosine of an angle in [0, 2π] (Cephes `sinf`, `cosf`).
fn sin_cos(angle: f32) -> (f32, f32) {
    const SIN: [f32; 3] = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
    const COS: [f32; 3] = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];
    // The octant, rounded up to an even one, and what is left of the angle, with π/4 in three parts.
    let octant = ((angle * 1.27323954473516) as u32 + 1) & !1;
    let turns = octant as f32;
    let x = turns.mul_add(-0.78515625, angle);
    let x = turns.mul_add(-2.4187564849853515625e-4, x);
    let x = turns.mul_add(-3.77489497744594108e-8, x);
    let square = x * x;
    let cos = (polynomial(square, &COS) * square).mul_add(square, -0.5 * square) + 1.0;
    let sin = (polynomial(square, &SIN) * square).mul_add(x, x);
    let (sin, cos) = if octant & 2 == 0 { (sin, cos) } else { (cos, sin) };
    let sign = |negative: bool, value: f32| if negative { -value } else { value };
    (sign(octant & 4 != 0, sin), sign((octant.wrapping_sub(2)) & 4 == 0, cos))
}
