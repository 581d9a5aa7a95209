"""Kernels for TPUs, as programs of Pallas: one or two passes over 8-bit samples with the weights on the matrix unit.

- band              a pass as products of blocks: which weights meet which samples, and the weights in three bytes
- chips             what TPUs differ in
- program           what a kernel does, stage by stage; whether there is one for these passes, told from shapes alone
- pieces            which steps of a plan that leaves to XLA
- kernel            the program for Pallas: what lies between two passes never leaves the chip

Of these only `kernel` imports jax, so that a command can ask the others without it.
"""
