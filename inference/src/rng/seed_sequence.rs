//! numpy's `SeedSequence` (O'Neill's `seed_seq_fe`): a seed and a node's address to the seeds that the node draws with.

const XOR_IN: u32 = 0x43b0_d7e5;
const MULTIPLY_IN: u32 = 0x931e_8875;
const XOR_OUT: u32 = 0x8b51_f9dd;
const MULTIPLY_OUT: u32 = 0x58f3_8ded;
const MIX_LEFT: u32 = 0xca01_f9dd;
const MIX_RIGHT: u32 = 0x4973_f715;

/// One of the two hashes: it changes its own constant with every word.
struct Hash {
    constant: u32,
    multiplier: u32,
}

impl Hash {
    fn word(&mut self, value: u32) -> u32 {
        let value = value ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.multiplier);
        let value = value.wrapping_mul(self.constant);
        value ^ (value >> 16)
    }
}

fn mix(a: u32, b: u32) -> u32 {
    let mixed = a.wrapping_mul(MIX_LEFT).wrapping_sub(b.wrapping_mul(MIX_RIGHT));
    mixed ^ (mixed >> 16)
}

/// `N` words of `numpy.random.SeedSequence(entropy, spawn_key=address, pool_size=POOL).generate_state(N)`.
pub(super) fn seeds<const POOL: usize, const N: usize>(entropy: u64, address: &[u64]) -> [u32; N] {
    let mut words = integer(entropy);
    if !address.is_empty() && words.len() < POOL {
        // So that a longer entropy cannot look like a shorter one with an address.
        words.resize(POOL, 0);
    }
    words.extend(address.iter().flat_map(|part| integer(*part)));

    let mut hash = Hash { constant: XOR_IN, multiplier: MULTIPLY_IN };
    let mut pool = [0u32; POOL];
    for (i, slot) in pool.iter_mut().enumerate() {
        *slot = hash.word(words.get(i).copied().unwrap_or(0));
    }
    for source in 0..POOL {
        for target in (0..POOL).filter(|target| *target != source) {
            pool[target] = mix(pool[target], hash.word(pool[source]));
        }
    }
    for word in words.iter().skip(POOL) {
        for slot in &mut pool {
            *slot = mix(*slot, hash.word(*word));
        }
    }

    let mut hash = Hash { constant: XOR_OUT, multiplier: MULTIPLY_OUT };
    std::array::from_fn(|i| hash.word(pool[i % POOL]))
}

/// An integer's words, lowest first, without leading zeros but at least one.
fn integer(value: u64) -> Vec<u32> {
    let (low, high) = (value as u32, (value >> 32) as u32);
    if high == 0 { vec![low] } else { vec![low, high] }
}
