"""`workbench study …`: start, watch and steer studies."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from engine.config import StudyConfig
from engine.errors import StoreError
from engine.running import still_waits
from engine.settings import RefereeSettings
from engine.store import growth, inbox, queries
from engine.store.database import Store
from engine.store.spent import stage_costs
from engine.store.summaries import StudyDetail, StudySummary
from workbench.asked_words import asked_models, beforehand, lines
from workbench.bill_words import bill_numbers, bills
from workbench.cli.changes import as_yaml, cloned
from workbench.cli.report import StudyName, report
from workbench.cli.terminal import MISTAKE, JsonOption, StoreOption, known, opened, plainly, show, table
from workbench.disk_words import said, too_much
from workbench.power_words import can_show, can_show_numbers
from workbench.processes import run_to_the_end
from workbench.spent_words import COLUMNS, Took, took
from workbench.study_words import by_hand
from workbench.warm_up_words import HOW, ties_at_first

study = typer.Typer(help="Start, watch and steer studies.", no_args_is_help=True)
study.command(epilog='Example: workbench study report "How-to world, first look" --html report.html')(report)


@study.command(epilog="Example: workbench study run sample_data/study.yaml --wait")
@plainly
def run(
    file: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    wait: Annotated[
        bool, typer.Option("--wait/--detach", help="Run it now in this terminal, or only queue it.")
    ] = True,
    warm_up: Annotated[
        bool, typer.Option("--warm-up", help="Round 1 is a random batch, the same for every strategy of a seed.")
    ] = False,
    review: Annotated[
        bool, typer.Option("--review", help="Every batch waits to be looked at before it is labelled.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a study file, read its data, queue its runs; with --wait run them to the end."""
    known(store)
    config = StudyConfig.from_yaml(file)
    if asked := {name: True for name, is_asked in (("warm_up", warm_up), ("review", review)) if is_asked}:
        config = StudyConfig.from_dict({**config.model_dump(mode="json"), **asked}, str(file))
    where = opened(store, create=True)
    if tied := "" if as_json else ties_at_first(config):
        print(f"{tied} {HOW} To have one: workbench study run {file} --warm-up", file=sys.stderr, flush=True)
    _start(where, config, wait, as_json)


def _start(where: Store, config: StudyConfig, wait: bool, as_json: bool, labels_of: str | None = None) -> None:
    """Say what the study will take and can show, queue it, with `wait` run it to the end; then say where it stands."""
    from engine.data.prepare import Plan, prepare_study

    planned: dict[str, Any] = {}

    def tell(plan: Plan) -> None:
        disk, room = plan.disk, plan.room
        planned["disk"] = {**vars(disk), "free": room.free, "reserve": room.reserve}
        planned["asked"] = bill_numbers(bills(config, plan.cost, *plan.texts))
        planned["can_show"] = can_show_numbers(config, plan.deciding)
        if not as_json:
            words = (said(disk, room), too_much(disk, room), *beforehand(config, plan.cost, plan.texts))
            print("\n".join(filter(None, (*words, can_show(config, plan.deciding)))), file=sys.stderr, flush=True)

    namesakes = [one.id for one in queries.studies(where) if one.name == config.name]
    study_id = prepare_study(where, config, tell, labels_of)
    if namesakes and not as_json:
        print(f"{config.name!r} is the name of {', '.join(namesakes)}, too: call this one {study_id}.", file=sys.stderr)
    if wait:
        run_to_the_end(where, study_id)
    summary = queries.study(where, study_id).summary
    show({**_json(summary), **planned}, as_json, lambda: _line(summary))
    if wait and summary.state == "queued":
        raise still_waits(summary.name)
    if summary.state == "failed":
        raise typer.Exit(MISTAKE)


@study.command("list", epilog="Example: workbench study list --json")
@plainly
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All studies, newest first."""
    found = queries.studies(opened(store))
    show([_json(s) for s in found], as_json, lambda: _table(found))


@study.command("show", epilog="Example: workbench study show s1a2b3c4d5")
@plainly
def show_(name: StudyName, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """One study with its runs, what their stages took, what they remark and what they left out."""
    where = opened(store)
    detail = queries.study(where, name)
    notes = {r.id: queries.notes(where, r.id, figures=as_json) for r in detail.runs}
    stages, asked = took(stage_costs(where, detail.summary.id)), asked_models(where, detail.summary.id)
    value = {
        **_json(detail.summary),
        "runs": [{**vars(r), "strategy": r.strategy.name, "notes": notes[r.id]} for r in detail.runs],
        "stages": [one.numbers() for one in stages],
        "asked": asked.numbers(),
        "config": detail.config,
        "provenance": detail.provenance,
    }
    show(value, as_json, lambda: _details(detail, notes, stages, lines(asked)))


def _steer(verb: str, example: str) -> None:
    @study.command(verb, help=f"{verb.capitalize()} a study, or one of its runs.", epilog=f"Example: {example}")
    @plainly
    def steer(
        name: StudyName,
        run: Annotated[str | None, typer.Option(help="Only this run.")] = None,
        store: StoreOption = None,
        as_json: JsonOption = False,
    ) -> None:
        where = opened(store)
        study_id = _with_run(where, name, run)
        changed = inbox.command(where, verb, study_id=study_id, run_id=run)
        value = {"study": study_id, "command": verb, "runs": changed}
        show(value, as_json, lambda: f"{changed} {'run' if changed == 1 else 'runs'} {inbox.PAST[verb]}.")


for _verb in inbox.FROM:
    _steer(_verb, f"workbench study {_verb} s1a2b3c4d5")


@study.command(epilog="Example: workbench study reorder s1a2b3c4d5 --first")
@plainly
def reorder(
    name: StudyName,
    first: Annotated[bool, typer.Option("--first/--last", help="Before, or behind, all others in the queue.")] = True,
    run: Annotated[str | None, typer.Option(help="Only this run.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a study, or one of its runs, first or last in the queue."""
    where = opened(store)
    study_id = _with_run(where, name, run)
    to: Literal["first", "last"] = "first" if first else "last"
    moved = inbox.reorder(where, to, study_id=study_id, run_id=run)
    value = {"study": study_id, "to": to, "runs": moved}
    show(value, as_json, lambda: f"{moved} {'run' if moved == 1 else 'runs'} now {to} in the queue.")


