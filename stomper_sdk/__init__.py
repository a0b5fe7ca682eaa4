"""Turn code findings into trusted commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stomper_sdk.agents.base import AgentReply as AgentReply
    from stomper_sdk.agents.base import AgentTask as AgentTask
    from stomper_sdk.api import Control as Control
    from stomper_sdk.api import RunHandle as RunHandle
    from stomper_sdk.api import Selection as Selection
    from stomper_sdk.api import clean as clean
    from stomper_sdk.api import load_pipeline as load_pipeline
    from stomper_sdk.api import plan as plan
    from stomper_sdk.api import run as run
    from stomper_sdk.api import run_async as run_async
    from stomper_sdk.api import start as start
    from stomper_sdk.api import stats as stats
    from stomper_sdk.api import validate as validate
    from stomper_sdk.decorators import agent as agent
    from stomper_sdk.decorators import check as check
    from stomper_sdk.decorators import reducer as reducer
    from stomper_sdk.decorators import stage as stage
    from stomper_sdk.errors import PipelineError as PipelineError
    from stomper_sdk.errors import StomperError as StomperError
    from stomper_sdk.laboratory import Experiment as Experiment
    from stomper_sdk.laboratory.past import compare as compare
    from stomper_sdk.laboratory.running import experiment as experiment
    from stomper_sdk.model.finding import Finding as Finding
    from stomper_sdk.model.learned import Learned as Learned
    from stomper_sdk.model.pipeline import Pipeline as Pipeline
    from stomper_sdk.model.plan import Plan as Plan
    from stomper_sdk.model.price import Usage as Usage
    from stomper_sdk.model.result import Attempt as Attempt
    from stomper_sdk.model.result import FileResult as FileResult
    from stomper_sdk.model.result import RunResult as RunResult

    last_result: RunResult | None

__version__ = "0.1.0"

# Names are imported when they are first used: `import stomper_sdk` costs next to nothing.
_HOMES = {
    "AgentReply": "agents.base",
    "AgentTask": "agents.base",
    "Attempt": "model.result",
    "Control": "api",
    "Experiment": "laboratory",
    "FileResult": "model.result",
    "Finding": "model.finding",
    "Learned": "model.learned",
    "Pipeline": "model.pipeline",
    "PipelineError": "errors",
    "Plan": "model.plan",
    "RunHandle": "api",
    "RunResult": "model.result",
    "Selection": "api",
    "StomperError": "errors",
    "Usage": "model.price",
    "agent": "decorators",
    "check": "decorators",
    "clean": "api",
    "compare": "laboratory.past",
    "experiment": "laboratory.running",
    "load_pipeline": "api",
    "plan": "api",
    "reducer": "decorators",
    "run": "api",
    "run_async": "api",
    "stage": "decorators",
    "stats": "api",
    "start": "api",
    "validate": "api",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "last_result":  # another one after each run, so it is never kept here
        return import_module("stomper_sdk.api").LAST.result
    if name not in _HOMES:
        raise AttributeError(f"module 'stomper_sdk' has no attribute {name!r}")
    value = getattr(import_module(f"stomper_sdk.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "last_result"]
