"""What all commands share: the store option, --json, and how an error is shown."""

import errno
import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from engine.api.markup import printable as printable
from engine.errors import EngineError
from engine.store.database import Store, open_store, usual_folder
from workbench.plain_json import without_nan

MISTAKE = 2
"""Exit code of anything a user can mend; usage errors have it too."""

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
OF_A_PLACE = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EROFS, errno.ENOSPC,
     errno.ENAMETOOLONG, errno.EXDEV}
)  # fmt: skip
"""What the system says of a place that a person named; anything else is a fault of the program."""

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store. Default: $WORKBENCH_STORE, else ./.store.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

P = ParamSpec("P")
R = TypeVar("R")


def folder_of(store: Path | None) -> Path:
    """The store's folder."""
    return usual_folder(store)


def opened(store: Path | None, create: bool = False) -> Store:
    """The open store."""
    return open_store(folder_of(store), create=create)


def known(store: Path | None) -> None:
    """Get to know the plugins that the store keeps, if there is one there."""
    if (folder_of(store) / "workbench.db").exists():
        opened(store)


def plainly(command: Callable[P, R]) -> Callable[P, R]:
    """An error that a user can mend is printed as its sentence and ends with code 2, without a trace."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EngineError as error:
            print(error.what, file=sys.stderr)
            if error.next_step:
                print(error.next_step, file=sys.stderr)
            raise typer.Exit(MISTAKE) from error
        except OSError as error:
            if error.filename is None or error.errno not in OF_A_PLACE:
                raise
            print(f"{error.filename}: {error.strerror}.", file=sys.stderr)
            print("Name another place, or mend this one.", file=sys.stderr)
            raise typer.Exit(MISTAKE) from error
        except KeyboardInterrupt as error:
            print("Stopped by Ctrl-C; what was finished is kept.", file=sys.stderr)
            raise typer.Exit(STOPPED) from error

    return run


def show(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print JSON, or text for people."""
    print(json.dumps(without_nan(value), ensure_ascii=False, indent=2, default=str, allow_nan=False)
          if as_json else text())  # fmt: skip


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [
        [f"{c:,.3f}" if isinstance(c, float) else f"{c:,}" if isinstance(c, int) else printable(str(c)) for c in r]
        for r in rows
    ]
    widths = [max(len(h), *(len(r[i]) for r in cells)) if cells else len(h) for i, h in enumerate(head)]
    right = [all(isinstance(r[i], int | float) for r in rows) and bool(rows) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        parts = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        return "  ".join(parts).rstrip()

    return "\n".join([line(head), line(["-" * w for w in widths]), *(line(r) for r in cells)])
