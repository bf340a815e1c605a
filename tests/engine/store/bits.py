"""A value down to its bits, so that == tells NaN from another NaN, 0 from −0 and float32 from float64."""

import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def bits(value: Any) -> Any:
    """Something comparable; lists and tuples, and mappings whatever their class, count as the same."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return type(value).__name__, {f.name: bits(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    return struct.pack("<d", value) if isinstance(value, float) else value
