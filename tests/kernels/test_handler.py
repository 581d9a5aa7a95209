"""What XLA calls: a recipe says all, whoever calls, how often, with how many images and on however many threads."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from portresize._core.report import assert_same
from portresize._core.spec import Spec
from portresize._kernels.llvm.host import host

if host().isa is None:
    pytest.skip(f"no kernels: {host().why}", allow_module_level=True)

from portresize._kernels import handler, pool
from portresize._kernels.handler import Handler
from portresize._kernels.llvm import engine, library, team
from portresize._kernels.llvm import handler as recipe_handler
from portresize._kernels.llvm import recipe as recipes
from portresize._kernels.llvm.address import FunctionAddress, Key
from portresize._kernels.llvm.handler import BOARD, JOB, LAUNCH
from portresize._kernels.llvm.ir import I64, PTR, Module
from portresize._kernels.llvm.isa import LEVELS as LEVELS_OF_ALL
from portresize._kernels.llvm.isa import Isa
from portresize._kernels.llvm.passes import FIELDS
from portresize._kernels.llvm.program import Program
from portresize._kernels.llvm.recipe import FUNCTIONS, RECIPE
from tests.kernels.frames import Frame, Made, Metadata, MetadataExtension, answer, is_error, made
from tests.kernels.programs import empty, expected

ROOT = Path(__file__).parents[2]
LEVELS = engine.levels()
RANDOM = np.random.default_rng(17)
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, protects pages or looks at memory as Linux does")
threaded = pytest.mark.skipif(pool.most() == 1, reason="the C library has no threads that sleep")


class Case(NamedTuple):
    """A request, and the shape of an image, with 0 for the number of images."""

    spec: Spec
    shape: tuple[int, ...]
    dtype: str = "uint8"

    def shape_of(self, number: int) -> tuple[int, ...]:
        return tuple(length or number for length in self.shape)

    def noise(self, number: int) -> np.ndarray:
        shape = self.shape_of(number)
        if self.dtype.startswith("float"):
            return RANDOM.normal(0.0, 100.0, shape).astype(self.dtype)
        limits = np.iinfo(self.dtype)
        return RANDOM.integers(limits.min, limits.max, shape, self.dtype, endpoint=True)

    @property
    def is_leading(self) -> bool:
        """Whether recipes for any number of images are the same."""
        return self.spec.layout.startswith("N")


def _spec(layout: str, mode: str, size: tuple[int, int] = (11, 17), resample: int = 1, **words: Any) -> Spec:
    return Spec(layout, mode, "pillow-13", size=size, resample=resample, **words)


CASES = {
    "RGB": Case(_spec("NHWC", "RGB"), (0, 37, 29, 3)),
    "RGB, height first": Case(_spec("NHWC", "RGB", (7, 50)), (0, 300, 20, 3)),
    "RGB, width first": Case(_spec("NHWC", "RGB", (50, 33)), (0, 20, 200, 3)),
    "RGB, height alone": Case(_spec("NHWC", "RGB", (20, 29)), (0, 37, 29, 3)),
    "RGB, width alone": Case(_spec("NHWC", "RGB", (37, 17)), (0, 37, 29, 3)),
    "L": Case(_spec("NHW", "L"), (0, 37, 29)),
    "L to one row": Case(_spec("NHW", "L", (1, 40)), (0, 37, 29)),
    "LA": Case(_spec("NHWC", "LA"), (0, 37, 29, 2)),
    "RGBA": Case(_spec("NHWC", "RGBA"), (0, 37, 29, 4)),
    "LAB": Case(_spec("NHWC", "LAB"), (0, 37, 29, 3)),
    "I;16": Case(_spec("NHW", "I;16"), (0, 37, 29), "uint16"),
    "I": Case(_spec("NHW", "I"), (0, 37, 29), "int32"),
    "F": Case(_spec("NHW", "F"), (0, 37, 29), "float32"),
    "float64": Case(_spec("NHW", "F"), (0, 37, 29), "float64"),
    "nearest": Case(_spec("NHWC", "RGB", (50, 33), 0), (0, 37, 29, 3)),
    "nearest in a box": Case(_spec("NHW", "I", (50, 33), 0, box=(2.5, 1.0, 20.0, 30.25)), (0, 37, 29), "int32"),
    "crop": Case(_spec("NHWC", "RGB", (30, 25), box=(2.0, 1.0, 27.0, 31.0)), (0, 37, 29, 3)),
    "copy": Case(_spec("NHWC", "RGB", (37, 29)), (0, 37, 29, 3)),
    "box": Case(_spec("NHWC", "RGB", box=(2.5, 1.0, 20.0, 30.25)), (0, 37, 29, 3)),
    "gap": Case(_spec("NHWC", "RGBA", (7, 5), reducing_gap=1.0), (0, 137, 129, 4)),
    "reduce": Case(Spec("NHWC", "RGB", "pillow-13", factor=(4, 3)), (0, 37, 29, 3)),
    "reduced floats": Case(Spec("NHW", "F", "pillow-13", factor=(4, 3)), (0, 37, 29), "float32"),
    "planes": Case(_spec("NCHW", "RGB"), (0, 3, 37, 29)),
    "planes with alpha": Case(_spec("NCHW", "RGBA"), (0, 4, 37, 29)),
    "two leading axes": Case(_spec("NTHWC", "RGB"), (0, 2, 37, 29, 3)),
    "images on both sides": Case(_spec("NHWTC", "RGB"), (0, 37, 29, 2, 3)),
    "many bands": Case(_spec("NHWC", "F"), (0, 37, 29, 7), "float32"),
    "one image": Case(_spec("HWC", "RGB"), (37, 29, 3)),
    "images behind": Case(_spec("HWNC", "RGB"), (37, 29, 0, 3)),
    "images last": Case(_spec("HWN", "F"), (37, 29, 0), "float32"),
    "bands first": Case(_spec("CHWN", "RGB"), (3, 37, 29, 0)),
}
NUMBERS = (1, 2, 3, 7, 64)
FEW = ["RGB", "RGBA", "F", "nearest", "gap", "planes", "images behind"]


@pytest.fixture(scope="module")
def ours() -> Handler:
    isa = host().isa
    assert isa is not None
    return handler.of(isa)


@pytest.fixture
def shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any image is large enough for threads."""
    monkeypatch.setattr(recipes, "WORTH_THREAD", 1)


