"""Kernels for processors, written as text of LLVM and made machine code by llvmlite.

- isa, dot                 what a processor has, and how it multiplies bytes
- ir, shapes, fields       values with operators, vectors rearranged, and the block of numbers that a kernel is told
- u8, wide, strips         the arithmetic of a pass along W and of one along H
- passes, pixels           whole kernels: resizes, and pixels that are only moved
- rows, bands, blocks      what happens to rows on their way in and out: gathered, alpha, averages of blocks
- engine, library, host    text to functions, functions by what they do, and whether this machine can
- parts, tables, layout, ends, program   from a plan to kernels, weights and buffers
- team                     threads that share out the runs of a kernel
"""
