"""From a proved table to diff.lib and reference.md."""
