"""Which files a person means: one, a folder of them, a list or pattern, a zip, or what comes in by the pipe.

On a server the app reads only what lies below its data root.
"""

import glob
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from engine.data.formats.mapped import is_mapping
from engine.data.hub import HUB_ID
from engine.data.unpacked import PACKED, Source, members
from engine.errors import DataError

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".arrow", ".feather")
KNOWN = f"{', '.join(ENDINGS)} (text also with .gz or .zst), .zip, a folder saved by `datasets`"
ROOT_VARIABLE = "WORKBENCH_DATA_ROOT"
PIPE = "-"
SAVED = ("state.json", "dataset_info.json", "dataset_dict.json")
_MAGIC = {b"\x1f\x8b": ".jsonl.gz", b"\x28\xb5\x2f\xfd": ".jsonl.zst", b"PK\x03\x04": ".zip", b"PAR1": ".parquet"}


def files_of(path: Path | str) -> list[Path]:
    """The files that are meant; none for a hub id. DataError for what is not there."""
    text = str(path)
    if not text.strip():
        raise DataError("No data file is named: the path is empty.", "Name a file.")
    if text == PIPE:
        return [_piped()]
    try:
        target = Path(path).expanduser()
        is_there = target.exists()
        if target.is_dir():
            return [target] if is_saved(target) else _in_folder(target)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{text[:200]!r} is no path: {error.args[-1]}.", "Check the path.") from error
    if is_there:
        return [target]
    if "," in text:
        return [file for part in text.split(",") if part.strip() for file in files_of(part.strip())]
    if glob.has_magic(text):
        return _matching(text)
    if HUB_ID.fullmatch(text) and not text.lower().endswith(ENDINGS + PACKED):
        return []
    raise DataError(f"There is no file {path}.", "Check the path.")


def sources_of(files: list[Path]) -> list[Source]:
    """The files, and in the place of a zip its members; DataError for an empty one or an ending that is not known."""
    found = []
    for file in files:
        if file.stat().st_size == 0:
            raise DataError(f"{file} is empty (0 bytes).", "It needs one row at least.")
        if file.suffix.lower() == ".zip":
            found += [source for name in members(file) if (source := Source(file, name)).ending in ENDINGS]
        else:
            found.append(Source(file))
    if not found:
        raise DataError(f"{files[0]} holds no file of rows.", f"Known: {KNOWN}.")
    for source in found:
        whole = source.ending in (".parquet", ".arrow", ".feather")
        if source.ending not in ENDINGS or (whole and (source.packing or source.member)):
            ending = "".join(Path(source.member or source.path.name).suffixes) or "none"
            raise DataError(
                f"{source.name} has the ending {ending}, which says no container that can be read.", f"Known: {KNOWN}."
            )
    return found


def here(text: str) -> Path | None:
    """The path in full if something lies there on this machine; None for anything else, also for what is no path."""
    try:
        path = Path(text).expanduser()
        return path.absolute() if path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None


def is_saved(folder: Path) -> bool:
    """Whether `datasets` saved it."""
    return any((folder / name).is_file() for name in SAVED)


def every_file(path: Path | str) -> list[Path]:
    """What `files_of` gives; in the place of a saved folder each file that lies in it, by name, links out of it not."""
    found: list[Path] = []
    for target in files_of(path):
        if target.is_dir():
            top = target.resolve()
            inside = (file for file in target.rglob("*") if file.is_file() and file.resolve().is_relative_to(top))
            found += sorted(inside)
        else:
            found.append(target)
    return found


def stamp_of(path: str) -> list[int] | None:
    """Size and time of change of a file, or of several their number, bytes and digest; None for what is no file here.

    The pipe has none: it is read once.
    """
    if path == PIPE:
        return None
    try:
        stats = [(str(file), file.stat()) for file in every_file(path)]
    except (DataError, OSError, ValueError, RuntimeError):
        return None
    if len(stats) < 2:
        return [number for _, found in stats for number in (found.st_size, found.st_mtime_ns)] or None
    each = repr([(name, found.st_size, found.st_mtime_ns) for name, found in stats])
    digest = hashlib.sha256(each.encode("utf-8", "surrogatepass")).digest()
    return [len(stats), sum(found.st_size for _, found in stats), int.from_bytes(digest[:6], "big")]


def refuse_outside(path: str, *also: Path) -> None:
    """DataError unless all that is meant lies below the data root of the environment (if it names one), or `also`."""
    if os.environ.get(ROOT_VARIABLE):
        _refuse(path, files_of(path), also)


def refuse_elsewhere(folder: Path, path: str, format_name: str | None) -> None:
    """DataError for data, or a mapping, that lies neither below the server's data root nor in the store's folder."""
    refuse_outside(path, folder / "uploads")
    if format_name is not None and is_mapping(format_name):
        refuse_outside(format_name, folder / "mappings")


def refuse_model_outside(model: str, also: Iterable[str] = ()) -> None:
    """DataError for a model's path on this machine that is neither below the data root nor named in `also`."""
    if not os.environ.get(ROOT_VARIABLE) or model in also:
        return
    there = here(model)
    if there is not None or model.startswith(("/", "~")):
        _refuse(model, [there or Path(model)], ())


def refuse_text_outside(path: str) -> None:
    """DataError for a study's file, or a text it reads, that is not below the data root, whether it is there or not."""
    if os.environ.get(ROOT_VARIABLE):
        _refuse(path, [Path(path)], ())


def _refuse(path: str, files: Iterable[Path], also: Iterable[Path]) -> None:
    top = Path(os.environ[ROOT_VARIABLE]).expanduser().resolve()
    tops = [top, *(folder.resolve() for folder in also)]
    for file in files:
        if not _below(file, tops):
            raise DataError(
                f"{path} is not below {top}, the folder of data that this server reads.",
                "Put it there, upload it, or start the app with another --data-root.",
            )


def _below(file: Path, tops: Iterable[Path]) -> bool:
    try:
        place = file.expanduser().resolve()
    except (OSError, ValueError, RuntimeError):  # what is no path lies nowhere
        return False
    return any(place.is_relative_to(top) for top in tops)


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.iterdir() if file.is_file() and Source(file).ending in ENDINGS)
    if not found:
        raise DataError(
            f"{folder} is no folder saved by `datasets`, and no file of rows lies in it.", f"Known: {KNOWN}."
        )
    return found


def _matching(pattern: str) -> list[Path]:
    found = sorted(Path(name) for name in glob.glob(os.path.expanduser(pattern)) if Path(name).is_file())
    if not found:
        raise DataError(f"There is no file {pattern}: nothing matches.", "Check the pattern.")
    return found


@cache
def _piped() -> Path:
    """What comes in by the pipe, kept until this process ends: it is read twice, for its checksum and for its rows."""
    folder = tempfile.TemporaryDirectory(prefix="workbench-")
    _KEPT.append(folder)
    begin = sys.stdin.buffer.read(4)
    ending = next((ending for magic, ending in _MAGIC.items() if begin.startswith(magic)), ".jsonl")
    if begin.lstrip()[:1] == b"[":
        ending = ".json"
    path = Path(folder.name) / f"standard-input{ending}"
    with path.open("wb") as file:
        file.write(begin)
        while block := sys.stdin.buffer.read(1 << 20):
            file.write(block)
    return path


_KEPT: list["tempfile.TemporaryDirectory[str]"] = []
