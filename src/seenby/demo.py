"""`seenby demo`: placeholder until the parts stand."""

from rich.console import Console


def run_demo(out: Console) -> None:
    """Later today."""
    out.print("…")
