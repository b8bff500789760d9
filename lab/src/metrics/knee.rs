//! Kneedle (Satopää et al., 2011), as a second opinion only.

/// Index of the knee of a falling, convex curve of (steps, error): the point farthest below the straight line between
/// its ends. `None` with fewer than three points, or where the curve does not fall or no point lies below the line.
///
/// Do not choose a number of steps by this alone. Where the error falls like 1/N, the knee of the range a..b is √(a·b):
/// a property of the range that was swept, not of the sampler. 5 to 50 gives 16, 5 to 100 gives 22.
/// [`crate::recommend`] asks for a tolerance instead.
pub fn knee(points: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (points.first()?, points.last()?);
    let (width, height) = (last.0 - first.0, first.1 - last.1);
    let usable = width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite();
    if points.len() < 3 || !usable {
        return None;
    }
    let below = |(x, y): (f64, f64)| (1.0 - (x - first.0) / width) - (y - last.1) / height;
    let inner = points.iter().enumerate().filter(|(_, point)| point.1.is_finite());
    let (index, depth) = inner.map(|(i, point)| (i, below(*point))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (depth > 1e-9).then_some(index)
}
