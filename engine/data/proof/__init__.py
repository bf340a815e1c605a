"""What one should know of a data file before it is used: one short file a check, and the report of all of them."""
