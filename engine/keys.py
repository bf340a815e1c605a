"""API keys: read where they are used, from the environment or Streamlit's secrets; a config holds only their name."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import ModelError

SECRETS = Path(".streamlit") / "secrets.toml"
"""Where Streamlit has them: below the home folder, and below the folder that the program was started in."""
_SECRET_FIELD = re.compile(r"api[_-]?key|authori[sz]ation|secret|passw|credential|^(access[_-]?)?token$", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(sk-|hf_|Bearer\s)\S{8,}")


def secret_of(name: str, who: str) -> str:
    """The key of that name; "" where none is named. The environment goes before the secrets.

    `who` is whose field `key_variable` named it. ModelError if it is nowhere.
    """
    if not name:
        return ""
    found = os.environ.get(name, "") or _secrets().get(name, "")
    if not found:
        raise ModelError(
            f"The environment variable {name}, which {who}.key_variable names, is not set where the worker runs, and "
            "it is no Streamlit secret.",
            f"Start the worker with it: {name}=… workbench worker.",
        )
    return found


def _secrets() -> dict[str, str]:
    """The texts at the top of the secrets files, those of the folder before those of the home folder."""
    found: dict[str, str] = {}
    for file in (Path.home() / SECRETS, Path.cwd() / SECRETS):
        try:
            held = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # the parser's own words could say a line, and with it a key
            raise ModelError(
                f"{file} cannot be read as TOML ({type(error).__name__}).", "Mend it, or set the variable instead."
            ) from None
        found |= {name: value for name, value in held.items() if isinstance(value, str)}
    return found


def address(url: str) -> str:
    """A server's address without a slash at its end; ValueError if it is none, or could hold a secret."""
    if not re.fullmatch(r"https?://[^\s@?#]+", url):
        raise ValueError("is no address of the form http://HOST:PORT/v1, without a name, a password, ? or # in it")
    return url.rstrip("/")


def without_keys(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Further fields of a request; ValueError where one looks as if it held a secret, which a study would keep."""
    for name, value in fields.items():
        if _SECRET_FIELD.search(name) or (isinstance(value, str) and _SECRET_VALUE.match(value)):
            raise ValueError(
                f"holds {name!r}, which looks like a key; a study is kept and shown, so name the environment variable "
                "that holds it as key_variable"
            )
        if isinstance(value, Mapping):
            without_keys(value)
    return fields


def variable(name: str) -> str:
    """The name of an environment variable, or ""; ValueError for anything else, such as a key itself."""
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("is no name of an environment variable; the key itself must not stand in a study")
    return name