def _made(by: Handler, case: Case, number: int, threads: int = 1) -> Made:
    return made(by, case.spec, case.shape_of(number), case.dtype, threads=threads)


def _shape(case: Case, result: Made, number: int) -> tuple[int, ...]:
    """Of the result for so many images, whatever the number that it was made for."""
    return tuple(n if length else number for n, length in zip(result.shape, case.shape, strict=True))


def _check(by: Handler, case: Case, number: int, result: Made) -> None:
    """Assert that a recipe gives what the numpy steps give, and leaves the source alone."""
    x = case.noise(number)
    before = x.copy()
    y = answer(by, result.recipe, x, empty(_shape(case, result, number), case.dtype))
    assert_same(y, expected(x, case.spec))
    assert_same(x, before)


# What it says of itself.


def test_it_says_for_which_version_it_is_written_and_does_nothing(ours: Handler) -> None:
    case = CASES["RGB"]
    result, x = _made(ours, case, 1), case.noise(1)
    y = empty(result.shape, case.dtype)
    before = y.copy()
    metadata = Metadata(struct_size=ctypes.sizeof(Metadata))
    metadata.api_version.struct_size = 24
    extension = MetadataExtension()
    extension.extension_base.struct_size, extension.extension_base.type = 32, 1
    extension.metadata = ctypes.pointer(metadata)
    frame = Frame(result.recipe, x, y, extension=extension)
    assert frame.call(ours.address) is None
    assert (metadata.api_version.major_version, metadata.api_version.minor_version) == handler.API == (0, 3)
    assert (metadata.struct_size, metadata.api_version.struct_size) == (ctypes.sizeof(Metadata), 24)
    assert (metadata.api_version.extension_start, metadata.traits, metadata.state_type_id) == (None, 0, 0)
    assert_same(y, before)
    # A frame that asks for it need have nothing else.
    frame.strip()
    metadata.api_version.minor_version = 0
    assert frame.call(ours.address) is None
    assert metadata.api_version.minor_version == 3


