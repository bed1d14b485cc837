"""The command with which a person checks the samples of an audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelnoise.cli.options import Json, print_json, say

if TYPE_CHECKING:
    from labelnoise.audit_page import AuditSession

AUDIT_EXAMPLE = "Example: labelnoise audit labelnoise-output/diagnose/audit.csv"


def audit(
    file: Annotated[Path, typer.Argument(help="Audit file that labelnoise diagnose or Audit.to_csv wrote.")],
    images: Annotated[
        Path | None, typer.Option(help="Folder that the paths in the file are relative to. Default: this folder.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 0,
    second_opinion: Annotated[
        bool,
        typer.Option("--second-opinion", help="Ask another person about samples with an answer, which is not shown."),
    ] = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, and do not open a browser.")] = False,
    as_json: Json = False,
) -> None:
    """Check the samples of an audit in the browser: image by image, by keyboard.

    Each answer is saved to the file at once. The page is for this machine alone, at an address that nobody can guess.
    Stop with its button or Ctrl-C. Run the same command again to go on at the first sample without an answer.
    """
    from rich.console import Console

    from labelnoise.artifacts import SCHEMA
    from labelnoise.jobs.audit import run_audit
    from labelnoise.jobs.explore import open_address

    def tell(address: str, session: AuditSession) -> None:
        console, state = Console(stderr=as_json), session.state()
        n, shown = len(state["samples"]), sum(sample["image"] for sample in state["samples"])
        named = any(sample["name"] for sample in state["samples"])
        found = f"; images of {shown:,} of them" if named else ""
        console.print(f"{n:,} samples to check{found}", highlight=False)
        if named and not shown:
            console.print("No image was found: --images names the folder of the paths in the file.", soft_wrap=True)
        if no_open or not open_address(address):
            console.print("Open this address in a browser on this machine:", highlight=False)
        console.print(f"[bold]Audit:[/] {address}", highlight=False, soft_wrap=True)
        console.print("Stop with the page's button or Ctrl-C.", highlight=False)

    progress = run_audit(file, tell, images=images, port=port, second=second_opinion)
    if as_json:
        print_json({"schema": SCHEMA, "progress": progress, "files": {"audit": str(file.resolve())}})
        return
    say(
        f"{progress.checked:,} of {progress.samples:,} samples checked, {progress.unsure:,} unsure, "
        f"{progress.open:,} open" + ("; run the same command again to go on" if progress.open else "")
    )
    say("Use the answers with labelnoise diagnose ... --audit FILE, as soon as some are there.")
