"""`workbench strategy trust`, and the source of a strategy that the store keeps."""

from typing import Annotated

import typer

from engine.errors import StoreError
from engine.plugins.trust import trust as trust_source
from engine.plugins.trust import trusted
from engine.store.database import Store
from engine.store.plugins import Kept, all_kept
from engine.strategies.base import STRATEGIES
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show

Version = Annotated[str | None, typer.Option(help="Which version; by default the one saved last.")]


@plainly
def trust(name: str, version: Version = None, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Let this user's workers run a strategy that came with a store: code that somebody else may have written.

    Read it first: `workbench strategy show NAME --source`. A trusted source is trusted in every store, by its checksum;
    a changed one must be trusted anew. What `engine.save_plugin` saved as this user is trusted already.
    """
    found = kept(opened(store), name, version)
    if not found.whole:
        raise StoreError(
            f"The kept source of {found.words()} is not the one that was saved: its checksum differs.",
            "Nothing was trusted. Get the store, or the strategy, again.",
        )
    before = trusted(found.sha256)
    trust_source(found.sha256, found.room, found.name)
    value = {"name": found.name, "version": found.version, "sha256": found.sha256, "before": before}
    words = "was trusted already" if before else "is trusted from now on; retry the runs that waited for it"
    show(value, as_json, lambda: f"{found.words().capitalize()}, {words}.")


def kept(store: Store, name: str, version: str | None = None) -> Kept:
    """A version of a strategy that the store keeps; StoreError if it keeps none."""
    of_name = [one for one in all_kept(store) if (one.room, one.name) == (STRATEGIES.room, name)]
    found = [one for one in of_name if version in (None, one.version)]
    if not found:
        known = ", ".join(f"{one.name} {one.version}" for one in all_kept(store)) or "none"
        what = name if version is None else f"{name} {version}"
        raise StoreError(f"The store keeps no strategy {what!r}.", f"It keeps: {known}.")
    return found[-1]


def source_lines(found: Kept) -> str:
    """The source for a terminal: what could steer it is spelled out."""
    return "\n".join(printable(line) for line in found.source.splitlines())
