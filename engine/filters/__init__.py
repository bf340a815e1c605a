"""One file = one way to leave labels out of training after they were bought."""
