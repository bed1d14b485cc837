"""Put the explorer beside the page of the documentation that shows it."""

from typing import Any

from mkdocs.structure.files import File

from labelnoise.explorer import explorer_page


def on_files(files: Any, config: Any) -> Any:
    """Add the explorer to the files of the site."""
    files.append(File.generated(config, "explorer/page.html", content=explorer_page()))
    return files
