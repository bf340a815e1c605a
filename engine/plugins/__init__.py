"""Plugins that a store keeps: a class of a notebook as text for workers, and as a description for everybody else."""
