#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox>=2025.10.14"]
# ///

"""Every check of the project; `nox -l` lists them, `nox` runs those marked with a star.

Only nox and Python 3.11 have to be there; each session makes its own environment, and keeps it for the next run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
# pip, not uv: a package index that offers torch as 2.13.0 and 2.13.0+cpu gives pip the small one and uv the large one.
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
# A session that could not start did not pass.
nox.options.error_on_missing_interpreters = True

PROJECT = nox.project.load_toml("pyproject.toml")

# The oldest Python supported, and the only one for which every Pillow from 9.5 to 13 has wheels.
PYTHON = "3.11"

# The two reference Pillows. 13 changed the order of the passes, 12.3 is the last before it.
PILLOW = "pillow==13.0.0"
PILLOW_12 = "pillow==12.3.0"
# The last Python for which Pillow 7 has wheels; portresize itself does not run on it.
OLD_PYTHON = "3.8"
# The last release of every minor version before those two, with a Python for which it has wheels.
PILLOW_OLD = dict.fromkeys(["7.0.0", "7.1.2", "7.2.0", "8.0.1", "8.1.2", "8.2.0", "8.3.2", "8.4.0"], OLD_PYTHON)
PILLOW_OLD |= dict.fromkeys(["9.0.1", "9.1.1", "9.2.0", "9.3.0", "9.4.0"], OLD_PYTHON)
PILLOW_OLD |= dict.fromkeys(["9.5.0", "10.0.1", "10.1.0", "10.2.0", "10.3.0", "10.4.0"], PYTHON)
PILLOW_OLD |= dict.fromkeys(["11.0.0", "11.1.0", "11.2.1", "11.3.0", "12.0.0", "12.1.1", "12.2.0"], PYTHON)
# Those of which golden files are kept: the last with each row of rules in the dialect table.
PILLOW_GOLDEN = ["7.0.0", "7.1.2", "8.1.2", "8.2.0", "9.2.0", "9.5.0", "10.4.0", "11.3.0", "12.1.1", "12.2.0"]

TORCH = "torch==2.13.0"
# That of this torch's builds for CUDA.
TRITON = "triton==3.7.1"
JAX = "jax==0.10.2"
# What a serialized program of jax is made of, and what keeps pipelines.
JAX_TOOLS = ["flatbuffers>=24", "grain==0.2.18"]
# What adapters are for, and what reads ONNX; the gate of machine code needs threadpoolctl.
ONNX = ["onnx==1.23.2", "onnxscript==0.7.2", "onnxruntime==1.32.0"]
TORCH_TOOLS = [TRITON, "threadpoolctl>=3.5", "transformers==5.23.0", *ONNX]
# Without what it asks for: its builds for CUDA are the only ones, and the tests stand in for what they lack.
TORCHVISION = "torchvision==0.28.0"
# Each brings the llvmlite that it was built for: 0.45, the oldest supported, and 0.50.
NUMBA = ["numba==0.62.1", "numba==0.68.1"]

# glibc fills with the complement of this byte what it hands out, and with the byte what it takes back: a sample that no
# kernel writes is then not 0 by chance. It reads this when a process starts. macOS and musl have nothing like it.
POISON = {"MALLOC_PERTURB_": "165"}


def _pytest(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run pytest where new memory holds junk."""
    session.run("pytest", *arguments, env=POISON | (env or {}))


def _group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, name)


def _install_torch_and_jax(session: nox.Session) -> None:
    # torch by itself and first: resolved together with others, pip may go for another build.
    session.install(TORCH)
    session.install(JAX)


def _install_everything(session: nox.Session) -> None:
    """Install portresize with its kernels, every library and adapter, and what their tests need."""
    _install_torch_and_jax(session)
    session.install("--no-deps", TORCHVISION)
    tools = [*JAX_TOOLS, *TORCH_TOOLS]
    session.install("-e.[compare,cpu]", *_group("test"), *_group("emulator"), PILLOW, TORCH, JAX, *tools)


