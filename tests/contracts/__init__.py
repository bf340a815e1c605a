"""Every registered plugin against one list of checks, a file a plural room. A new plugin is checked by being there."""
