"""What TPUs differ in, as far as kernels go.

Source: jax 0.10.2, jax/_src/pallas/mosaic/tpu_info.py.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# What the matrix unit multiplies: signed bytes, or the same numbers in bfloat16, which holds them exactly.
Limbs = Literal["int8", "bf16"]


class Chip(NamedTuple):
    """A kind of TPU core.

    Attributes:
        limbs: The faster of the types that its matrix unit multiplies exactly.
        memory: Bytes of its vector memory, where a kernel holds images, tables and what lies between two passes.
    """

    limbs: Limbs
    memory: int


_MIB = 1 << 20
# By what jax calls a device, in small letters and without spaces.
_CHIPS = {
    "tpuv2": Chip("bf16", 16 * _MIB),
    "tpuv3": Chip("bf16", 16 * _MIB),
    "tpuv4": Chip("bf16", 16 * _MIB),
    "tpuv4lite": Chip("bf16", 16 * _MIB),
    "tpuv5lite": Chip("int8", 128 * _MIB),
    "tpuv5e": Chip("int8", 128 * _MIB),
    "tpuv5": Chip("int8", 64 * _MIB),
    "tpuv5p": Chip("int8", 64 * _MIB),
    "tpuv6lite": Chip("int8", 128 * _MIB),
    "tpuv6e": Chip("int8", 128 * _MIB),
    "tpu7": Chip("bf16", 64 * _MIB),
    "tpu7x": Chip("bf16", 64 * _MIB),
}
# A program that is compiled elsewhere than where it runs fits any chip of the last generations that has bytes.
UNKNOWN = Chip("int8", 64 * _MIB)


def chip(kind: str) -> Chip:
    """The chip that jax calls `kind`.

    >>> chip("TPU v5 lite").limbs, chip("TPU7x").limbs
    ('int8', 'bf16')
    """
    return _CHIPS.get(kind.lower().replace(" ", ""), UNKNOWN)
