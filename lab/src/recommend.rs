//! The smallest number of steps that is enough, and why.
