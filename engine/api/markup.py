"""HTML for a notebook's output: every text escaped, nothing fetched, no formula made of what somebody wrote."""

import html

_QUIET = "tex2jax_ignore mathjax_ignore"  # Jupyter would draw "$…$" of a foreign text as a formula


def escaped(text: object) -> str:
    """The text for use between tags and in quoted attributes."""
    return html.escape(str(text), quote=True)


def foreign(text: object) -> str:
    """A text of the data: isolated, so that its reading direction ends where it ends."""
    return f"<bdi>{escaped(text)}</bdi>"


def block(markup: str) -> str:
    """Escaped markup as one output, in the notebook's own colours."""
    return f'<div class="{_QUIET}">{markup}</div>'


def printable(text: str) -> str:
    """Foreign text for a terminal: control characters, which could move its cursor or recolour it, are spelled out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
