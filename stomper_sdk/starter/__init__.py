"""A first pipeline for a repository, made of what is seen in it."""

from stomper_sdk.starter.file import Starter, make_starter, write_starter
from stomper_sdk.starter.text import starter_text

__all__ = ["Starter", "make_starter", "starter_text", "write_starter"]
