"""Reads a study file: YAML to a mapping in which paths beside the file are absolute."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

MODELS = ("path", "local")
"""Fields of an oracle that name a model."""


def _of_oracle(value: Any, fix: Callable[[Any], Any]) -> Any:
    """The paths of an oracle, and of those within it."""
    if isinstance(value, list):
        return [_of_oracle(one, fix) for one in value]
    if not isinstance(value, dict):
        return value
    return {k: fix(v) if k in MODELS else _of_oracle(v, fix) for k, v in value.items()}


def read(path: Path) -> dict[str, Any]:
    """The mapping in the file; ConfigError if there is no such file or it holds something else."""
    import yaml

    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(str(path), ["there is no such file"], "Check the path.") from error
    except OSError as error:
        raise ConfigError(
            str(path), [f"it cannot be read: {error.strerror}"], "Check the path and its rights."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"it is not YAML: {error}"], "Mend the line it names.") from error
    if not isinstance(value, dict):
        raise ConfigError(str(path), [f"it holds {type(value).__name__}, not a mapping"], "See the README.")
    return absolute(value, path.resolve().parent)


def absolute(value: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths that exist beside the study file, made absolute; anything else (a hub id) is left."""

    def fix(path: Any) -> Any:
        if isinstance(path, str) and not Path(path).is_absolute() and (path[:1] == "." or (folder / path).exists()):
            return str((folder / path).resolve())
        return path

    out = dict(value)
    if isinstance(out.get("data"), dict):
        data = dict(out["data"])
        data["pool"] = fix(data.get("pool"))
        if str(data.get("format")).endswith((".yaml", ".yml")):  # a mapping; the name of a format is no path
            data["format"] = fix(data["format"])
        if isinstance(data.get("held_out"), dict):
            data["held_out"] = {name: fix(path) for name, path in data["held_out"].items()}
        out["data"] = {k: v for k, v in data.items() if v is not None}
    if isinstance(out.get("model"), dict):
        out["model"] = {**out["model"], "path": fix(out["model"].get("path"))}
    for who in ("oracle", "evaluator"):
        if isinstance(out.get(who), dict):
            out[who] = _of_oracle(out[who], fix)
    if isinstance(out.get("tracker"), dict) and "uri" in out["tracker"]:
        uri = out["tracker"]["uri"]  # a folder need not be there yet
        folder_meant = isinstance(uri, str) and uri and "://" not in uri and not Path(uri).is_absolute()
        out["tracker"] = {**out["tracker"], "uri": str((folder / uri).resolve()) if folder_meant else uri}
    if isinstance(out.get("evaluation"), dict) and "text_file" in out["evaluation"]:
        out["evaluation"] = {**out["evaluation"], "text_file": fix(out["evaluation"]["text_file"])}
    return out