def test_it_ignores_what_else_is_asked(ours: Handler) -> None:
    case = CASES["RGB"]
    result, x = _made(ours, case, 1), case.noise(1)
    y = empty(result.shape, case.dtype)
    extension = MetadataExtension()
    extension.extension_base.struct_size, extension.extension_base.type = 32, 2
    assert Frame(result.recipe, x, y, extension=extension).call(ours.address) is None
    assert_same(y, expected(x, case.spec))


# Results.


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("shared_out")
def test_a_recipe_gives_the_same_bytes_for_any_number_of_images_and_threads(name: str, ours: Handler) -> None:
    case = CASES[name]
    for threads in (1, 2, 3, 8):
        # Made for other numbers than those that come, where these are not in it.
        results = {number: _made(ours, case, 5 if case.is_leading else number, threads) for number in NUMBERS}
        for number in NUMBERS if 0 in case.shape else [1]:
            _check(ours, case, number, results[number])


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].is_leading])
@pytest.mark.usefixtures("shared_out")
def test_no_image_is_nothing_to_do(name: str, ours: Handler) -> None:
    case = CASES[name]
    for threads in (1, 3):
        result = _made(ours, case, 5, threads)
        # The memory of an array without elements may be anywhere, or nowhere.
        shape = tuple(length if i else 0 for i, length in enumerate(case.shape_of(5)))
        y = empty((1, *result.shape[1:]), case.dtype)
        before = y.copy()
        answer(ours, result.recipe, np.empty(shape, case.dtype), y)
        assert_same(y, before)


@pytest.mark.parametrize("isa", LEVELS, ids=[isa.name for isa in LEVELS])
@pytest.mark.usefixtures("shared_out")
def test_every_level_has_its_own(isa: Isa) -> None:
    by = handler.of(isa)
    for name in FEW:
        case = CASES[name]
        for threads in (1, 3):
            _check(by, case, 4, _made(by, case, 4, threads))


def test_the_same_level_has_the_same_one() -> None:
    assert handler.of(LEVELS[-1]) is handler.of(LEVELS[-1])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("shared_out")
