//! Shapes of tiles: every choice that depends on the kind of device, in one place.

use super::shader::Variant;

/// What one invocation of the matrix product makes, and how invocations are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Rows of an invocation.
    pub rows: u32,
    /// Columns of an invocation, in fours.
    pub columns: u32,
    /// Invocations of a workgroup along columns and rows.
    pub group: [u32; 2],
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// It is a CPU.
    pub is_software: bool,
    /// Floating-point operations that it is given at once.
    pub flops_per_submit: u64,
}

impl Tuning {
    /// For a kind of device.
    pub fn new(is_software: bool) -> Self {
        // One long submission freezes the whole desktop on a slow GPU, and some systems reset the device after two
        // seconds; 20 GFLOP are 0.2 s on a phone's 100 GFLOP/s.
        Self { is_software, flops_per_submit: 20_000_000_000 }
    }

    /// The tile for a product of `rows` × 4·`n4`.
    pub fn tile(self, rows: u32, n4: u32) -> Tile {
        // 8 × 8 numbers for each invocation. Measured on lavapipe, a 3×3 convolution over 2×16×16×128, GFLOP/s for each
        // core (28 at peak) and seconds that the driver compiles: 8×4 7.4, 0.3; 8×8 10.0, 0.5; 16×8 11.3, 1.4;
        // 16×16 12.8, 4.5. Larger tiles pay only in runs that are longer than anybody would wait for on such a device.
        let tile_rows = [1, 2, 4].into_iter().find(|&few| few >= rows).unwrap_or(8);
        let columns = if tile_rows == 8 && n4.is_multiple_of(2) { 2 } else { 1 };
        // Neighbours lie along columns as far as there are columns: software adapters read the x that eight of them
        // share at once (a tile of 16×16 with lanes as 8×1 12.0 GFLOP/s, as 4×2 7.5, as 2×4 4.4).
        let across = (n4 / columns).next_power_of_two().min(8);
        let invocations = if self.is_software { 8 } else { 64 };
        Tile { rows: tile_rows, columns, group: [across, invocations / across] }
    }

    /// How to do attention for heads of `d4` vec4.
    pub fn attention(self, d4: u32) -> AttentionTile {
        // Measured on lavapipe, heads of 64 channels: 1 query 2.4 GFLOP/s and 1.3 s of compiling, 2 4.7 and 1.6, 4 7.9
        // and 2.9. Real GPUs have registers for two queries of narrow heads.
        match d4 {
            0..=12 => AttentionTile::Registers { queries: 2 },
            13..=20 if self.is_software => AttentionTile::Registers { queries: 2 },
            13..=20 => AttentionTile::Registers { queries: 1 },
            _ => {
                let columns = d4.div_ceil(AttentionTile::WIDE_GROUP);
                // At most 32 vec4 for each invocation.
                AttentionTile::Workgroup { queries: (32 / columns).clamp(4, 16) / 4 * 4, columns }
            }
        }
    }
}

/// Who keeps what in an attention whose heads are a multiple of four wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionTile {
    /// One invocation keeps whole queries: `attention_tile.wgsl`.
    Registers {
        /// How many.
        queries: u32,
    },
    /// A workgroup keeps them together: `attention_wide.wgsl`.
    Workgroup {
        /// How many, a multiple of four.
        queries: u32,
        /// Vec4 of each query's result in one invocation.
        columns: u32,
    },
}

impl AttentionTile {
    /// Invocations of a workgroup of `attention_wide.wgsl`.
    const WIDE_GROUP: u32 = 64;
    /// Invocations of a workgroup of `attention_tile.wgsl`.
    const GROUP: u32 = 32;

    /// The variant for heads of `d4` vec4.
    pub fn variant(self, d4: u32) -> Variant {
        match self {
            Self::Registers { queries } => {
                Variant::plain("attention_tile").constant("HEAD", d4).constant("QUERIES", queries)
            }
            Self::Workgroup { queries, columns } => {
                let variant = Variant::plain("attention_wide").constant("HEAD", d4).constant("QUERIES", queries);
                variant.constant("QUARTER", queries / 4).constant("COLUMNS", columns)
            }
        }
    }

    /// Workgroups for `queries` of each of `heads` heads, those of all batch entries together.
    pub fn count(self, queries: u32, heads: u32) -> u32 {
        match self {
            Self::Registers { queries: at_once } => (heads * queries.div_ceil(at_once)).div_ceil(Self::GROUP),
            Self::Workgroup { queries: at_once, .. } => heads * queries.div_ceil(at_once),
        }
    }
}

impl Tile {
    /// Every tile that [`Tuning::tile`] may choose.
    pub fn all() -> Vec<Self> {
        let sizes = [1, 2, 3, 9].into_iter().flat_map(|rows| [1, 2, 4, 5, 8, 9, 16].map(|n4| (rows, n4)));
        let tiles =
            sizes.flat_map(|(rows, n4)| [true, false].map(|is_software| Tuning::new(is_software).tile(rows, n4)));
        let mut all: Vec<Self> = Vec::new();
        for tile in tiles {
            if !all.contains(&tile) {
                all.push(tile);
            }
        }
        all
    }

    /// The variant with the constants that the shader leaves open.
    pub fn constants(self, variant: Variant) -> Variant {
        let variant = variant.constant("ROWS", self.rows).constant("COLUMNS", self.columns);
        variant.constant("GROUP_X", self.group[0]).constant("GROUP_Y", self.group[1])
    }

    /// Tiles across and in all, for a product of `rows` × 4·`n4`.
    pub fn count(self, rows: u32, n4: u32) -> [u32; 2] {
        let across = n4.div_ceil(self.columns * self.group[0]);
        [across, across * rows.div_ceil(self.rows * self.group[1])]
    }
}
