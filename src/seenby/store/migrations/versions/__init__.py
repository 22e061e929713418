"""How the tables came to their present form, one step a file."""
