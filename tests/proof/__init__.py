"""Proofs: what takes minutes and is therefore run by hand, in full, with `make proof`; its dated log is committed.

A proof is a module with a `__main__` part that exits with 0 if it holds; its last line of output is what the log keeps.
`make test` runs the same claims small. pytest does not collect this folder.
"""
