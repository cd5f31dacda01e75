"""Frozen encoders to distil from, a file each: `LICENCE`, `ORIGIN` and `load()`. No weights are ours."""
