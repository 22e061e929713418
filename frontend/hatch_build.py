"""Build the frontend into the package, with Node from a wheel, so that `pip install .` needs no Node."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontendHook(BuildHookInterface):
    """Placeholder until the frontend's first bundle."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Nothing to build yet."""
