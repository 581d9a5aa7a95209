"""The process in which calls are made, one after the other; it says before each which it is, and after it the outcome.

    python -m tests.hostile.child SEED FIRST LAST

It ends where a call takes too long, as seen by a thread that needs nothing of Python.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import sys
import warnings
from random import Random

from tests.hostile import faults, outcome
from tests.hostile.calls import Call, draw

# Seconds after which a call hangs: importing a library takes a busy machine more than one minute.
HANGS_VARIABLE = "PORTRESIZE_HANGS"
HANGS = int(os.environ.get(HANGS_VARIABLE, "180"))
# Address space beyond the process's own, so that a runaway allocation ends in an error and not with the machine.
ROOM = 12 << 30
# Turns after which plain requests are made again, and cycles of hostile objects freed.
CHECKED, _FREED = 50, 500


def call_of(seed: str, turn: int) -> Call:
    """The call of a turn, which depends on nothing else; of several seeds, as in `0+7`, one after the other serves."""
    seeds = seed.split("+")
    random = Random(f"{seeds[turn % len(seeds)]}:{turn}")
    return faults.planted(turn) or draw(random)


def main(seed: str, first: str, last: str) -> None:
    """Make calls, and write lines to the pipe that was this process's standard output."""
    pipe = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    faulthandler.enable()
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(1000)
    limit = _address_space() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    assert outcome.is_well()
    for turn in range(int(first), int(last)):
        call = call_of(seed, turn)
        print(json.dumps({"turn": turn, "call": call.text}), file=pipe)
        faulthandler.dump_traceback_later(HANGS, exit=True)
        found = outcome.judge(call)
        if turn % CHECKED == 0:
            found = (
                found
                if outcome.is_well()
                else outcome.fault("after it, or those before, plain requests have other results")
            )
        if turn % _FREED == 0:
            outcome.tidy()
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps({"turn": turn, "name": call.name, "word": found.word, "text": found.text}), file=pipe)
    pipe.flush()
    # What hostile objects do when they are freed is nobody's concern.
    os._exit(0)


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  a file of the system
        return int(file.read().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(*sys.argv[1:])
