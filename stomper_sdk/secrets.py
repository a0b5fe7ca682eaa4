"""What is secret: in the environment, as its name tells; anywhere, as its looks tell."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

__all__ = ["LOOKS_SECRET", "holds_secret", "is_secret", "secret_values"]

_WORDS = frozenset(
    {
        *("APIKEY", "AUTH", "CREDENTIAL", "CREDENTIALS", "KEY", "KEYS", "PASS", "PASSPHRASE", "PASSWD"),
        *("PASSWORD", "PASSWORDS", "PAT", "SECRET", "SECRETS", "TOKEN", "TOKENS"),
    }
)
#: As in PGPASSWORD, NPM_CONFIG__AUTHTOKEN, PASSWORD1.
_ENDINGS = ("PASSWORD", "PASSWD", "TOKEN", "SECRET", "APIKEY", "JWT", "COOKIE")
#: What says where or of what kind a secret is, and not what it is.
_DESCRIBING = frozenset({"DIR", "FILE", "HOST", "MODE", "NAME", "PATH", "SOCK", "TYPE"})
#: Named like a secret, and none: a program, a fingerprint.
_HARMLESS = frozenset({"GPG_KEY", "SSH_ASKPASS"})
_PASSWORD_IN_URL = re.compile(r"\w://[^/\s:@]*:([^/\s@]+)@")
_KEYS = (
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}\b|\bglpat-[\w-]{20,}",
    r"\bxox[abeoprs]-[\w-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+",
    r"\bsk-(?:ant-|proj-|live-)?[A-Za-z0-9_-]{20,}|\b[rs]k_live_[A-Za-z0-9]{20,}",
    r"\bAIza[\w-]{35}\b|\bya29\.[\w-]{20,}|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[\w-]{50,}|\bhf_[A-Za-z0-9]{30,}\b",
    r"\bSG\.[\w-]{20,}\.[\w-]{20,}|\bdop_v1_[0-9a-f]{64}\b",
    r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    # A word with digits in it: what is not, is mostly a name or a placeholder.
    r"(?i:password|passwd|secret|token|api_?key|access_?key)['\"]?\s*[:=]"
    r"\s*['\"](?=[^'\"]*\d)[A-Za-z0-9+/_=.-]{20,}['\"]",
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"]{1,100}:[^\s/:@'\"{}$<*%]{6,100}@",
)
#: What looks like a key, a token or a password, wherever it stands.
LOOKS_SECRET = re.compile("|".join(_KEYS))
#: What is shorter stands in too many texts to be hidden in all of them.
_SHORTEST = 8


def is_secret(name: str, value: str = "") -> bool:
    """Whether a variable holds a key, a token or a password."""
    words = [word for word in re.split(r"[^A-Z0-9]+", name.upper()) if word]
    if name in _HARMLESS or (words and words[-1] in _DESCRIBING):
        return False
    named = not _WORDS.isdisjoint(words) or any(
        word.rstrip("0123456789").endswith(_ENDINGS) for word in words
    )
    return named or _PASSWORD_IN_URL.search(value) is not None


def secret_values(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The values that must stand in nothing that is printed or kept."""
    values = {value for name, value in environment.items() if is_secret(name, value)}
    values |= {password for value in values for password in _PASSWORD_IN_URL.findall(value)}
    return frozenset(value for value in values if len(value) >= _SHORTEST)


def holds_secret(key: str, value: object, secrets: Collection[str]) -> bool:
    """Whether a value of a pipeline holds one of some secrets, or is one by the name of its key.

    A value that only refers to the environment is none, nor is a number of tokens.
    """
    if isinstance(value, Mapping):
        return any(holds_secret(str(name), item, secrets) for name, item in value.items())
    if isinstance(value, list | tuple):
        return any(holds_secret(key, item, secrets) for item in value)
    if not isinstance(value, str):
        return False
    name = key.rpartition(".")[2]
    named = is_secret(name) and not name.endswith("tokens") and "${" not in value
    return named or any(secret in value for secret in secrets)
