"""The line under a chart: what a mark is, which way is better, the one trap; at most 40 words."""

from workbench.components.markup import escaped, show

MOST = 40
"""Words of the line at most: a test counts them."""


def how_to_read(words: str) -> str:
    """ "How to read this." and the words, as markup."""
    return f"<small><b>How to read this.</b> {escaped(words)}</small>"


def read_this(words: str) -> None:
    """The line, drawn."""
    show(how_to_read(words))
