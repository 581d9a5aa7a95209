"""Exact sums of four 8-bit samples times 22-bit weights, with the multiplications that a chip is good at.

Two's complement arithmetic is a ring: `core.fixed` checks that the true sum fits 32 bits, so weights may be cut into
digits that narrow multiplications take, and partial sums may wrap. What must hold is that the digits make up the weight
and fit their type; `encode` asserts both for every table.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from portresize._kernels.llvm.errors import Unsupported
from portresize._kernels.llvm.ir import I8, I16, lanes_of, vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from portresize._kernels.llvm.ir import Value


class Dot(Hashable, Protocol):
    """A way to multiply.

    Attributes:
        words: 32-bit words that hold the weights of four taps.
        sums: Partial sums that are kept apart until the end.
    """

    words: int
    sums: int

    def encode(self, weight: NDArray[np.int32]) -> NDArray[np.int32]:
        """Words (..., words) for weights (..., 4)."""

    def bias(self, weight: NDArray[np.int32], half: int) -> NDArray[np.int32]:
        """What sums (n,) begin with for weights (n, ..., 4): `half`, and what `add` leaves out."""

    def add(self, sums: Sequence[Value], samples: Value, words: Sequence[Value]) -> list[Value]:
        """`sums` and the products of `samples`, four bytes in every lane, and `words`, the same in all lanes."""

    def total(self, sums: Sequence[Value]) -> Value:
        """The partial sums as one."""


class Bytes:
    """Four products of bytes and signed bytes at once, three digits a weight: `vpdpbusd` of AVX-512 and AVX VNNI."""

    words = sums = 3

    def encode(self, weight: NDArray[np.int32]) -> NDArray[np.int32]:
        """`Dot.encode`: the digits of four taps side by side, lowest first."""
        # The bytes of this sum are the digits, each 128 higher; a fourth one must be empty.
        raised = np.ascontiguousarray(weight + np.int32(0x808080))
        if (raised >> 24).any():
            msg = "a weight has digits of more than 8 bits"
            raise Unsupported(msg)
        digits = (raised ^ np.int32(0x808080)).view(np.int8).reshape(*weight.shape, 4)
        by_digit = np.ascontiguousarray(np.swapaxes(digits, -1, -2)[..., :3, :])
        return by_digit.view(np.int32)[..., 0]

    def bias(self, weight: NDArray[np.int32], half: int) -> NDArray[np.int32]:
        """`Dot.bias`."""
        return np.full(len(weight), half, np.int32)

    def add(self, sums: Sequence[Value], samples: Value, words: Sequence[Value]) -> list[Value]:
        """`Dot.add`."""
        return [self._dot(total, samples, word) for total, word in zip(sums, words, strict=True)]

    def _dot(self, total: Value, samples: Value, word: Value) -> Value:
        bits = 32 * _lanes(samples)
        # With 32-bit operands, as before LLVM 22, which translates them.
        return total.function.call(f"llvm.x86.avx512.vpdpbusd.{bits}", [total, samples, word], total.type)

    def total(self, sums: Sequence[Value]) -> Value:
        """`Dot.total`."""
        return sums[0] + (sums[1] << 8) + (sums[2] << 16)


class SignedBytes(Bytes):
    """The same with samples that are signed too: `sdot` of aarch64."""

    def bias(self, weight: NDArray[np.int32], half: int) -> NDArray[np.int32]:
        """`Dot.bias`: samples are taken 128 lower, which all the weights together make up for."""
        total = half + 128 * weight.reshape(len(weight), -1).sum(axis=1, dtype=np.int64)
        return total.astype(np.int32)

    def add(self, sums: Sequence[Value], samples: Value, words: Sequence[Value]) -> list[Value]:
        """`Dot.add`."""
        return super().add(sums, samples ^ -0x7F7F7F80, words)

    def _dot(self, total: Value, samples: Value, word: Value) -> Value:
        size = 4 * _lanes(samples)
        operands = [total, *(v.bitcast(vector(I8, size)) for v in (samples, word))]
        return total.function.call(f"llvm.aarch64.neon.sdot.v{size // 4}i32.v{size}i8", operands, total.type)


class Pairs:
    """Two products of 16 bits at once, two digits a weight: `pmaddwd`, which every x86-64 has."""

    words, sums = 4, 2

    def encode(self, weight: NDArray[np.int32]) -> NDArray[np.int32]:
        """`Dot.encode`: taps 0 and 2, then 1 and 3, of the low digit and then of the high one."""
        high = (weight + np.int32(1 << 10)) >> 11
        digits = np.stack([weight - (high << 11), high], axis=-2)
        narrow = digits.astype(np.int16)
        if (narrow != digits).any():
            msg = "a weight has digits of more than 16 bits"
            raise Unsupported(msg)
        by_pair = narrow.reshape(*narrow.shape[:-1], 2, 2).swapaxes(-1, -2)
        return np.ascontiguousarray(by_pair).view(np.int32).reshape(*weight.shape[:-1], 4)

    def bias(self, weight: NDArray[np.int32], half: int) -> NDArray[np.int32]:
        """`Dot.bias`."""
        return np.full(len(weight), half, np.int32)

    def add(self, sums: Sequence[Value], samples: Value, words: Sequence[Value]) -> list[Value]:
        """`Dot.add`."""
        wide = samples.bitcast(vector(I16, 2 * _lanes(samples)))
        even, odd = wide & 255, wide.logical_shift(8)
        low, high = sums
        return [
            low + self._madd(even, words[0]) + self._madd(odd, words[1]),
            high + self._madd(even, words[2]) + self._madd(odd, words[3]),
        ]

    @staticmethod
    def _madd(samples: Value, word: Value) -> Value:
        name = {4: "sse2.pmadd.wd", 8: "avx2.pmadd.wd", 16: "avx512.pmaddw.d.512"}[_lanes(word)]
        return samples.function.call(f"llvm.x86.{name}", [samples, word.bitcast(samples.type)], word.type)

    def total(self, sums: Sequence[Value]) -> Value:
        """`Dot.total`."""
        return sums[0] + (sums[1] << 11)


class Singles:
    """One product at a time, of whole weights: any chip."""

    words, sums = 4, 1

    def encode(self, weight: NDArray[np.int32]) -> NDArray[np.int32]:
        """`Dot.encode`."""
        return weight

    def bias(self, weight: NDArray[np.int32], half: int) -> NDArray[np.int32]:
        """`Dot.bias`."""
        return np.full(len(weight), half, np.int32)

    def add(self, sums: Sequence[Value], samples: Value, words: Sequence[Value]) -> list[Value]:
        """`Dot.add`."""
        total = sums[0]
        for tap, word in enumerate(words):
            total = total + (samples.logical_shift(8 * tap) & 255) * word
        return [total]

    def total(self, sums: Sequence[Value]) -> Value:
        """`Dot.total`."""
        return sums[0]


def _lanes(samples: Value) -> int:
    """How many groups of four samples a vector holds."""
    return lanes_of(samples.type)
