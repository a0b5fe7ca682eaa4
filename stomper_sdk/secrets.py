"""What in the environment is secret, as its name tells, or a password in the value itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

__all__ = ["is_secret", "secret_values"]

_WORDS = frozenset(
    {
        *("APIKEY", "AUTH", "CREDENTIAL", "CREDENTIALS", "KEY", "KEYS", "PASS", "PASSPHRASE", "PASSWD"),
        *("PASSWORD", "PASSWORDS", "PAT", "SECRET", "SECRETS", "TOKEN", "TOKENS"),
    }
)
#: Named like a secret, and none: a socket, a program, a fingerprint.
_HARMLESS = frozenset({"GPG_KEY", "SSH_ASKPASS", "SSH_AUTH_SOCK"})
_PASSWORD_IN_URL = re.compile(r"\w://[^/\s:@]*:[^/\s@]+@")
#: What is shorter stands in too many texts to be hidden in all of them.
_SHORTEST = 8


def is_secret(name: str, value: str = "") -> bool:
    """Whether a variable holds a key, a token or a password."""
    words = re.split(r"[^A-Z0-9]+", name.upper())
    return name not in _HARMLESS and (
        not _WORDS.isdisjoint(words) or _PASSWORD_IN_URL.search(value) is not None
    )


def secret_values(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The values that must stand in nothing that is printed or kept."""
    values = {value for name, value in environment.items() if is_secret(name, value)}
    return frozenset(value for value in values if len(value) >= _SHORTEST)
