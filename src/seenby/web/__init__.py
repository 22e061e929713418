"""Where people look: the pages, their live stream, and the previews on an origin of their own."""

from seenby.web.parts import Parts, make_app, make_preview

__all__ = ["Parts", "make_app", "make_preview"]
