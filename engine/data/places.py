"""Which files a person means: one, a folder of them, a list or pattern, a zip, or what comes in by the pipe.

On a server the app reads only what lies below its data root.
"""

import glob
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path

from engine.data.unpacked import PACKED, Source, members
from engine.errors import DataError

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".arrow", ".feather")
KNOWN = f"{', '.join(ENDINGS)} (text also with .gz or .zst), .zip, a folder saved by `datasets`"
ROOT_VARIABLE = "WORKBENCH_DATA_ROOT"
PIPE = "-"
SAVED = ("state.json", "dataset_info.json", "dataset_dict.json")
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
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
        is_folder, is_there = target.is_dir(), target.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{text[:200]!r} is no path: {error.args[-1]}.", "Check the path.") from error
    if is_folder:
        return [target] if is_saved(target) else _in_folder(target)
    if is_there:
        return [target]
    if "," in text:
        return [file for part in text.split(",") if part.strip() for file in files_of(part.strip())]
    if glob.has_magic(text):
        return _matching(text)
    if _HUB_ID.fullmatch(text) and not text.lower().endswith(ENDINGS + PACKED):
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


def is_saved(folder: Path) -> bool:
    """Whether `datasets` saved it."""
    return any((folder / name).is_file() for name in SAVED)


def refuse_outside(path: str, *also: Path) -> None:
    """DataError unless all that is meant lies below the data root of the environment (if it names one), or `also`."""
    below = os.environ.get(ROOT_VARIABLE)
    if not below:
        return
    top = Path(below).expanduser().resolve()
    tops = [top, *(folder.resolve() for folder in also)]
    for file in files_of(path):
        if not any(file.resolve().is_relative_to(folder) for folder in tops):
            raise DataError(
                f"{path} is not below {top}, the folder of data that this server reads.",
                "Put it there, upload it, or start the app with another --data-root.",
            )


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
