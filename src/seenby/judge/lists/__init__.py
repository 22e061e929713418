"""Published networks and agents as data. Each entry says where it comes from; no entry is a verdict."""
