"""Kernels, one room per compiler: raw buffers in and out, no array library."""
