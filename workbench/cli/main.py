"""The root of the command line, and the commands that are no noun of their own."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.strategies.base import STRATEGIES, find
from workbench.cli.data import data
from workbench.cli.export import export
from workbench.cli.plugins import kept as kept_in
from workbench.cli.plugins import source_lines, trust
from workbench.cli.run import run
from workbench.cli.score import score
from workbench.cli.store import store as store_commands
from workbench.cli.study import study
from workbench.cli.terminal import (
    MISTAKE,
    JsonOption,
    StoreOption,
    folder_of,
    known,
    opened,
    plainly,
    printable,
    show,
    table,
)
from workbench.cli.worth import label
from workbench.plugin_words import NOTHING_PUBLISHED, as_published, kept_words

app = typer.Typer(
    name="workbench",
    help="Active preference learning with DPO: pick pairs worth a label, label, train, prove whether it helped.\n\n"
    "Exit codes: 0 done, 1 a fault of the program, 2 a mistake that a sentence explains, 130 stopped by Ctrl-C "
    "(app and worker end with 0 then). `study run` ends with 2 where the study failed, `store check` where it found an "
    "error, `doctor` where something needed is missing; `run replay` ends with 1 where the picks differ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
MARKS = {"good": "ok  ", "warn": "note", "bad": "BAD "}
strategy = typer.Typer(help="The acquisition strategies.", no_args_is_help=True)
app.add_typer(study, name="study")
app.add_typer(data, name="data")
app.add_typer(strategy, name="strategy")
app.add_typer(run, name="run")
app.add_typer(label, name="label")
app.add_typer(store_commands, name="store")

app.command(epilog="Example: workbench export s1a2b3c4d5 --strategy activedpo --out subset/")(export)
strategy.command("trust", epilog="Example: workbench strategy trust uneven")(trust)
strategy.command("score", epilog="Example: workbench strategy score random activedpo --study s1a2b3c4d5")(score)


@strategy.command("list", epilog="Example: workbench strategy list")
@plainly
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All strategies with the signals they need, those that the store keeps among them."""
    known(store)
    rows = [[s.name, s.heading(), ", ".join(sorted(s.needs)) or "none", s.source, kept_words(s)] for s in STRATEGIES]
    head = ["name", "title", "needs", "source", "kept"]
    wide = len(head) if any(row[-1] for row in rows) else len(head) - 1  # most stores keep none
    value = [dict(zip(head, row, strict=True)) for row in rows]
    show(value, as_json, lambda: table(head[:wide], [row[:wide] for row in rows]))


@strategy.command("show", epilog="Example: workbench strategy show activedpo")
@plainly
def show_(
    name: str,
    source: Annotated[bool, typer.Option("--source", help="Print the source that the store keeps.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """A strategy's idea, formula, source, cost, open points and parameters; by its name or another it goes by."""
    import inspect

    known(store)
    if source:
        kept = kept_in(opened(store), name)
        show({"version": kept.version, "source": kept.source}, as_json, lambda: source_lines(kept))
        return
    found = find(name)
    fields = found.model_json_schema()["properties"] if found.model_fields else {}
    value = {
        "name": found.name,
        "title": found.heading(),
        "idea": inspect.getdoc(found),
        "formula": found.formula,
        "source": found.source,
        "needs": sorted(found.needs),
        "cost": found.cost,
        "aliases": list(found.aliases),
        "control": found.control,
        "learns": found.learns,
        "open_points": found.open_points,
        "published": dict(found.published),
        "published_with": {switch: dict(own) for switch, own in found.published_with.items()},
        "ties_at_reference": found.ties_at_reference,
        "parameters": fields,
        "kept": kept_words(found),
    }

    def text() -> str:
        lines = [found.heading(), "", value["idea"], "", f"formula  {found.formula}", f"source   {found.source}"]
        lines += [f"needs    {', '.join(sorted(found.needs)) or 'no signal'}"]
        lines += [f"cost     {found.cost}"] if found.cost else []
        lines += [f"also     {'; '.join(found.aliases) or 'no other name in use'}"]
        lines += [f"control  {found.control}"] if found.control else []
        lines += [f"kept     {value['kept']}"] if value["kept"] else []
        lines += [f"open     {found.open_points}"] if found.open_points else []
        preset = as_published(found)
        lines += ["", "as published" if preset else f"as published  {NOTHING_PUBLISHED}"]
        lines += [f"  {field}: {said}" for field, said in preset]
        lines += ["", "parameters" if fields else "It has no parameters."]
        for key, field in fields.items():
            allowed = {k: v for k, v in field.items() if k not in ("title", "description", "default", "type")}
            lines.append(f"  {key} = {field.get('default')!r}: {field.get('description', '')} {allowed or ''}".rstrip())
        return "\n".join(printable(part) for line in lines for part in str(line).split("\n"))

    show(value, as_json, text)


@app.command("app", epilog="Example: workbench app --port 8501")
@plainly
def app_(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    sample: Annotated[bool, typer.Option("--sample", help="If the store is empty, queue the sample study.")] = False,
    data_root: Annotated[
        Path | None,
        typer.Option(
            "--data-root",
            exists=True,
            file_okay=False,
            help="The app reads data files below this folder only. Default: any.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where it listens; any but localhost opens by personal links only (label invite).")
    ] = "localhost",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start the app on localhost, and a worker if none is alive. Ctrl-C ends both. --json prints its address."""
    from engine.data.places import ROOT_VARIABLE
    from workbench.processes import run_app

    if data_root is not None:
        os.environ[ROOT_VARIABLE] = str(data_root.expanduser().resolve())
    raise typer.Exit(run_app(folder_of(store), port, sample, host, as_json))


@app.command(epilog="Example: workbench worker --device cuda:0")
@plainly
def worker(
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when nothing is left to do.")] = False,
    tools: Annotated[
        bool, typer.Option("--tools", help="Do what pages ask for (imports, maps, dry runs), on the CPU.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run studies: claims queued runs, saves every stage. Ctrl-C stops it; nothing finished is lost."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its plugins' names are no news to a user
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if tools:
        from engine.tools import work as do_tasks

        ended = do_tasks(folder_of(store), until_idle)
        show({"tasks_ended": ended}, as_json, lambda: f"{ended} {'task' if ended == 1 else 'tasks'} ended here.")
        return
    from engine.worker import work

    ended = work(folder_of(store), device, until_idle)
    show({"runs_ended": ended}, as_json, lambda: f"{ended} {'run' if ended == 1 else 'runs'} ended here.")


@app.command(epilog="Example: workbench doctor --json")
@plainly
def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """What this machine can do, and what to install. Exit code 2 if something that is needed is missing."""
    from workbench.doctor import examine

    found: list[dict[str, Any]] = examine(folder_of(store))
    show(found, as_json, lambda: "\n".join(_finding(one) for one in found))
    if any(f["state"] == "bad" for f in found):
        raise typer.Exit(MISTAKE)


def _finding(one: dict[str, Any]) -> str:
    line = f"{MARKS[one['state']]}  {printable(one['what'])}: {printable(one['found'])}"
    return f"{line}\n      {printable(one['next_step'])}" if one["next_step"] else line


def main() -> None:
    """Entry point of `workbench`."""
    app(prog_name="workbench")


__all__ = ["app", "main"]
