"""Every command, thin: read the arguments, call what does the work, say what happened."""

import sys

from seenby.cli import running  # first of all in the help  # isort: skip
from seenby.cli import judging, keys, looking, people
from seenby.cli.base import app, give_up
from seenby.words.errors import SeenbyError

__all__ = ["app", "judging", "keys", "looking", "main", "people", "running"]


def main() -> None:
    """Run a command; what people can mend is one sentence on standard error and status 1."""
    try:
        app()
    except SeenbyError as error:
        give_up(str(error))
    except BrokenPipeError:
        sys.exit(1)
