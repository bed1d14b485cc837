"""Results on disk, written in a way that loses nothing.

Every file is written in full beside its destination, flushed to the disk, and only then renamed. Whatever fails, for
instance on a full disk, the earlier file stays complete, and no half-written file is left. Files that belong together
(a table as Parquet and CSV, a figure in three formats) are all written before the first is renamed.
"""

from labelnoise.artifacts.files import (
    check_regular,
    read_arrays,
    write_arrays,
    write_figure,
    write_json,
    write_table,
    write_text,
)
from labelnoise.artifacts.folders import check_name, check_overwrite, output_folder
from labelnoise.artifacts.json_text import parse_json, to_json
from labelnoise.artifacts.replacement import StrPath, replacing

SCHEMA = 1
"""Version of the schema of JSON and tables, which docs/schema.md describes; it changes when a name or a unit does."""

__all__ = [
    "SCHEMA",
    "StrPath",
    "check_name",
    "check_overwrite",
    "check_regular",
    "output_folder",
    "parse_json",
    "read_arrays",
    "replacing",
    "to_json",
    "write_arrays",
    "write_figure",
    "write_json",
    "write_table",
    "write_text",
]
