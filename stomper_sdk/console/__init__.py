"""The only place that prints: what is for people goes to stderr, a document for programs to stdout."""

from stomper_sdk.console.console import Console
from stomper_sdk.console.display import Display
from stomper_sdk.console.log import logging_to

__all__ = ["Console", "Display", "logging_to"]
