"""One file = one place outside the store that is told how a run goes."""
