//! Which runs are worth their time.

/// Marks the points (seconds, error) that no other point beats: none is both as quick and as good, and better in one of
/// the two. Points that are not finite are never marked.
pub fn pareto(points: &[(f64, f64)]) -> Vec<bool> {
    let beats = |a: (f64, f64), b: (f64, f64)| a.0 <= b.0 && a.1 <= b.1 && (a.0 < b.0 || a.1 < b.1);
    let marked = |point: &(f64, f64)| {
        point.0.is_finite() && point.1.is_finite() && !points.iter().any(|other| beats(*other, *point))
    };
    points.iter().map(marked).collect()
}
