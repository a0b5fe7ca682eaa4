"""Which agent of the cascade some findings go to first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from stomper_sdk.learning import Situation, choose
from stomper_sdk.model.finding import Finding
from stomper_sdk.stages.base import Context, FileState

__all__ = ["Lead", "lead_of"]


@attrs.frozen
class Lead:
    """A place in the cascade, and why it is that one where it was chosen."""

    place: int = 0
    why: str | None = None


def lead_of(findings: Sequence[Finding], state: FileState, context: Context) -> Lead:
    """Where the cascade begins for some findings.

    `order: declared` begins with the first agent, `learned` with the one that promises the most fixes for
    its cost. The attempts after it go on from there.
    """
    if not context.pipeline.leads_by_learning:
        return Lead()
    tiers = context.cascade.tiers
    takers = [place for place, tier in enumerate(tiers) if tier.asked(findings)]
    if len(takers) <= 1:
        return Lead(takers[0] if takers else 0)
    situation = Situation(
        context.experience,
        agents=tuple(tiers[place].agent.name for place in takers),
        findings=Counter((finding.check, finding.code) for finding in findings),
        seed=context.pipeline.learning.seed,
        path=state.task.path,
        attempt=state.next_number,
    )
    choice = choose(situation, context.pipeline.prompt.levels)
    place = next(place for place in takers if tiers[place].agent.name == choice.agent)
    return Lead(place, choice.why)
