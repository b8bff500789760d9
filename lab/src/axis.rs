//! What a sweep varies, and how people type it.
