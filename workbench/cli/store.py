"""`workbench store …`: check a store, copy it while it is used, sweep it, bring its schema up to date."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.store.arriving import broken_off, sweep_imports
from engine.store.backup import backup as copy_to
from engine.store.check import Finding
from engine.store.check import check as look_through
from engine.store.database import HEAD, look_at, open_store, schema_of
from engine.store.files import megabytes
from engine.store.sweep import YOUNG_S, Rubbish, rubbish, sweep
from workbench.cli.terminal import MISTAKE, JsonOption, StoreOption, folder_of, opened, plainly, show, table

store = typer.Typer(help="Check, copy, sweep and upgrade a store.", no_args_is_help=True)


@store.command(epilog="Example: workbench store check --json")
@plainly
def check(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Find and explain every inconsistency; change nothing. Exit code 2 if there is an error."""
    folder = folder_of(store)
    found = look_through(folder, _say)
    _say("")
    show({"store": str(folder), "findings": [vars(f) for f in found]}, as_json, lambda: _explained(folder, found))
    if any(f.severity == "error" for f in found):
        raise typer.Exit(MISTAKE)


@store.command(epilog="Example: workbench store backup ../monday")
@plainly
def backup(
    out: Annotated[Path, typer.Argument(help="Folder of the copy; it must be new or empty.")],
    link: Annotated[
        bool,
        typer.Option(
            "--link/--copy",
            help="On the same disk give files a second name instead of a copy: quick, but damage to one is to both.",
        ),
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a store into a folder while workers write, and check the copy. The cache is left out."""
    where = opened(store)
    done = copy_to(where, out, _say, link=link)
    _say("")
    linked = (
        f"; {done.linked:,} of them are the store's own under a second name: damage to one is to both"
        if done.linked
        else ""
    )
    value = {**vars(done), "findings": [vars(f) for f in done.findings]}
    text = f"{done.folder}: the database and {done.files:,} files, {megabytes(done.bytes)}{linked}."
    show(value, as_json, lambda: f"{text}\n{_explained(done.folder, done.findings)}")
    if any(f.severity == "error" for f in done.findings):
        raise typer.Exit(MISTAKE)


@store.command(epilog="Example: workbench store gc --yes")
@plainly
def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Remove them without asking.")] = False,
    older_than: Annotated[
        float,
        typer.Option(min=0, help="Only files at least so many seconds old; younger ones may be about to be used."),
    ] = YOUNG_S,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files that nothing needs, and remove them if told to."""
    where = opened(store)
    found, imports = rubbish(where, older_than), broken_off(where)
    total = sum(item.bytes for item in found)
    if not as_json:
        print(_listed(found, total))
        if imports:
            print(f"Data sets whose import was broken off: {', '.join(imports)}.")
    ask = not yes and not as_json and sys.stdin.isatty()
    sure = bool(found or imports) and (yes or (ask and typer.confirm("Remove them?")))
    removed, taken_out = (sweep(where, found), sweep_imports(where)) if sure else ([], 0)
    freed = sum(item.bytes for item in removed)
    value = {"found": [vars(f) for f in found], "bytes": total, "removed": len(removed), "bytes_removed": freed,
             "broken_off_imports": imports, "imports_removed": taken_out}  # fmt: skip
    if as_json or found or imports:
        done = f"{len(removed):,} removed, {megabytes(freed)} freed."
        said = done if removed or taken_out else "Nothing was removed: say --yes."
        show(value, as_json, lambda: said)


@store.command(epilog="Example: workbench store upgrade --store ../old")
@plainly
def upgrade(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring the schema of a store up to date. Every command that opens a store does it too; this one says so."""
    folder = folder_of(store)
    old = look_at(folder)
    before = schema_of(old)
    old.engine.dispose()
    open_store(folder, create=False)
    changed = f"from schema {before} to {HEAD}" if before != HEAD else f"at schema {HEAD} already"
    value = {"store": str(folder), "before": before, "after": HEAD}
    show(value, as_json, lambda: f"{folder / 'workbench.db'}: {changed}.")


def _explained(folder: Path, found: list[Finding] | tuple[Finding, ...]) -> str:
    if not found:
        return f"{folder}: all is well."
    counts = {severity: sum(f.severity == severity for f in found) for severity in ("error", "warning", "note")}
    head = ", ".join(f"{n:,} {severity}{'s' if n > 1 else ''}" for severity, n in counts.items() if n)
    lines = [f"{f.severity}  {f.where}: {f.what}\n         {f.next_step}" for f in found]
    return "\n".join([f"{folder}: {head}.", *lines])


def _listed(found: list[Rubbish], total: int) -> str:
    if not found:
        return "There is nothing to sweep."
    rows = [[item.path, megabytes(item.bytes), f"{item.age_s / 3600:,.1f} h", item.why] for item in found]
    return f"{table(['file', 'size', 'age', 'why'], rows)}\n{len(found):,} files, {megabytes(total)}."


def _say(sentence: str) -> None:
    """Progress, where somebody sits at the terminal."""
    if sys.stderr.isatty():
        print(f"\033[K{sentence}\r", end="", file=sys.stderr, flush=True)
