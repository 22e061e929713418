"""Telling: events go to whoever waits for them. Never decides what happened; the judge and the store did."""
