"""Compiled mathematics against its peers: one Markdown table with bars and ratios.

Every row runs ours and the peers in this process, interleaved, on one thread; ratios are peer / ours of median CPU
seconds (and of wall seconds). ``python benchmarks/bench_math.py [--quick] [--only NAME]``
"""

from __future__ import annotations

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMEXPR_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is imported

import argparse  # noqa: E402
import warnings  # noqa: E402

from bench_math_cases import combinat, dynamics, exact, formulas, modlinalg, ode, primes  # noqa: E402
from bench_math_tools import Row, header, machine  # noqa: E402

from kernels.math import isa_level  # noqa: E402

SECTIONS = {
    "formulas": formulas.rows, "ode": ode.rows, "dynamics": dynamics.rows, "exact": exact.rows,
    "primes": primes.rows, "modlinalg": modlinalg.rows, "combinat": combinat.rows,
}  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and smaller slow peers")
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{machine()}; kernels.math runs {isa_level()}; CPU time of one thread\n")
    print(header())
    missed = 0
    for name, rows in SECTIONS.items():
        if options.only in (None, name):
            for row in rows(options.quick):
                missed += not print_row(row)
    print(f"\n{missed} bars missed" if missed else "\nall bars reached")


def print_row(row: Row) -> bool:
    """Print one row and say whether its bar is reached."""
    print(row.markdown(), flush=True)
    return row.passed


if __name__ == "__main__":
    main()
