"""`portresize explain`."""

from __future__ import annotations

import re

import pytest

from portresize._cli import main

EXPECTED = """\
2000x3000 -> 150x200 (height x width), mode RGBA (uint8, layout HWC), lanczos, reducing gap 2, dialect pillow-13

step  what it does                                                                           leaves  taps    tables  multiply-adds
----------------------------------------------------------------------------------------------------------------------------------
      the source                                                                          2000x3000
   1  premultiply by alpha                                                                2000x3000
   2  reduce: average blocks of 6x7                                                         334x429                     24,000,000
   3  pass along W: columns 0..429 -> 200; 22-bit weights, int32 sums, rounded to 8 bits    334x200    13  11.7 KiB      3,412,144
   4  pass along H: rows 0..334 -> 150; 22-bit weights, int32 sums, rounded to 8 bits       150x200    14   9.4 KiB      1,585,600
   5  unpremultiply by alpha                                                                150x200
----------------------------------------------------------------------------------------------------------------------------------
      all, for 4 bands                                                                                     21.1 KiB     28,997,744

This plan in Pillow 13.0; another in 7.0 to 12.3
TPU: premultiply by XLA; reduce by XLA; passes along W and H in one kernel; unpremultiply by XLA
"""  # noqa: E501  a table is as wide as it is


def test_the_plan_of_a_reduction_with_alpha(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "2000x3000", "150x200", "--mode", "RGBA", "--gap", "2", "--filter", "lanczos"]) == 0
    assert capsys.readouterr().out == EXPECTED


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["8x8", "8x8"], "   1  copy"),
        (["8x8", "4x5", "--box", "1,2,6,6"], "   1  crop to 4x5 at row 2, column 1"),
        (["8x8", "4x5", "--mode", "P"], "   1  take 4 nearest samples along H"),
        (["8x8", "4x5", "--mode", "I;16", "--dialect", "pillow-12.2"], "rounded to 16 bits, each byte clipped apart"),
        (["8x8", "4x5", "--mode", "I;16S"], "double sums, rounded to int16"),
        (["8x8", "4x5", "--mode", "I;32"], "Pillow has no mode for uint32: a rule of portresize"),
        (["8x8", "4x5", "--mode", "int64", "--filter", "nearest"], "Pillow has no mode for int64"),
        (["8x8", "4x5", "--mode", "LAB"], "   1  flip the top bit of bands 1, 2"),
        (["1000x99", "90x99"], "This plan in Pillow 7.0 to 13.0"),
        (["1000x9", "90x7"], "This plan in Pillow 12.2 to 13.0; another in 7.0 to 12.1"),
        (["80x80", "9x7", "--filter", "mks2013"], "This plan in Pillow 13.0; an error in 7.0 to 12.3"),
    ],
)
def test_other_plans(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *words]) == 0
    assert line in capsys.readouterr().out


def test_sizes_follow_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "64x47", "21x9"]) == 0
    leaves = [re.findall(r"\d+x\d+", line)[-1] for line in capsys.readouterr().out.splitlines() if "pass along" in line]
    assert leaves == ["64x9", "21x9"]
