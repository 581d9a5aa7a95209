"""Kernels for GPUs, written in Triton.

- views           an array of any layout as a few axes; told from lengths and strides
- tables          taps as a kernel reads them
- tiles           how much a program computes, and with what it is launched
- rounding        how samples become numbers and sums become samples
- gather          a pass along an axis
- blocks, pixels  averages of blocks; nearest samples, alpha and signs
- stream          both passes over bytes at once, by tensor cores; stream_tables lays out what it reads, in the limbs
                  of digits, and choice says where it serves
- kernels         each kernel with arguments that stand for its use, for those who compile without a GPU; stream_uses
                  too
- host            whether a device can be served

Those with kernels in them import triton, and no others, so that a command can ask these without it.
"""
