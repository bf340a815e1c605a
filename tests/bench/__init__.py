"""Benchmarks: `make bench` runs every module here and appends what it found to LOG.md.

A module has one function `measure() -> list[str]`: each line states a question and its answer. What is compared runs in
the same process, in turns, and is given as a ratio against its slow, obvious twin or a peer (`_harness.race` and
`row`), because milliseconds of a shared machine mean little by themselves; where the two do not find the same, the
benchmark fails. Rows are numbered C1 to C10 (CPU) and G0 to G10 (one GPU). On a machine that others use,
BENCH_CLOCK=cpu counts CPU seconds instead of the wall clock's. Negative results are logged like any other. pytest does
not collect this folder; tests/test_bench_rows.py runs the rows tiny.
"""
