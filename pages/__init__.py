"""Pages: thin scripts that read the choices, ask one or two queries and draw."""
