"""The list of checksums of everything the sample data ships."""

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
LIST = "SHA256SUMS"


def shipped(folder: Path) -> list[Path]:
    """The data and model files below ``folder``, in order of their paths."""
    found = [
        *folder.glob("skewed/*.jsonl"),
        *folder.glob("flat/*.jsonl"),
        *folder.glob("perplexity.txt"),
        *(path for path in folder.glob("model/*") if path.is_file()),
        *(path for path in folder.glob("reward_model/*") if path.is_file()),
    ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def listing(folder: Path) -> str:
    """The text of the list, as ``sha256sum`` writes it."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in shipped(folder)
    )


def write(folder: Path = HERE) -> None:
    """Write the list."""
    (folder / LIST).write_text(listing(folder), encoding="utf-8")
