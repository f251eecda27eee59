"""Cases of the benchmarks of compiled mathematics, one file per module."""
