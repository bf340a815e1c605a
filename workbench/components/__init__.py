"""Components: plain data in, what the person did out. They read no store, no session and no link."""
