"""The stylesheet as one text: `style.css` and a class a strategy slot, from the same palette as the charts."""

from functools import cache
from pathlib import Path

from workbench.charts.palette import DARK, LIGHT, Mode


@cache
def stylesheet() -> str:
    """A `<style>` element for `st.html`; `.slot-0` … `.slot-9` fill a mark with the strategy's colour, `.ring` only its
    edge and `.half` its left half, where a colour comes again."""
    css = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    slots = [
        f".pw .slot-{n} {{ --slot: light-dark({light}, {dark}); background: var(--slot) !important; }}"
        for n, (light, dark) in enumerate(zip(LIGHT, DARK, strict=True))
    ]
    slots += [
        ".pw .ring { background: transparent !important; box-shadow: inset 0 0 0 2.5px var(--slot); }",
        ".pw .half { background: linear-gradient(90deg, var(--slot) 50%, transparent 50%) !important; "
        "box-shadow: inset 0 0 0 1.5px var(--slot); }",
    ]
    return "<style>" + "\n".join([css, *slots]) + "</style>"


def dialog_style(mode: Mode) -> str:
    """A dialog lies outside the page's frame, which is what tells our colours whether it is light or dark."""
    return f"<style>[data-testid=stDialog] {{ color-scheme: {mode}; }}</style>"
