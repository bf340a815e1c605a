"""What a notebook or a script holds in its hand: a study, its figures as tables, pairs to read, scores, files."""
