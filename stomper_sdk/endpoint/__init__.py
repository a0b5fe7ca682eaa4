"""A model behind an OpenAI-compatible endpoint: one question, one answer, whatever goes wrong in between."""

from stomper_sdk.endpoint.client import INSTALL, Endpoint, missing_package
from stomper_sdk.endpoint.question import Answer, Meter, Question
from stomper_sdk.endpoint.tokens import BYTES_PER_TOKEN, counted_tokens

__all__ = [
    "BYTES_PER_TOKEN",
    "INSTALL",
    "Answer",
    "Endpoint",
    "Meter",
    "Question",
    "counted_tokens",
    "missing_package",
]
