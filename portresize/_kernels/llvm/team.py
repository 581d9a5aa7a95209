"""Functions with which threads share out the runs of a kernel, without Python between them.

Threads meet at a board: a few 64-bit words. A batch is announced by a word that holds its number, and the first and one
past the last of the runs that nobody has begun. Whoever takes one off has claimed a run, the caller from the front and
helpers from the back, so that what they work on stays in their caches from call to call. No thread can claim one of a
batch that is over, because the number has changed. Whoever announces a batch stays until all of it is done: what a run
reads and writes is there until then, and no exception can come between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portresize._kernels.llvm.ir import I32, I64, PTR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portresize._kernels.llvm.ir import Function, Module, Value
    from portresize._kernels.llvm.isa import Isa

# Places of the words, those that change often in cache lines of their own, and then of the batch: what `launch` was
# called with. Then what belongs to the C library: a mutex, a condition, the signals that helpers do not take, and those
# that the thread which starts one did not take; each smaller than a line or two. At last the helpers.
WORD, DONE, IS_BUSY, STOP, HELPERS, ASLEEP, BATCH = 0, 64, 72, 128, 136, 144, 192
MUTEX, CONDITION, SIGNALS, BEFORE, FAILED, THREADS = 256, 384, 512, 640, 768, 832
MOST = 255
"""Helpers, at most."""
SIZE = THREADS + 8 * (MOST + 1)
_BATCH = 4  # Words: addresses of a list of blocks, of the kernel, and of the arrays that it reads and writes.
_BITS = 16  # Of the first run in `WORD`, and then of one past the last; the number of the batch has the rest.
_MASK = (1 << _BITS) - 1

# Looks at the board. How long each takes depends on the processor, from a few to some hundred cycles. A helper that has
# had nothing to do for so many sleeps, and not sooner, because to wake one takes long; a caller that has waited for a
# tenth of that lets other threads run in between.
_HELPER_LOOKS, _CALLER_LOOKS = 20_000, 2_000


def serve(module: Module, isa: Isa) -> None:
    """`serve(board)`: do runs, and sleep when there are none, until the board says stop."""
    f = module.function("serve", [PTR], exported=True)
    (board,) = f.parameters
    patience = f.number(_HELPER_LOOKS)
    with f.repeat(patience) as turn:
        is_idle = _claim(f, board, is_caller=False) ^ 1
        with f.when(is_idle):
            _pause(f, isa)
        idle = is_idle.select(turn.carried[0] - 1, patience)
        is_tired = idle <= 0
        with f.when(is_tired):
            _sleep(f, board)
        turn.next(is_tired.select(patience, idle))
        turn.again = board.at(STOP).load_shared().equals(0)


def start(module: Module, isa: Isa) -> None:  # noqa: ARG001  the same on all
    """`start(board, serve, how)`: one more helper, if it can be had; else the board says why there is none.

    `how` is the C library's number for setting which signals a thread takes. A helper takes none but its own faults:
    others are to interrupt the system calls of others. No signal handler of Python can come between here.
    """
    f = module.function("start", [PTR, PTR, I64], exported=True)
    board, serve_, how = f.parameters
    how, nothing = how.cast("trunc", I32), f.number(0, PTR)
    helpers = board.at(HELPERS).load_shared()
    f.call("pthread_sigmask", [how, board.at(SIGNALS), board.at(BEFORE)], I32)
    failed = f.call("pthread_create", [board.at(THREADS).at(helpers * 8), nothing, serve_, board], I32)
    f.call("pthread_sigmask", [how, board.at(BEFORE), nothing], I32)
    board.at(FAILED).store(failed.cast("sext", I64))
    with f.when(failed.equals(0)):
        board.at(HELPERS).add_shared(1)


def launch(module: Module, isa: Isa) -> None:
    """`launch(board, count, blocks, kernel, source, target)`: run the kernel with each of `count` blocks, and be done.

    If the helpers work for another caller, this one does all runs itself.
    """
    f = module.function("launch", [PTR, I64, *[PTR] * _BATCH], exported=True)
    board, count, *batch = f.parameters
    is_free = board.at(IS_BUSY).replace_shared(f.number(0), f.number(1))
    with f.when(is_free ^ 1), f.loop(count) as each:
        _run(f, batch, each.index)
    with f.when(is_free):
        for i, value in enumerate(batch):
            board.at(BATCH + 8 * i).store(value)
        board.at(DONE).store_shared(f.number(0))
        number = board.at(WORD).load_shared().logical_shift(2 * _BITS) + 1
        board.at(WORD).store_shared((number << 2 * _BITS) | (count << _BITS))
        asleep = board.at(ASLEEP).load_shared()
        # Those that are awake see it by themselves; more than these would look for nothing.
        wanted = count - 1 - (board.at(HELPERS).load_shared() - asleep)
        with f.when((asleep > 0) & (wanted > 0)):
            _wake(f, board, wanted.min(asleep))
        with f.repeat() as turn:
            turn.again = _claim(f, board, is_caller=True)
        with f.repeat(f.number(_CALLER_LOOKS)) as wait:
            _pause(f, isa)
            with f.when(wait.carried[0] <= 0):
                f.call("sched_yield", [], I32)
            wait.next(wait.carried[0] - 1)
            wait.again = board.at(DONE).load_shared() < count
        board.at(IS_BUSY).store_shared(f.number(0))


def wake(module: Module, isa: Isa) -> None:  # noqa: ARG001  the same on all
    """`wake(board)`: let all helpers look at the board."""
    f = module.function("wake", [PTR], exported=True)
    (board,) = f.parameters
    _wake(f, board, board.at(HELPERS).load_shared())


def _sleep(f: Function, board: Value) -> None:
    """Wait until somebody wakes the helpers, unless there is something to do."""
    mutex, condition = board.at(MUTEX), board.at(CONDITION)
    f.call("pthread_mutex_lock", [mutex], I32)
    # First this and then the look, where the caller announces first and then looks: one of the two sees the other.
    board.at(ASLEEP).add_shared(1)
    first, stop = _unclaimed(board.at(WORD).load_shared())
    with f.when((first >= stop) & board.at(STOP).load_shared().equals(0)):
        f.call("pthread_cond_wait", [condition, mutex], I32)
    board.at(ASLEEP).add_shared(-1)
    f.call("pthread_mutex_unlock", [mutex], I32)


def _wake(f: Function, board: Value, count: Value) -> None:
    """Let so many helpers look at the board."""
    f.call("pthread_mutex_lock", [board.at(MUTEX)], I32)
    with f.loop(count):
        f.call("pthread_cond_signal", [board.at(CONDITION)], I32)
    f.call("pthread_mutex_unlock", [board.at(MUTEX)], I32)


def _unclaimed(word: Value) -> tuple[Value, Value]:
    """The first and one past the last of the runs that nobody has begun."""
    return word & _MASK, word.logical_shift(_BITS) & _MASK


def _claim(f: Function, board: Value, *, is_caller: bool) -> Value:
    """Do a run if there is one left: whether there was."""
    word = board.at(WORD).load_shared()
    first, stop = _unclaimed(word)
    is_left = first < stop
    with f.when(is_left):
        following, run = (word + 1, first) if is_caller else (word - (1 << _BITS), stop - 1)
        with f.when(board.at(WORD).replace_shared(word, following)):
            _run(f, [board.at(BATCH + 8 * i).load(PTR) for i in range(_BATCH)], run)
            board.at(DONE).add_shared(1)
    return is_left


def _run(f: Function, batch: Sequence[Value], number: Value) -> None:
    """A run of a batch."""
    blocks, kernel, source, target = batch
    f.call(kernel, [blocks.at(number * 8).load(PTR), source, target])


def _pause(f: Function, isa: Isa) -> None:
    """Tell the processor that this thread waits."""
    if isa.is_x86:
        f.call("llvm.x86.sse2.pause", [])
    else:
        f.call("llvm.aarch64.hint", [f.number(1, I32)])
