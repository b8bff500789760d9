//! What a run will cost on this device, and the best that fits into a number of seconds.
