"""Benchmarks: `make bench` runs every module here and appends what it found to LOG.md.

A module has one function `measure() -> list[str]`: each line states a question and its answer. What is compared runs in
the same process, one after the other, and is given as a ratio against its slow, obvious twin or a peer, because
milliseconds of a shared machine mean little by themselves. Negative results are logged like any other. pytest does not
collect this folder.
"""
