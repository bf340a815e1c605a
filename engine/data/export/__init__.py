"""A labelled subset on its way out: rows in a profile, the card, the files, the contract, the hub."""
