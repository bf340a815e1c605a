"""Whose code a worker may run: sources that this user saved here, or looked at and trusted, by their checksums.

A store is data and may come from anybody; the code that it keeps is run only if its checksum stands in a file of this
user's own, outside of every store. So a copied or restored store brings no right to run anything along.
"""

import os
from pathlib import Path


def file() -> Path:
    """The list: `trusted_plugins` in the user's folder for settings, a line a source: checksum, room, name."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "preference-workbench" / "trusted_plugins"


def trusted(sha256: str) -> bool:
    """Whether this user trusts the source with that checksum."""
    return any(line.split(" ", 1)[0] == sha256 for line in _lines())


def trust(sha256: str, room: str, name: str) -> None:
    """From now on this user's workers may run the source with that checksum, whatever store it lies in."""
    if trusted(sha256):
        return
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as lines:
        lines.write(" ".join(f"{sha256} {room} {name}".split()) + "\n")


def version_trusted(version: str) -> bool:
    """Whether a trusted checksum begins so: for words on a screen. A worker looks at the whole checksum."""
    return any(line.startswith(version) for line in _lines())


def _lines() -> list[str]:
    try:
        return file().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
