"""What can go wrong with a question, sorted: what is final, what is worth asking again, and when."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import Any

import attrs

from stomper_sdk.errors import AgentFailure
from stomper_sdk.model.present import one_line

__all__ = ["LONGEST_WAIT", "Trouble", "TroubleError", "from_error_event", "from_status", "retry_after"]

#: Who asks us to wait longer than so many seconds gets no more questions in this run.
LONGEST_WAIT = 120.0

_QUOTA = re.compile(r"insufficient_quota|billing|quota exceeded|exceeded your .*quota|credit|payment", re.I)
_RATE = re.compile(r"per[ -](?:second|minute)|\b[rt]p[ms]\b|rate.?limit", re.I)
_NO_MODEL = re.compile(r"model_not_found|model\b.*\b(?:not found|not exist|unknown|not available)", re.I)
_TOO_LONG = re.compile(r"context_length|context length|maximum context|too many tokens|too long", re.I)
_AUTH_HINT = "See the agent's api_key, and what the key may do."
_QUOTA_HINT = "See the account's quota and billing, then go on with `stomper-sdk runs resume`."
_MODEL_HINT = "See its list of models, and whether base_url is right: it mostly ends with /v1."
_LENGTH_HINT = "Lower max_input_tokens or max_output_tokens, or take a model with a longer context."
_OVERLOADED = {429, 503, 529}
_AGAIN = {408, 409, 425, 429}
_ALWAYS_LEFT_OUT = {400, 422}
#: What an endpoint may not know, and what to send instead; nothing where it is left out.
REFUSABLE = {"stream_options": "", "max_tokens": "max_completion_tokens"}


@attrs.frozen
class Trouble:
    """What became of one request.

    Attributes:
        message: what happened, as it follows the endpoint's address.
        hint: what to do next.
        failure: its kind, for the one who asked.
        again: whether another try may help.
        wait: seconds that the endpoint asks to wait before it; None where it says nothing.
        overload: whether the endpoint has too much to do.
        down: whether there is nobody at the address.
        without: a parameter that the endpoint does not take.
    """

    message: str
    hint: str = ""
    failure: AgentFailure = "error"
    again: bool = False
    wait: float | None = None
    overload: bool = False
    down: bool = False
    without: str = ""


class TroubleError(Exception):
    """Carries a trouble from where it came up to where it is decided what to do about it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


def from_status(status: int, body: object, headers: Mapping[str, str], model: str) -> Trouble:
    """The trouble that an answer with a status other than 200 is.

    Args:
        status: of HTTP.
        body: what the endpoint said, parsed where it is JSON.
        headers: with names in small letters.
        model: which was asked for.
    """
    said, code = _said(body)
    told = f"answered {status}" + (f": {said}" if said else "")
    known = f"{code} {said}"
    wait = retry_after(headers, time.time())
    if status in (401, 403):
        return Trouble(f"refused the key ({status}): {said}".rstrip(": "), _AUTH_HINT, "auth")
    if status == 402 or (status == 429 and _is_used_up(known, wait)):
        return Trouble(told, _QUOTA_HINT, "quota")
    if status == 404 or (status == 400 and _NO_MODEL.search(known)):
        return Trouble(f"has no model {model!r}: it {told}", _MODEL_HINT, "unavailable")
    if status in _ALWAYS_LEFT_OUT:
        without = next((name for name in REFUSABLE if re.search(rf"\b{name}\b", known)), "")
        return Trouble(told, _LENGTH_HINT if _TOO_LONG.search(known) else "", without=without)
    if wait is not None and wait > LONGEST_WAIT:
        return Trouble(f"{told}, and asks to wait {wait:.0f} s", _QUOTA_HINT, "quota")
    again = status in _AGAIN or status >= 500
    return Trouble(told, again=again, wait=wait, overload=status in _OVERLOADED)


def from_error_event(error: object, model: str) -> Trouble:
    """The trouble that an endpoint tells of in the middle of an answer."""
    said, code = _said(error)
    known = f"{code} {said}"
    if _is_used_up(known, None):
        return Trouble(f"broke off: {said}", _QUOTA_HINT, "quota")
    if _NO_MODEL.search(known):
        return Trouble(f"has no model {model!r}: {said}", _MODEL_HINT, "unavailable")
    overload = re.search(r"rate.?limit|overload|capacity|429|529", known, re.I) is not None
    return Trouble(f"broke off: {said}", again=True, overload=overload)


def _is_used_up(known: str, wait: float | None) -> bool:
    """Whether a quota is used up: one for each minute is not, nor one that comes back when it is told."""
    if "insufficient_quota" in known:
        return True
    return wait is None and _QUOTA.search(known) is not None and _RATE.search(known) is None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait as a header says, in seconds or as a date (RFC 9110, 10.2.3); None where none does."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    told = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _said(body: object) -> tuple[str, str]:
    """The message and the code in an error document, whichever way it is made."""
    if isinstance(body, Mapping):
        inner: Any = body.get("error", body)
        if isinstance(inner, Mapping):
            said = inner.get("message") or inner.get("detail") or json.dumps(inner, default=str)
            codes = (inner.get("code"), inner.get("type"), inner.get("param"))
            return one_line(str(said)), " ".join(str(code) for code in codes if code)
        return one_line(str(inner)), ""
    return one_line(str(body or "")), ""
