"""What the tests of pipelines run in processes of their own, where a lock that nobody gives back would hang them.

    python -m tests.pipelines.workers fork

exits with 0 if all results are right. A spawned worker loads this file, which therefore imports no jax and no grain.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import portresize
from tests.oracle import DIALECT
from tests.pipelines.pictures import SIZE, picture, pillows, rgb

N_IMAGES = 24


def is_right(i: int) -> bool:
    """Whether image number `i` is what Pillow makes of it."""
    result = portresize.resize(picture(i), SIZE, dialect=DIALECT)
    return np.array_equal(result, pillows(picture(i)))


def loaded() -> list[str]:
    """What of jax a process has imported, and of this package's way to it."""
    return sorted({"jax", "jaxlib", "portresize._backends.jax"} & set(sys.modules))


def work(i: int) -> tuple[np.ndarray, list[str]]:
    """In a worker: a result, and what is loaded after it."""
    return portresize.resize(picture(i), SIZE, dialect=DIALECT), loaded()


def loaded_with_jax(_: int) -> list[str]:
    """In a worker: what `loaded` says of one that has imported jax."""
    import jax

    return [name for name in loaded() if name == jax.__name__]


def jitted() -> Callable[[Any], Any]:
    """A compiled function that has run, on arrays of jax."""
    import jax

    resize = jax.jit(lambda x: portresize.resize(x, SIZE, layout="HWC", dialect=DIALECT))
    assert np.array_equal(resize(jax.numpy.asarray(rgb(0))), pillows(rgb(0)))
    function: Callable[[Any], Any] = resize
    return function


def expect_warnings_of_fork() -> None:
    """Jax and Python warn that a child may wait for a thread which it does not have: the test is that none does."""
    warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
    warnings.filterwarnings("ignore", r"This process .* is multi-threaded", DeprecationWarning)


def pool(method: str) -> None:
    """Workers of `multiprocessing` resize numpy arrays when jax has run here, and so have threads of the kernels."""
    expect_warnings_of_fork()
    resize = jitted()
    with portresize.threads(2):
        assert all(is_right(i) for i in range(N_IMAGES))
    with multiprocessing.get_context(method).Pool(2) as workers:
        done = workers.map(work, range(N_IMAGES), chunksize=3)
        assert all(np.array_equal(result, pillows(picture(i))) for i, (result, _) in enumerate(done))
        if method != "fork":
            assert [names for _, names in done] == [[]] * N_IMAGES
            # The proof can fail.
            assert workers.map(loaded_with_jax, [0]) == [["jax"]]
    assert np.array_equal(resize(rgb(0)), pillows(rgb(0)))


def fork_while_busy() -> None:
    """Children are forked while another thread resizes arrays of jax, and resize numpy arrays."""
    expect_warnings_of_fork()
    resize = jitted()
    assert all(is_right(i) for i in range(6))
    x, expected = rgb(0), pillows(rgb(0))
    is_over = threading.Event()
    turns: list[bool] = []

    def act() -> None:
        while not is_over.is_set():
            turns.append(np.array_equal(resize(x), expected))

    busy = threading.Thread(target=act)
    busy.start()
    try:
        for _ in range(10):
            child = os.fork()
            if not child:
                with portresize.threads(2):
                    os._exit(0 if all(is_right(i) for i in range(6)) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        is_over.set()
        busy.join()
    assert turns
    assert all(turns)


def _spied() -> Any:
    """A transformation that tells what a worker of grain has loaded, where it runs, and on how many threads."""
    import grain

    from portresize._core.threads import number_of_threads

    class Spy(grain.transforms.Map):
        def map(self, element: dict[str, Any]) -> dict[str, Any]:
            names = "portresize._backends.jax" in sys.modules
            return element | {"jax backend": names, "worker": os.getpid(), "threads": number_of_threads()}

    return Spy()


def _elements() -> list[dict[str, Any]]:
    return [{"image": rgb(i), "label": i} for i in range(N_IMAGES)]


def _check(found: list[dict[str, Any]]) -> None:
    """All there, in order, and made by two workers with one thread each."""
    assert [element["label"] for element in found] == list(range(N_IMAGES))
    assert all(np.array_equal(element["image"], pillows(rgb(i))) for i, element in enumerate(found))
    assert not any(element["jax backend"] for element in found)
    assert {element["threads"] for element in found} == {1}
    assert len({element["worker"] for element in found} - {os.getpid()}) == 2


def _for_grain() -> Any:
    """Grain, which reads absl's flags even where nobody parses any."""
    import grain
    from absl import flags

    flags.FLAGS.mark_as_parsed()
    return grain


def prefetch() -> None:
    """Two workers of grain's `mp_prefetch`."""
    grain = _for_grain()
    from portresize.grain import Resize

    jitted()
    images = grain.MapDataset.source(_elements()).map(Resize(SIZE, dialect=DIALECT)).map(_spied())
    _check(list(images.to_iter_dataset().mp_prefetch(grain.MultiprocessingOptions(num_workers=2))))


def loader() -> None:
    """Two workers of grain's DataLoader."""
    grain = _for_grain()
    from portresize.grain import Resize

    sampler = grain.samplers.IndexSampler(N_IMAGES, grain.sharding.NoSharding(), shuffle=False, num_epochs=1)
    operations = [Resize(SIZE, dialect=DIALECT), _spied()]
    _check(list(grain.DataLoader(data_source=_elements(), sampler=sampler, operations=operations, worker_count=2)))


def error() -> None:
    """What a worker of grain cannot resize is an error here."""
    grain = _for_grain()
    from portresize.grain import Resize

    images = grain.MapDataset.source(_elements()).map(Resize(SIZE, keys=("picture",)))
    try:
        list(images.to_iter_dataset().mp_prefetch(grain.MultiprocessingOptions(num_workers=1)))
    except ValueError as caught:
        print(caught)


ACTS: dict[str, Callable[[], None]] = {
    "fork": lambda: pool("fork"),
    "spawn": lambda: pool("spawn"),
    "forkserver": lambda: pool("forkserver"),
    "fork while busy": fork_while_busy,
    "prefetch": prefetch,
    "loader": loader,
    "error": error,
}

if __name__ == "__main__":
    ACTS[sys.argv[1]]()
