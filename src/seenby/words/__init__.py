"""The nouns of the trade. Everything imports them; they import nothing of ours, do no I/O and know no clock."""
