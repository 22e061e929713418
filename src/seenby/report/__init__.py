"""Figures from verdicts: counters, timelines, rates. Reads opinions, makes none."""