def test_arrays_may_begin_anywhere(name: str, ours: Handler) -> None:
    case = CASES[name]
    result, x = _made(ours, case, 2, 2), case.noise(2)
    source = empty((x.nbytes + 1,), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    source[...] = x
    size = int(np.prod(result.shape)) * x.itemsize
    memory = empty((size + 16,), np.uint8)
    answer(ours, result.recipe, source, memory[3 : 3 + size].view(x.dtype).reshape(result.shape))
    assert_same(memory[3 : 3 + size].view(x.dtype).reshape(result.shape), expected(x, case.spec))
    assert (memory[:3] == 0xA5).all()
    assert (memory[3 + size :] == 0xA5).all()


# How the work is cut.


class Launched:
    """Stands for `team.launch`: does all jobs, and keeps what they were told."""

    def __init__(self, by: Handler, recipe: np.ndarray) -> None:
        self._size = int(recipe[RECIPE.index("size")])
        self.jobs: list[dict[str, int]] = []
        self.rows: list[tuple[int, int]] = []
        self.boards: set[int] = set()
        self._launch = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)(self._act)
        address = ctypes.cast(self._launch, ctypes.c_void_p).value
        assert address is not None
        by._provided[BOARD // 8], by._provided[LAUNCH // 8] = 1, address

    @property
    def images(self) -> list[tuple[int, int]]:
        """The first and one past the last of each job."""
        return [(job["first"], job["stop"]) for job in self.jobs]

    def _act(self, board: int, count: int, jobs: int, each: int, *arrays: int) -> None:
        self.boards.add(board)
        for place in (ctypes.c_int64 * count).from_address(jobs):
            assert place % 64 == 0
            job = dict(zip(JOB, (ctypes.c_int64 * len(JOB)).from_address(place), strict=True))
            # What a job is told, then the memory of its run, and then the next one.
            assert job["block"] >= place + 8 * len(JOB)
            assert not self.jobs or place >= self.jobs[-1]["block"] + self._size
            self.jobs.append(job)
            block = (ctypes.c_int64 * len(FIELDS)).from_address(job["block"])
            self.rows.append((block[FIELDS.index("first_out")], block[FIELDS.index("stop_out")]))
            engine.KERNEL(each)(place, *arrays)


@pytest.fixture
def fresh() -> Handler:
    """One that no other test has touched."""
    return Handler(LEVELS[0])


@pytest.mark.parametrize(
    ("number", "threads", "parts"),
    [
        (1, 2, [(0, 1)] * 2),
        (1, 8, [(0, 1)] * 8),
        (2, 3, [(0, 2)] * 3),
        (7, 2, [(0, 7)] * 2),
        (11, 3, [(0, 11)] * 3),
        (2, 2, [(0, 1), (1, 2)]),
        (9, 3, [(0, 3), (3, 6), (6, 9)]),
        (8, 2, [(0, 4), (4, 8)]),
        (13, 3, [(0, 4), (4, 8), (8, 13)]),
        (0, 3, []),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
@pytest.mark.usefixtures("shared_out")
@threaded
def test_whole_images_go_round_or_else_rows_are_cut(
    fresh: Handler, number: int, threads: int, parts: list[tuple[int, int]]
) -> None:
    case = CASES["RGB"]
    result = _made(fresh, case, 5, threads)
    launched = Launched(fresh, result.recipe)
    if number:
        _check(fresh, case, number, result)
    else:
        answer(fresh, result.recipe, np.empty((0, 37, 29, 3), np.uint8), empty((1, 1), np.uint8))
    assert launched.images == parts
    cuts = [11 * i // threads for i in range(threads + 1)]
    assert launched.rows == (list(pairwise(cuts)) if len(set(parts)) < len(parts) else [(0, 11)] * len(parts))
    assert launched.boards == ({1} if parts else set())


@pytest.mark.usefixtures("shared_out")
@threaded
def test_no_part_is_without_rows(fresh: Handler) -> None:
    case = Case(_spec("NHW", "L", (3, 40)), (0, 37, 29))
    result = _made(fresh, case, 1, 8)
    launched = Launched(fresh, result.recipe)
    _check(fresh, case, 1, result)
    assert launched.rows == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.usefixtures("shared_out")
@threaded
def test_more_threads_than_rows_work_on_as_many_images(fresh: Handler) -> None:
    case = CASES["L to one row"]
    result = _made(fresh, case, 64, 8)
    launched = Launched(fresh, result.recipe)
    _check(fresh, case, 64, result)
    assert launched.images == [(8 * i, 8 * i + 8) for i in range(8)]
    launched.jobs.clear()
    _check(fresh, case, 3, result)
    assert launched.images == [(0, 1), (1, 2), (2, 3)]


@threaded
def test_small_images_stay_on_one_thread(fresh: Handler) -> None:
    case = CASES["RGB"]
    result = _made(fresh, case, 1, 8)
    launched = Launched(fresh, result.recipe)
    _check(fresh, case, 1, result)
    assert launched.jobs == []
    # 3,780 bytes each: 64 are worth one thread, and 80 two.
    _check(fresh, case, 64, result)
    assert launched.jobs == []
    _check(fresh, case, 80, result)
    assert launched.images == [(0, 40), (40, 80)]


# What a recipe is.


def _print_recipes(order: str) -> None:
    """In a child: recipes as numbers, made in that order."""
    by = handler.of(LEVELS[0])
    names = FEW if order == "forwards" else FEW[::-1]
    litter = [np.empty(1000 * i, np.uint8) for i in range(len(names))] if order == "backwards" else []
    found = {name: _made(by, CASES[name], 2, 3).recipe.tolist() for name in names}
    print([found[name] for name in FEW])
    del litter


def test_recipes_are_the_same_in_every_process() -> None:
    first, second = (_child(f"_print_recipes({order!r})") for order in ("forwards", "backwards"))
    assert len(first) > 10_000
    assert first == second


LARGE = {
    "RGB": Case(_spec("HWC", "RGB", (512, 512)), (2160, 3840, 3)),
    "F": Case(_spec("HW", "F", (512, 512)), (2160, 3840), "float32"),
    "nearest": Case(_spec("HWC", "RGB", (512, 512), 0), (2160, 3840, 3)),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_recipe_is_about_as_large_as_its_tables(name: str, ours: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def spy(program: Any, **words: Any) -> Any:
        kept.append(sum({table.ctypes.data: table.nbytes for table in program.tables()}.values()))
        return recipes.recipe(program, **words)

    monkeypatch.setattr(handler, "recipe", spy)
    result = _made(ours, LARGE[name], 1, 8)
    assert kept[0] < result.recipe.nbytes < kept[0] + 8192


def test_a_recipe_needs_those_functions_that_it_names(ours: Handler) -> None:
    numbers = _made(ours, CASES["planes with alpha"], 1, 2).recipe
    fields = dict(zip(RECIPE, numbers[: len(RECIPE)].tolist(), strict=True))
    first = fields["needed"] // 8
    needed = {FUNCTIONS[number] for number in numbers[first : first + fields["n_needed"]]}
    assert {key[0] for key in needed} == {"resize_HW", "gather", "scatter", "premultiply", "unpremultiply"}


# What this process lacks.


def test_a_function_that_this_process_lacks_is_an_error_and_nothing_is_written(ours: Handler, fresh: Handler) -> None:
    case = CASES["RGBA"]
    result, x = _made(ours, case, 2), case.noise(2)
    y = empty(result.shape, case.dtype)
    before = y.copy()
    for _ in range(2):
        frame = Frame(result.recipe, x, y)
        assert is_error(frame.call(fresh.address))
        assert frame.errors == [(9, "portresize: lower the call in this process before it is loaded")]
        assert_same(y, before)
        # Some of the functions are not all.
        _made(fresh, CASES["RGB"], 2)
    _made(fresh, case, 2)
    _check(fresh, case, 2, result)


def _without_a_board() -> None:
    """In a child: functions are there, but no thread has been asked for so far."""
    recipes.WORTH_THREAD = 1
    first, second, case = Handler(LEVELS[0]), Handler(LEVELS[0]), CASES["RGB"]
    result = _made(first, case, 3, 8)
    _made(second, case, 3, 1)
    for number in (1, 3, 64):
        _check(second, case, number, result)


@threaded
def test_a_process_without_threads_does_it_on_one() -> None:
    _child("_without_a_board()")


# Whoever calls.


@pytest.mark.usefixtures("shared_out")
def test_many_threads_call_at_the_same_time(ours: Handler) -> None:
    names = [name for name in CASES if CASES[name].is_leading]
    given = {name: (CASES[name].noise(3), _made(ours, CASES[name], 3, 1 + i % 4)) for i, name in enumerate(names)}
    wanted = {name: expected(x, CASES[name].spec) for name, (x, _) in given.items()}
    meet = threading.Barrier(8)

    def act(seed: int) -> list[str]:
        meet.wait()
        wrong = []
        for name in np.random.default_rng(seed).permutation(names * 3):
            x, result = given[name]
            y = answer(ours, result.recipe, x, empty(result.shape, x.dtype))
            if not np.array_equal(y, wanted[name]):
                wrong.append(name)
        return wrong

    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(act, range(8))) == [[]] * 8


@cache
def _modes() -> Any:
    """Functions that write down how this thread rounds, and that change it."""
    isa = LEVELS[0]
    module = Module(32 * isa.lanes)
    for name in ("save_floats", "restore_floats"):
        f = module.function(name, [PTR], exported=True)
        getattr(isa, name)(f, f.parameters[0])
    functions = engine.Library(str(module), isa)
    act = ctypes.CFUNCTYPE(None, ctypes.c_int64)
    return functions, act(functions.address("save_floats")), act(functions.address("restore_floats"))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.usefixtures("shared_out")
def test_subnormal_numbers_are_kept_where_the_caller_flushes_them(ours: Handler, threads: int) -> None:
    case, (_, save, restore) = CASES["F"], _modes()
    x = (case.noise(2) * 1e-41).astype(np.float32)
    wanted = expected(x, case.spec)
    assert (wanted != 0).mean() > 0.9
    assert abs(wanted).max() < np.finfo(np.float32).smallest_normal
    result = _made(ours, case, 2, threads)
    y = empty(result.shape, x.dtype)
    frame = Frame(result.recipe, x, y)
    before, flushing, after = (np.zeros(1, np.int64) for _ in range(3))

    def act() -> None:
        save(before.ctypes.data)
        # Flushed to 0, and towards 0: FTZ, DAZ and RC of MXCSR, or FZ and RMode of FPCR.
        flushing[0] = before[0] | (0xE040 if LEVELS[0].is_x86 else 3 << 22 | 1 << 24)
        restore(flushing.ctypes.data)
        frame.call(ours.address)
        save(after.ctypes.data)
        restore(before.ctypes.data)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert frame.errors == []
    assert_same(y, wanted)
    # What computing has left there of exceptions apart, which nobody reads.
    assert (after[0] ^ flushing[0]) & ~0x3F == 0
    assert flushing[0] != before[0]


def _memory() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@linux
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("shared_out")
def test_memory_is_given_back(ours: Handler, fresh: Handler, threads: int) -> None:
    case = Case(_spec("NHWC", "RGB", (5, 6)), (0, 9, 8, 3))
    result, x = _made(ours, case, 1, threads), case.noise(1)
    frame = Frame(result.recipe, x, empty(result.shape, case.dtype))

    def repeat(number: int) -> int:
        for _ in range(number):
            frame.call(ours.address)
            frame.call(fresh.address)
            frame.errors.clear()
        return _memory()

    before = repeat(1000)
    # A run takes some ten thousand bytes.
    assert repeat(20_000) - before < 2**22


# In a child.


def _child(code: str) -> str:
    """What this module prints when it does so in an interpreter of its own; what hangs has ended after a minute."""
    command = [sys.executable, "-c", f"from tests.kernels import test_handler; test_handler.{code}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    last = done.stdout.rstrip().rpartition("\n")[2][:200]
    assert done.returncode == 0, f"exit status {done.returncode}\n{last}\n{done.stderr}"
    return done.stdout


def _guarded(side: Literal["above", "below"]) -> None:
    """Resize between pages that must not be touched; the recipe lies between such pages too."""
    from tests.kernels.guarded import guarded

    recipes.WORTH_THREAD = 1
    by = handler.of(LEVELS[0])
    for name, case in CASES.items():
        for number, threads in ((1, 1), (1, 3), (3, 3), (4, 2)):
            print(name, number, threads, flush=True)
            result, x = _made(by, case, number, threads), case.noise(number)
            recipe, source = (guarded(array.shape, array.dtype, side=side) for array in (result.recipe, x))
            recipe[...], source[...] = result.recipe, x
            y = answer(by, recipe, source, guarded(result.shape, case.dtype, side=side))
            assert_same(y, expected(x, case.spec))


@linux
@pytest.mark.parametrize("side", ["above", "below"])
def test_nothing_beyond_the_arrays_and_the_recipe_is_touched(side: str) -> None:
    _child(f"_guarded({side!r})")


def _forked() -> None:
    """A forked child calls what its parent has loaded."""
    recipes.WORTH_THREAD = 1
    by, case = handler.of(LEVELS[0]), CASES["RGB"]
    result = _made(by, case, 1, 3)
    _check(by, case, 1, result)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # In the place of what the child has given back, if it has.
            others = [np.zeros(team.SIZE // 8 + 8, np.int64) for _ in range(1000)]
            for _ in range(100):
                _check(by, case, 1, result)
            assert not any(other.any() for other in others)
            _check(by, case, 1, _made(by, case, 1, 3))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    _check(by, case, 1, result)


@linux
@threaded
def test_a_forked_child_leaves_the_memory_of_others_alone() -> None:
    _child("_forked()")


def _at_once() -> None:
    """Two threads ask for the handler of a level that nobody has asked for."""
    sys.setswitchinterval(1e-6)
    meet = threading.Barrier(4)

    def act(_: int) -> int:
        meet.wait()
        return id(handler.of(LEVELS[-1]))

    with ThreadPoolExecutor(4) as executor:
        found = set(executor.map(act, range(4)))
    assert found == {id(handler.of(LEVELS[-1]))}


def test_threads_that_ask_at_once_get_the_same_one() -> None:
    _child("_at_once()")


# aarch64, on a processor in software. Of threads there are none: the functions of the C library that they meet with
# would have to be emulated too.


def _emulated(isa: Isa, monkeypatch: pytest.MonkeyPatch, case: Case, x: np.ndarray) -> np.ndarray:
    """The result of the handler for `isa`, whose thread flushes subnormal numbers, and still does after it."""
    from unicorn.arm64_const import UC_ARM64_REG_FPCR, UC_ARM64_REG_X0

    from tests.kernels.emulator import Aarch64

    processor, write = Aarch64(isa), library.write
    provided, memory = np.zeros(2 + len(FUNCTIONS), np.int64), empty((1 << 17,), np.int64)

    def written(isa: Isa, key: Key) -> Module:
        if key != ("handle",):
            return write(isa, key)
        module = recipe_handler.write(isa, provided.ctypes.data)
        # Of the C library there is what `handle` needs, once.
        for name in ("malloc", "free"):
            module._declared.pop(name)
        f = module.function("malloc", [I64], result=PTR)
        f.give(f.number(memory.ctypes.data).pointer())
        module.function("free", [PTR])
        return module

    def recipe(program: Program, **words: Any) -> np.ndarray:
        found = recipes.recipe(program, **words)
        for number, address in found.functions.items():
            provided[2 + number] = address
        return found.numbers

    monkeypatch.setattr(library, "write", written)
    monkeypatch.setattr(library, "address", lambda isa, key: FunctionAddress(processor.address(isa, key), key))
    by: Any = SimpleNamespace(isa=isa, recipe=recipe)
    result = _made(by, case, 5)
    frame = Frame(result.recipe, x, empty(_shape(case, result, len(x)), case.dtype))
    flushing = 1 << 24
    processor._processor.reg_write(UC_ARM64_REG_FPCR, flushing)
    handle = processor.address(isa, ("handle",))
    processor.run(handle, [frame.place], [*frame.memory[:-1], provided, memory])
    assert processor._processor.reg_read(UC_ARM64_REG_X0) == 0
    assert processor._processor.reg_read(UC_ARM64_REG_FPCR) == flushing
    return frame.memory[2]


@pytest.mark.parametrize("name", [name for name, isa in LEVELS_OF_ALL.items() if not isa.is_x86])
@pytest.mark.parametrize("case", ["RGB", "RGBA", "F", "nearest", "planes"])
def test_an_emulated_handler_gives_the_same(name: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("unicorn", reason="could not import 'unicorn': the dependency group emulator has it")
    x = CASES[case].noise(3)
    if x.dtype == np.float32:
        x = (x * 1e-41).astype(np.float32)
    wanted = expected(x, CASES[case].spec)
    assert_same(_emulated(LEVELS_OF_ALL[name], monkeypatch, CASES[case], x), wanted)
