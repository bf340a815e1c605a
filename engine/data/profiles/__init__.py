"""How labelled pairs are written down for trainers and tools, one file each."""
