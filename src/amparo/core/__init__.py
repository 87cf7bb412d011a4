"""Floor 1: what every room stands on: errors, ids, time, canonical bytes, keys, compiled kernels."""
