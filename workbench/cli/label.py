"""`workbench label …`: invite people by a link, send pairs out to a labelling tool, take the answers in."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.data.export.files import write_files
from engine.data.export.queue import TOOLS, tasks_of
from engine.data.read import read
from engine.errors import DataError
from engine.store import outgoing, queries, roles
from workbench.cli.terminal import JsonOption, StoreOption, opened, plainly, printable, show, table

label = typer.Typer(
    help="People who label: links for them, pairs out to other tools, answers in.", no_args_is_help=True
)
RESERVED = (
    "Nobody is shown them here until their answers come back (workbench label import) or they are taken back "
    "(workbench label recall)."
)
SHARED = (
    "They are in the queue here, too. Of a pair that is answered in both places the first answer counts; the other is "
    "kept, and counted as late when it is taken in."
)
StudyOption = Annotated[str, typer.Option("--study", help="Id of the study, or its name.")]


@label.command(epilog="Example: workbench label invite Mira --study helpful")
@plainly
def invite(
    name: Annotated[str, typer.Argument(help="What the person is called.")] = "",
    study: StudyOption = "",
    role: Annotated[
        str, typer.Option(help="labeller: the queue and the guideline of one study; lead: all.")
    ] = "labeller",
    url: Annotated[str, typer.Option(help="Where the app is, as the person reaches it.")] = "http://localhost:8501",
    revoke: Annotated[str, typer.Option(metavar="NUMBER", help="Close a person's link, by their number.")] = "",
    everybody: Annotated[bool, typer.Option("--list", help="Who was invited, with their numbers.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """A personal link for somebody. It is shown once; the store keeps only a hash of its token. Again: a new link."""
    where = opened(store)
    if everybody:
        found = [
            [one.id, one.name, one.role, one.study_id, "yes" if one.invited else "no"] for one in roles.people(where)
        ]
        head = ["number", "name", "role", "study", "link"]
        show([dict(zip(head, row, strict=True)) for row in found], as_json, lambda: table(head, found))
        return
    if revoke:
        roles.revoke(where, revoke)
        show({"revoked": revoke}, as_json, lambda: f"The link of {revoke} opens nothing any more; answers are kept.")
        return
    if role not in roles.ROLES:
        raise DataError(f"There is no role {role!r}.", f"Take {' or '.join(roles.ROLES)}.")
    study_id = queries.study(where, study).summary.id if study else ""
    person, token = roles.invite(where, name, role, study_id)
    link = f"{url.rstrip('/')}/{'label' if role == 'labeller' else ''}?token={token}"
    value: dict[str, Any] = {"number": person.id, "name": person.name, "role": role, "study": study_id, "link": link}
    show(value, as_json, lambda: f"{printable(person.name)}, {role}: {link}\nIt is shown this once.")


@label.command("export", epilog="Example: workbench label export helpful --profile label_studio --out tasks/")
@plainly
def export_(
    study: Annotated[str, typer.Argument(help="Id of the study, or its name.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must be new or empty.")],
    profile: Annotated[str, typer.Option(help=f"{' or '.join(TOOLS)}.")] = "label_studio",
    shared: Annotated[
        bool, typer.Option("--shared", help="Leave them in the queue here as well; who answers first counts.")
    ] = False,
    at_most: Annotated[int | None, typer.Option(help="So many pairs, those that are next. Default: all.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Write the pairs that are out already and have no answer once more.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the pairs that wait for people as tasks of another tool, without answers, sides in random order.

    They leave the queue here, so that nobody answers them in two places, until their answers are taken in or
    `workbench label recall` takes them back.
    """
    if again and (shared or at_most is not None):
        raise DataError("--again writes what is out already, all of it.", "Leave --shared and --at-most out.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already and not empty.", "Name a new folder; nothing is overwritten.")
    where = opened(store)
    study_id = queries.study(where, study).summary.id
    tasks_of([], profile)  # a profile that is none is refused before anything is reserved
    if again:
        pairs = outgoing.given_out(where, study_id)
        files = tasks_of(pairs, profile)
        write_files(files, out)
    else:
        with outgoing.sent_out(where, study_id, profile, reserved=not shared, most=at_most) as pairs:
            files = tasks_of(pairs, profile)
            write_files(files, out)
    value = {"out": str(out), "pairs": len(pairs), "files": sorted(files), "reserved": not shared}
    what = f"{len(pairs):,} {'pair' if len(pairs) == 1 else 'pairs'} in {out}: {', '.join(sorted(files))}."
    show(value, as_json, lambda: f"{what}\n{SHARED if shared else RESERVED}")


@label.command(epilog="Example: workbench label recall helpful")
@plainly
def recall(
    study: Annotated[str, typer.Argument(help="Id of the study, or its name.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back the pairs that went to another tool and have no answer: people are shown them here again."""
    where = opened(store)
    study_id = queries.study(where, study).summary.id
    pairs = outgoing.take_back(where, study_id)
    value = {"study": study_id, "pairs": pairs}
    words = f"{pairs:,} {'pair is' if pairs == 1 else 'pairs are'} in the queue here again."
    show(value, as_json, lambda: f"{words} An answer that still comes from the tool is taken where nobody was faster.")


@label.command("import", epilog="Example: workbench label import answers.json --study helpful")
@plainly
def import_(
    file: Annotated[Path, typer.Argument(help="What the tool gave: its answers to pairs that were exported.")],
    study: StudyOption,
    format_name: Annotated[str | None, typer.Option("--format", help="Data format. Default: told by its rows.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in answers, each once: a second import of the same file writes nothing."""
    where = opened(store)
    study_id = queries.study(where, study).summary.id
    reading = read(file, format_name, skip_refused=True)
    told = outgoing.take_in(where, study_id, reading.data.comparisons)
    value = {
        "file": str(file),
        **{what: told[what] for what in outgoing.WAYS},
        "still out": outgoing.out(where, study_id),
        "refused": len(reading.report.refused),
        "dropped": dict(reading.report.dropped),
    }

    def words() -> str:
        counts = [f"{n:,} {what}" for what, n in told.items()]
        counts += [f"{n:,} {what}" for what, n in reading.report.dropped.items()]
        counts += [f"{len(reading.report.refused):,} rows refused"] if reading.report.refused else []
        left = f" {value['still out']:,} pairs are still out." if value["still out"] else ""
        return f"{file}: {', '.join(counts) or 'no answer in it'}.{left}"

    show(value, as_json, words)
