"""The made world: facts, phrases, the writer with its dials, and the gold score. Standard library only."""
