"""What a program can ask for: running, planning and checking pipelines, and looking at past runs."""

from stomper_sdk.api.handle import RunHandle
from stomper_sdk.api.history import clean, diff, load_run, revert, runs, verify
from stomper_sdk.api.learning import export_history, import_history, stats
from stomper_sdk.api.previewing import Preview, prompt
from stomper_sdk.api.running import LAST, plan, run, run_async, start, validate
from stomper_sdk.api.starting import load_pipeline
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.stages.base import Selection

__all__ = [
    "LAST",
    "Control",
    "Preview",
    "RunHandle",
    "Selection",
    "clean",
    "diff",
    "export_history",
    "import_history",
    "load_pipeline",
    "load_run",
    "plan",
    "prompt",
    "revert",
    "run",
    "run_async",
    "runs",
    "start",
    "stats",
    "validate",
    "verify",
]
