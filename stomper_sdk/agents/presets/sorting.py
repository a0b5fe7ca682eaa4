"""What kind of failure a tool's error is: worth another try, or final for that agent."""

from __future__ import annotations

import re

from stomper_sdk.errors import AgentFailure

__all__ = ["failure_of"]

#: A limit that goes away by itself, so soon that it is no matter of a quota.
_SOON = re.compile(
    r"(?:retry|try again|resets) (?:in|after) (?:about )?"
    r"\d+(?:\.\d+)? ?(?:ms|s|m|sec|min|seconds?|minutes?)(?![a-z])"
    r"|per[ _-]?minute",
    re.IGNORECASE,
)
_USED_UP = re.compile(
    r"insufficient[ _](?:quota|credits?|balance|funds)|credit balance|out of credits|payment required|billing"
    r"|(?:usage|spend|spending|session|weekly|monthly|daily|budget) limit"
    r"|quota[ _](?:is )?(?:exceeded|exhausted)|exceeded your (?:\w+ )?quota|per[ _-]?day"
    r"|budget has been exceeded",
    re.IGNORECASE,
)
_NOT_LET_IN = re.compile(
    r"not logged in|/login\b|log in again|unauthori[sz]ed|unauthenticated|authenticat(?:e|ion)|forbidden"
    r"|(?:invalid|incorrect|missing|no|expired)[ a-z_-]{0,20}(?:api|access|auth)[ _-]?(?:key|token)"
    r"|(?:api|access|auth)[ _-]?(?:key|token)[ a-z_-]{0,20}"
    r"(?:not found|not valid|invalid|missing|required|must be)"
    r"|missing environment variable|permission_denied|permission_error",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"(?:status|code|error|http)[^\w\n]{0,6}(?:code|status)?[^\w\n]{0,6}([45]\d\d)\b", re.IGNORECASE
)


def failure_of(error: str, status: int | None = None) -> AgentFailure:
    """Sort a failure by what a tool said of it.

    A rate limit is an error like any other, since it passes; a quota that is used up does not.

    Args:
        error: the tool's words, not the model's.
        status: the HTTP status that the tool was answered with; where it is not known, its words may tell.
    """
    if status is None:
        found = _STATUS.search(error)
        status = int(found[1]) if found else None
    if status == 402 or (_USED_UP.search(error) and not _SOON.search(error)):
        return "quota"
    if status in (401, 403):
        return "auth"
    if status in (None, 400) and _NOT_LET_IN.search(error):
        return "auth"
    return "error"
