"""What was learned from past attempts: remembered on disk, and used to choose what to try next."""

from stomper_sdk.learning.choosing import Choice, Situation, choose
from stomper_sdk.learning.experience import Experience
from stomper_sdk.learning.foretelling import foretell
from stomper_sdk.learning.lesson import Lesson, lessons_of
from stomper_sdk.learning.recorder import Recorder
from stomper_sdk.learning.store import Store, open_store

__all__ = [
    "Choice",
    "Experience",
    "Lesson",
    "Recorder",
    "Situation",
    "Store",
    "choose",
    "foretell",
    "lessons_of",
    "open_store",
]
