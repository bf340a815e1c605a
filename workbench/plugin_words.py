"""A plugin that the open store keeps, in words: that it is one, which version, and whether a worker here may run it."""

from engine.plugins.trust import version_trusted
from engine.registry import Plugin


def kept_words(plugin: type[Plugin]) -> str:
    """ "kept in this store, version 0123456789ab", and what to do where it is not trusted; "" for the program's own."""
    if not plugin.version:
        return ""
    words = f"kept in this store, version {plugin.version}"
    if version_trusted(plugin.version):
        return words
    return f"{words}; it came with the store and waits for your trust: workbench strategy trust {plugin.name}"
