//! How far two results are from each other.