@study.command(epilog="Example: workbench study clone s1a2b3c4d5 --set dpo.beta=0.3 --set 'seeds=[4, 5]'")
@plainly
def clone(
    name: StudyName,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE as in the study file, dots between levels.")
    ] = None,
    as_file: Annotated[bool, typer.Option("--yaml", help="Only print the study file; start nothing.")] = False,
    with_labels: Annotated[
        bool, typer.Option("--with-labels", help="Begin with the labels that study has bought; they cost nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--detach", help="Run it now in this terminal, or queue it.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a study like another, but for what --set changes."""
    where = opened(store)
    ancestor = queries.study(where, name)
    config = cloned(ancestor.config, changes or [])
    if as_file:
        show(config.model_dump(mode="json"), as_json, lambda: as_yaml(config).removesuffix("\n"))
        return
    if tied := "" if as_json else ties_at_first(config):
        print(f"{tied} {HOW} To have one: --set warm_up=true", file=sys.stderr, flush=True)
    _start(where, config, wait, as_json, ancestor.summary.id if with_labels else None)


@study.command("add-seeds", epilog="Example: workbench study add-seeds s1a2b3c4d5 6 7 8")
@plainly
def add_seeds(
    name: StudyName,
    seeds: Annotated[list[int], typer.Argument(help="Seeds that the study does not have yet.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a study with more seeds; without a declared spending its verdict is then exploratory."""
    where = opened(store)
    detail = queries.study(where, name)
    runs = growth.add_seeds(where, detail.summary.id, seeds)
    declared = RefereeSettings.model_validate(detail.config.get("referee") or {})
    value = {"study": detail.summary.id, "seeds": seeds, "runs": runs, "exploratory": declared.spending == "none"}
    says = " The study declared no spending, so its verdict is exploratory now." if value["exploratory"] else ""
    show(value, as_json, lambda: f"{runs} {'run' if runs == 1 else 'runs'} queued.{says}")


def _with_run(where: Store, name: str, run: str | None) -> str:
    """The study's id; StoreError if the run is none of its."""
    detail = queries.study(where, name)
    if run is not None and run not in {r.id for r in detail.runs}:
        raise StoreError(
            f"Study {detail.summary.name!r} has no run {run!r}.", f"See `workbench study show {detail.summary.id}`."
        )
    return detail.summary.id


def _json(summary: StudySummary) -> dict[str, Any]:
    return {**vars(summary), "strategies": [s.name for s in summary.strategies]}


def _line(s: StudySummary) -> str:
    end = f"\n{s.error}" if s.error else ""
    return f"{s.id}  {s.name}: {s.state}, {s.rounds_done} of {s.rounds_total} rounds, {s.labels_bought:,} labels{end}"


def _table(found: list[StudySummary]) -> str:
    if not found:
        return "There is no study yet. Start one: workbench study run sample_data/study.yaml"
    head = ["study", "name", "state", "strategies", "seeds", "rounds done", "labels bought"]
    rows = [
        [
            s.id,
            s.name,
            s.state,
            ", ".join(x.title for x in s.strategies),
            len(s.seeds),
            f"{s.rounds_done} of {s.rounds_total}",
            s.labels_bought,
        ]
        for s in found
    ]
    return table(head, rows)


def _details(detail: StudyDetail, notes: dict[str, list[tuple[int, str]]], stages: list[Took], asked: list[str]) -> str:
    rows = [
        [
            r.id,
            r.strategy.title,
            r.seed,
            r.state + (" ✎" if r.edited else ""),
            f"{r.rounds_done} of {r.rounds_total}",
            r.progress or r.error,
        ]
        for r in detail.runs
    ]
    found = [_line(detail.summary), "", table(["run", "strategy", "seed", "state", "rounds", "now"], rows)]
    if stages:
        found += ["", table(COLUMNS, [row.words() for row in stages])]
    found += ["", "Asked models", *(f"  {line}" for line in asked)] if asked else []
    found += ["", words] if (words := by_hand(detail)) else []
    remarks = [f"  {run_id}, round {n}: {text}" for run_id, said in notes.items() for n, text in said]
    return "\n".join([*found, *(["", "Remarks", *remarks] if remarks else [])])
