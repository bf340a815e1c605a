"""A labelled subset as files that hold what they promise: one way for the app, the command line and notebooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data.answers import Subset
from engine.data.export.about import about_subset
from engine.data.export.contract import DryParse, Tick, contract, failed
from engine.data.export.files import files_of, write_files
from engine.data.export.make import Export, export
from engine.errors import DataError
from engine.store.database import Store
from engine.store.labelled import answers_given, asked_pairs, held_out_of, pairs_asked, salt_of
from engine.store.summaries import StudyDetail


def unsaid(sentence: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, eq=False)
class Checked:
    """What was made, its files (path below the folder → content), and every tick of the contract on them."""

    made: Export
    files: Mapping[str, bytes]
    ticks: Sequence[Tick]

    def refuse_failed(self) -> None:
        """DataError where a tick does not hold: such files are given to nobody."""
        if bad := failed(self.ticks):
            raise DataError(
                f"{len(bad)} of {len(self.ticks)} ticks do not hold, and nothing was written: "
                f"{bad[0].what}: {bad[0].finding}",
                "Mend what it says, or take another subset or profile.",
            )


def checked(
    store: Store,
    subset: Subset,
    form: Mapping[str, Any],
    verdict: Sequence[str],
    parser: DryParse | None = None,
    say: Callable[[str], None] = unsaid,
) -> Checked:
    """The files of a subset and the ticks on them.

    `form` has what `make.export` takes: profile, container, names, licence. `verdict` are the sentences of its card,
    `parser` gives rows to a trainer (left out: no tick of one), `say` hears how far it is.
    """
    say("reading the answers")
    pairs, about = asked_pairs(store, subset), about_subset(store, subset, verdict)
    made = export(pairs, subset, about=about, salt=salt_of(store), **form)
    say(f"writing {len(made.rows):,} rows")
    files = files_of(made)
    say("checking the files")
    beside = held_out_of(store, subset.study_id), pairs_asked(store, subset), answers_given(store, subset)
    return Checked(made, files, contract(made, files, *beside, parser))


def refuse_strategy(detail: StudyDetail, strategy: str | None) -> None:
    """DataError if the study has no such strategy."""
    there = [ref.name for ref in detail.summary.strategies]
    if strategy not in (None, *there):
        raise DataError(f"Study {detail.summary.name!r} has no strategy {strategy!r}.", f"It has: {', '.join(there)}.")


def refuse_full(out: Path) -> None:
    """DataError if the folder is there and holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already and not empty.", "Name a new folder; nothing is overwritten.")


def written(files: Mapping[str, bytes], out: Path) -> None:
    """Write them; DataError if the folder cannot be written."""
    try:
        write_files(files, out)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror}.", "Name another folder.") from error
