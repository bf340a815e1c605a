"""Export: take the labelled subset home."""

from workbench.components.markup import page_head

page_head("Export", "x")