@nox.session(python=PYTHON, default=True)
def lint(session: nox.Session) -> None:
    """Style, layout, spelling, and the rules for a scientific Python repository."""
    session.install(*_group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("zizmor", "--offline", "--quiet", ".github")
    session.run("sp-repo-review", ".")


@nox.session(python=PYTHON, default=True)
def typing(session: nox.Session) -> None:
    """Types: mypy, strict, over the package, the tests, the benchmarks and this file."""
    session.install("-e.", *_group("typing"))
    session.run("mypy", *session.posargs)


@nox.session(name="pillow-12", python=PYTHON, default=True)
def pillow_12(session: nox.Session) -> None:
    """Tests against Pillow 12.3, the last before 13, with numpy, jax and array-api-strict; torch meets `tests` only."""
    session.install("-e.[compare,cpu]", *_group("test"), PILLOW_12, JAX)
    # All that asks Pillow.
    asking = ["tests/conformance", "tests/property", "tests/golden", "tests/core", "tests/cli"]
    asking += ["tests/backends/test_alpha.py"]
    _pytest(session, *(session.posargs or asking))


@nox.session(python=PYTHON, default=True)
def tests(session: nox.Session) -> None:
    """Tests against Pillow 13 with every library, the kernels for aarch64 in an emulator, and all examples."""
    _install_everything(session)
    everything = ["tests", "portresize", "README.md", "docs"]
    _pytest(session, "--doctest-modules", "--doctest-glob=*.md", *(session.posargs or everything))


@nox.session(python=PYTHON, default=False)
def coverage(session: nox.Session) -> None:
    """Branch coverage of `portresize` by the tests of `tests`, which fails below what pyproject.toml asks for."""
    _install_everything(session)
    _pytest(session, "--cov", "--cov-report=", *(session.posargs or ["--doctest-modules", "tests", "portresize"]))
    session.run("coverage", "report")


@nox.session(name="property", python=PYTHON, default=False)
@nox.parametrize("pillow", [PILLOW, PILLOW_12], ids=["13", "12"])
def property_(session: nox.Session, pillow: str) -> None:
    """Random requests against each Pillow, 20,000 or as many as PORTRESIZE_CASES says; what it counts is kept."""
    _install_torch_and_jax(session)
    session.install("-e.[compare,cpu]", *_group("test"), pillow, TORCH, JAX)
    env = {
        "PORTRESIZE_CASES": os.environ.get("PORTRESIZE_CASES", "20000"),
        "PORTRESIZE_REPORT": f"benchmarks/results/property-{pillow.partition('==')[2]}.json",
    }
    _pytest(session, "tests/property", *session.posargs, env=env)


@nox.session(python=PYTHON, default=False)
@nox.parametrize("numba", NUMBA, ids=["oldest", "newest"])
def llvmlite(session: nox.Session, numba: str) -> None:
    """Tests of the kernels on the oldest and the newest llvmlite, in one process with the numba that brings it."""
    _install_torch_and_jax(session)
    session.install("-e.[compare,cpu]", *_group("test"), PILLOW, TORCH, JAX, numba)
    _pytest(session, *(session.posargs or ["tests/kernels", "tests/conformance", "tests/backends"]))


@nox.session(python=["3.12", "3.13", "3.14"], default=False)
def newer(session: nox.Session) -> None:
    """Tests on the newer Pythons, with the newest Pillow, numpy and llvmlite, and without torch and jax."""
    session.install("-e.[compare,cpu]", *_group("test"))
    _pytest(session, *session.posargs)


@nox.session(name="jax", python=[PYTHON, "3.12", "3.13"], default=False)
def jax_(session: nox.Session) -> None:
    """Tests of jax alone: 0.10 on Python 3.11, which `tests` has too, and the newest, which needs a newer Python."""
    session.install("-e.[compare,cpu,jax]", *_group("test"), *([JAX] if session.python == PYTHON else []), *JAX_TOOLS)
    _pytest(session, *(session.posargs or ["tests/backends", "tests/conformance", "tests/kernels", "tests/pipelines"]))


@nox.session(python=PYTHON, default=False)
def minimums(session: nox.Session) -> None:
    """Tests on the oldest numpy and array-api-compat that pyproject.toml allows, and without the kernels."""
    oldest = [floor.replace(">=", "==") for floor in PROJECT["project"]["dependencies"]]
    session.install("-e.[compare]", *_group("test"), PILLOW, *oldest)
    _pytest(session, *session.posargs)


@nox.session(name="property-old", python=PYTHON, default=False)
def property_old(session: nox.Session) -> None:
    """Random requests against every old Pillow, 20,000 or as many as PORTRESIZE_CASES says; what it counts is kept."""
    session.install("-e.[compare,cpu]", *_group("test"), PILLOW)
    found = {pillow: _old_pillow(session, pillow) for pillow in PILLOW_OLD}
    missing = [pillow for pillow, python in found.items() if python is None]
    if missing:
        session.warn(f"not compared, for want of Python {OLD_PYTHON}: Pillow {', '.join(missing)}")
    env = {
        "PORTRESIZE_PILLOWS": os.pathsep.join(python for python in found.values() if python),
        "PORTRESIZE_CASES": os.environ.get("PORTRESIZE_CASES", "20000"),
        "PORTRESIZE_REPORT": "benchmarks/results/property-old.json",
    }
    _pytest(session, "tests/property/test_old_pillows.py", *session.posargs, env=env)


@nox.session(python=PYTHON, default=False)
@nox.parametrize("pillow", PILLOW_GOLDEN, ids=PILLOW_GOLDEN)
def golden(session: nox.Session, pillow: str) -> None:
    """Write tests/golden anew, with the Pillow whose results it keeps."""
    python = _old_pillow(session, pillow)
    if python is None:
        session.skip(
            f"Pillow {pillow} needs Python {PILLOW_OLD[pillow]}, which is not installed: its file stays as it is"
        )
    session.run(python, "-m", "tests.golden.make", *session.posargs, external=True)


@nox.session(python=PYTHON, default=False)
def mutants(session: nox.Session) -> None:
    """Change the code a little in many places, each of which a test has to notice; a sample of 20 minutes."""
    session.install("-e.[compare,cpu]", *_group("test"), PILLOW, "cosmic-ray==8.7.0")
    folder = str(Path(session.create_tmp()) / "copy")
    session.run("python", "-m", "tests.mutants.run", "--folder", folder, *session.posargs)


def _old_pillow(session: nox.Session, pillow: str) -> str | None:
    """Return the interpreter of an environment with an old Pillow and numpy, or None without a Python for it."""
    base = f"python{PILLOW_OLD[pillow]}"
    # pyenv's stand-ins are there for every version, and fail for those that are switched off.
    if not shutil.which(base) or subprocess.run([base, "--version"], capture_output=True, check=False).returncode:
        return None
    folder = Path(session.cache_dir) / f"pillow-{pillow}"
    python = str(folder / "bin" / "python")
    if not Path(python).exists():
        session.run(base, "-m", "venv", str(folder), external=True)
    session.run(python, "-m", "pip", "install", "--quiet", "numpy", f"pillow=={pillow}", external=True)
    return python


@nox.session(python=PYTHON, default=False)
def bench(session: nox.Session) -> None:
    """Time `resize` beside Pillow, torch and others on this machine, and write the figures to benchmarks/results."""
    _install_torch_and_jax(session)
    session.install("-e.[compare,cpu]", *_group("bench"), PILLOW, TORCH, JAX)
    arguments = session.posargs or ["--out", "benchmarks/results/cpu.json"]
    session.run("python", "benchmarks/speed.py", *arguments, "--pillow-simd", _pillow_simd(session))


@nox.session(name="bench-grid", python=PYTHON, default=False)
def bench_grid(session: nox.Session) -> None:
    """Time every mode, filter, verb and size beside Pillow on one thread, print the slowest, and write the figures."""
    session.install("-e.[compare,cpu]", *_group("bench"), PILLOW)
    arguments = session.posargs or ["--out", "benchmarks/results/grid.json"]
    session.run("python", "benchmarks/grid.py", *arguments, env={"PORTRESIZE_NUM_THREADS": "1"})


@nox.session(python=PYTHON, default=False)
def guard(session: nox.Session) -> None:
    """Run kernels on random arrays between pages that must not be touched: 50,000, or `-- COUNT SEED LEVEL`."""
    session.install("-e.[cpu]", *_group("test"))
    session.run("python", "-m", "tests.kernels.campaign", *(session.posargs or ["50000", "1"]), env=POISON)


@nox.session(python=PYTHON, default=False)
def hostile(session: nox.Session) -> None:
    """Call every verb and adapter with hostile arguments: 100,000 calls of a random seed, or `-- COUNT SEED FIRST`."""
    _install_everything(session)
    session.run("python", "-m", "tests.hostile.campaign", *session.posargs, env=POISON)


@nox.session(python=PYTHON, default=False)
def memcheck(session: nox.Session) -> None:
    """Run kernels under valgrind's memcheck: 100 random requests, or `-- COUNT SEED`; valgrind must be on the PATH."""
    if shutil.which("valgrind") is None:
        session.error("valgrind is not on the PATH; install it with `apt-get install valgrind`, or as your system does")
    session.install("-e.[cpu]", *_group("test"))
    # What Python and numpy do by themselves is not reported, nor does it count.
    log = Path(session.create_tmp()) / "memcheck.log"
    tool = ["valgrind", "--tool=memcheck", "--num-callers=12", f"--log-file={log}"]
    python = Path(session.bin) / "python"
    arguments = session.posargs or ["100", "0"]
    env = {"PYTHONMALLOC": "malloc", "OPENBLAS_NUM_THREADS": "1"}
    session.run(*tool, str(python), "-m", "tests.kernels.memcheck", *arguments, env=env, external=True)


@nox.session(name="bench-jax", python=PYTHON, default=False)
def bench_jax(session: nox.Session) -> None:
    """Time `resize` under jax.jit on the CPU, and write the figures to benchmarks/results."""
    session.install("-e.[compare,cpu]", *_group("bench"), PILLOW, JAX)
    session.run("python", "benchmarks/jax_cpu.py", *(session.posargs or ["--out", "benchmarks/results/jax.json"]))


@nox.session(name="bench-torch", python=PYTHON, default=False)
def bench_torch(session: nox.Session) -> None:
    """Time `resize` on CPU tensors of torch, and write the figures to benchmarks/results."""
    session.install(TORCH)
    session.install("-e.[compare,cpu]", *_group("bench"), PILLOW, TORCH)
    session.run("python", "benchmarks/torch_cpu.py", *(session.posargs or ["--out", "benchmarks/results/torch.json"]))


@nox.session(name="bench-numpy", python=PYTHON, default=False)
def bench_numpy(session: nox.Session) -> None:
    """Time the numpy steps beside Pillow's on this machine, and write the figures to benchmarks/results."""
    session.install("-e.[compare]", *_group("bench"), PILLOW)
    session.run("python", "benchmarks/numpy_steps.py", *(session.posargs or ["--out", "benchmarks/results/numpy.json"]))


@nox.session(python=PYTHON, default=False)
def skew(session: nox.Session) -> None:
    """Train on Pillow's pixels, predict from those of others, and write what changes to benchmarks/results."""
    _install_torch_and_jax(session)
    session.install("-e.[compare,cpu]", *_group("bench"), PILLOW, TORCH, JAX)
    session.run("python", "benchmarks/skew.py", *(session.posargs or ["--out", "benchmarks/results/skew.json"]))


@nox.session(python=PYTHON, default=False)
def tpu(session: nox.Session) -> None:
    """Compile for TPUs where there are none, and write what the kernels cost there to benchmarks/results."""
    session.install(JAX, "libtpu==0.0.42.1")
    session.install("-e.[compare]", *_group("test"), *_group("bench"), PILLOW, JAX)
    _pytest(session, "tests/backends/test_tpu.py", "tests/kernels/test_pallas.py")
    session.run("python", "benchmarks/tpu.py", *(session.posargs or ["--out", "benchmarks/results/tpu.json"]))


@nox.session(python=PYTHON, default=False)
def triton(session: nox.Session) -> None:
    """Compile for NVIDIA GPUs where there are none, and write what the kernels cost there to benchmarks/results."""
    session.install(TORCH)
    session.install("-e.[compare]", *_group("test"), *_group("bench"), PILLOW, TORCH, TRITON)
    session.run(
        "python", "-m", "benchmarks.triton_aot", *(session.posargs or ["--out", "benchmarks/results/triton.json"])
    )
    _pytest(session, "tests/kernels/test_triton_aot.py", "tests/kernels/test_stream.py")


def _pillow_simd(session: nox.Session) -> str:
    """The interpreter of an environment with pillow-simd, which cannot live beside Pillow: both are imported as PIL.

    It is built with the C compiler and the headers of libjpeg and zlib; without them the benchmark leaves it out.
    """
    folder = Path(session.create_tmp()) / "pillow-simd"
    python = str(folder / "bin" / "python")
    session.run("python", "-m", "venv", str(folder))
    # Not from pip's cache, which does not know what a wheel was compiled with.
    install = ["pip", "install", "--no-cache-dir", "numpy", "pillow-simd==12.1.1.post0"]
    session.run(python, "-m", *install, env={"CC": "cc -mavx2"}, external=True, success_codes=[0, 1])
    return python


@nox.session(python=PYTHON, default=False)
def compare(session: nox.Session) -> None:
    """Draw compare.png: one picture resized by Pillow, by torch and by portresize."""
    session.install(TORCH)
    session.install("-e.[compare]", PILLOW, TORCH)
    session.run("portresize", "compare", *session.posargs)


if __name__ == "__main__":
    nox.main()
