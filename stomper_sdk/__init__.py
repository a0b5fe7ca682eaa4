"""Turn code findings into trusted commits."""

__version__ = "0.1.0"
