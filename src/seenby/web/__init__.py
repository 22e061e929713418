"""Where people look: the pages, their live stream, and the previews on an origin of their own."""
