"""Run the code blocks of pages with ``run: true`` in their front matter, and put output and pictures below them.

What a block prints follows it as text, unless the page shows it already. What it draws follows as a picture, which the
comment ``<!-- picture: description -->`` before the block must describe. ``<!-- picture FILE: description -->`` shows a
file that the block wrote. A block that fails stops the build.
"""

import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

from code_blocks import Block, PageRunner, blocks_of
from mkdocs.structure.files import File


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Return the page's text with the output of its blocks."""
    if not page.meta.get("run"):
        return markdown
    import matplotlib

    # Lines are labeled in the text that the reader sees, so pictures are made without a window and without a date.
    with (
        tempfile.TemporaryDirectory() as folder,
        matplotlib.rc_context({"backend": "agg", "svg.hashsalt": "labelnoise"}),
        warnings.catch_warnings(action="error"),
    ):
        runner = PageRunner(page.file.src_uri, Path(folder))
        text, position = [], 0
        for block in blocks_of(markdown):
            text.append(markdown[position : block.end])
            position = block.end
            if block.left_out:
                continue
            printed = runner.run(block)
            if printed and block.language == "python" and block.shown is None:
                text.append(f"\n\n```text\n{printed.rstrip()}\n```\n")
            text += _drawn(block, page, config, files)
            if block.picture_file:
                written = Path(folder) / block.picture_file
                text.append(_shown(written.read_bytes(), written.suffix, block, page, config, files))
    return "".join([*text, markdown[position:]])


def _drawn(block: Block, page: Any, config: Any, files: Any) -> list[str]:
    """Return Markdown of what a block drew."""
    import matplotlib.pyplot as plt

    text = []
    for number in plt.get_fignums():
        if not block.picture:
            raise ValueError(f"{page.file.src_uri}, line {block.line}: say what is drawn by <!-- picture: ... -->.")
        content = io.BytesIO()
        plt.figure(number).savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})
        text.append(_shown(content.getvalue(), f"-{number}.svg", block, page, config, files))
    plt.close("all")
    return text


def _shown(content: bytes, ending: str, block: Block, page: Any, config: Any, files: Any) -> str:
    """Add a picture to the site's files, and return the Markdown that shows it."""
    name = f"{Path(page.file.src_uri).with_suffix('')}-line-{block.line}{ending}"
    files.append(File.generated(config, name, content=content))
    return f"\n\n![{block.picture}]({Path(name).name})\n"
