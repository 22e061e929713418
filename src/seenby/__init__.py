"""Seenby: self-hosted email tracking that says who opened, who clicked, and how it knows."""

__version__ = "0.1.0"
