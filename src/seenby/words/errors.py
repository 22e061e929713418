"""What goes wrong, in sentences that name the setting or the cure.

An expected answer (a refused recipient, an unknown token) is a value, never one of these.
"""


class SeenbyError(Exception):
    """Something the operator can mend; its text is shown to people as it stands."""


class SettingsError(SeenbyError):
    """A setting is missing, misspelt or out of range."""


class DataFolderError(SeenbyError):
    """The data folder cannot be used: wrong rights, in use, or unreadable."""


class PolicyError(SeenbyError):
    """More tracking was asked for than the ceiling allows. Never answered by a silent clamp."""


class StoreError(SeenbyError):
    """The store cannot be opened or is of another version."""


class KeyFileError(SeenbyError):
    """A key file is missing, unreadable, or open to others."""
