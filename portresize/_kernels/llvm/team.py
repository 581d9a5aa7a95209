"""Functions with which threads share out the runs of a kernel, without Python between them.

Threads meet at a board: a few 64-bit words. A batch is announced by a word that holds its number and how many runs of
it nobody has begun. Whoever counts that down by one has claimed a run; no thread can claim one of a batch that is over,
because the number has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.ir import I32, I64, PTR

if TYPE_CHECKING:
    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

# Places of the words, those that change often in cache lines of their own.
WORD, DONE, KERNEL, BLOCKS, STOP, SIZE = 0, 64, 128, 136, 144, 192
_LEFT = (1 << 32) - 1  # The part of the word that counts runs.


def serve(module: Module, isa: Isa) -> None:
    """`serve(board, patience)`: do runs, until there was none for `patience` looks at the board."""
    f = module.function("serve", [PTR, I64], exported=True)
    board, patience = f.parameters
    with f.repeat(patience) as turn:
        left = _claim(f, board)
        is_idle = left.equals(0)
        with f.when(is_idle):
            _pause(f, isa)
        idle = is_idle.select(turn.carried[0] - 1, patience)
        turn.next(idle)
        turn.again = (idle > 0) & board.at(STOP).load_shared().equals(0)


def launch(module: Module, isa: Isa) -> None:
    """`launch(board, count)`: announce the batch that the board holds, and do runs of it until all are claimed."""
    f = module.function("launch", [PTR, I64], exported=True)
    board, count = f.parameters
    board.at(DONE).store_shared(f.number(0))
    number = board.at(WORD).load_shared().logical_shift(32) + 1
    board.at(WORD).store_shared((number << 32) | count)
    with f.repeat() as turn:
        turn.again = _claim(f, board) > 0
    settle = f.number(_PATIENCE)
    with f.repeat(settle) as wait:
        _pause(f, isa)
        wait.next(wait.carried[0] - 1)
        wait.again = (board.at(DONE).load_shared() < count) & (wait.carried[0] > 0)


_PATIENCE = 100_000
"""Looks at the board for which a caller waits for runs that others do, before it goes to sleep in between."""


def _claim(f: Function, board: Value) -> Value:
    """Do a run if there is one left: how many there were."""
    word = board.at(WORD).load_shared()
    left = word & _LEFT
    with f.when(left > 0):
        is_mine = board.at(WORD).replace_shared(word, word - 1)
        with f.when(is_mine):
            block = board.at(BLOCKS).load(PTR).at((left - 1) * 8).load(PTR)
            f.call(board.at(KERNEL).load(PTR), [block])
            board.at(DONE).add_shared(1)
    return left


def _pause(f: Function, isa: Isa) -> None:
    """Tell the processor that this thread waits."""
    if isa.triple.startswith("x86"):
        f.call("llvm.x86.sse2.pause", [])
    else:
        f.call("llvm.aarch64.hint", [f.number(1, I32)])
