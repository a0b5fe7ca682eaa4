"""An experiment handed to MLflow: a run for the whole, and below it one for each variant."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stomper_sdk.errors import StomperError, UsageError
from stomper_sdk.experiments import Row
from stomper_sdk.extras import needed
from stomper_sdk.laboratory import Experiment, TriedVariant
from stomper_sdk.look.experiment.exports import to_csv
from stomper_sdk.look.experiment.report import save_report
from stomper_sdk.model.present import one_line

__all__ = ["to_mlflow"]

_WHAT = "to_mlflow", "mlflow"
_NOT_IN_A_KEY = re.compile(r"[^\w\-. /]")
#: Servers of some versions refuse more.
_LONGEST = 500
_ENDS = {"completed": "FINISHED", "decided": "FINISHED", "failed": "FAILED", "died": "FAILED"}
_METRICS = (
    *("rate", "findings", "files", "fixed", "attempts", "new_findings", "guard_rejections", "test_failures"),
    *("seconds", "tokens", "cost_usd", "seconds_per_fixed", "cost_per_fixed"),
)


def to_mlflow(experiment: Experiment, uri: str | None = None, experiment_name: str | None = None) -> str:
    """Log the experiment as a run of MLflow, and each variant as a run below it.

    Parameters are what a variant changed, metrics what it came to; the report and the tables are artefacts
    of the run for the whole. A variant that failed has the status FAILED and no metrics.

    Args:
        experiment: what was tried.
        uri: the tracking store, such as `sqlite:///mlflow.db`; left out, what MLflow is set to.
        experiment_name: under which it is filed; left out, the experiment's own.

    Returns:
        The id of the run for the whole.

    Raises:
        StomperError: MLflow refuses something, or a library is not installed.
    """
    client_of = needed("mlflow.tracking", *_WHAT).MlflowClient
    refused = needed("mlflow.exceptions", *_WHAT).MlflowException
    with tempfile.TemporaryDirectory(prefix="stomper-mlflow-") as folder:
        # Whatever is missing is told before anything is logged.
        to_csv(experiment, folder)
        save_report(experiment, Path(folder, "report.html"))
        try:
            return _logged(
                client_of(tracking_uri=uri), experiment, experiment_name or experiment.name, folder
            )
        except (refused, OSError) as error:
            raise StomperError(f"MLflow refuses the experiment: {one_line(str(error), 500)}") from error
        except ImportError as error:  # each kind of store has libraries of its own
            text = f"MLflow needs {error.name} for this store, which is not installed"
            hint = "The extra has what a file of SQLite needs: pip install 'stomper_sdk[mlflow]'"
            raise UsageError(text, hint) from error


def _logged(client: Any, experiment: Experiment, name: str, folder: str) -> str:
    filed = client.get_experiment_by_name(name)
    home = filed.experiment_id if filed else client.create_experiment(name)
    tags = {"stomper.experiment": experiment.id, "stomper.status": experiment.status}
    parent: str = client.create_run(home, run_name=experiment.id, tags=tags).info.run_id
    _log(client, parent, dict(_facts(experiment)), {"duration_seconds": experiment.duration_seconds})
    rows = {table.variant: table.total for table in experiment.tables}
    for variant in experiment.variants:
        tags = {"mlflow.parentRunId": parent, "stomper.status": variant.status}
        if variant.reason:
            tags["stomper.reason"] = one_line(variant.reason, _LONGEST)
        run = client.create_run(home, run_name=one_line(variant.name, _LONGEST), tags=tags).info.run_id
        _log(client, run, dict(_parameters(variant)), dict(_metrics(rows.get(variant.name))))
        client.set_terminated(run, _ENDS.get(variant.status, "KILLED"))
    client.log_artifacts(parent, folder)
    client.set_terminated(parent, _ENDS.get(experiment.status, "KILLED"))
    return parent


def _log(client: Any, run: str, parameters: Mapping[str, object], metrics: Mapping[str, float]) -> None:
    for key, value in parameters.items():
        client.log_param(run, _NOT_IN_A_KEY.sub("_", key), one_line(str(value), _LONGEST))
    for key, number in metrics.items():
        client.log_metric(run, key, number)


def _facts(experiment: Experiment) -> Iterator[tuple[str, object]]:
    for name in ("pipeline", "base_commit", "against", "repeats", "sample", "seed", "stop"):
        yield name, getattr(experiment, name)
    yield "findings", experiment.finding_count
    yield "files", len(experiment.tasks)


def _parameters(variant: TriedVariant) -> Iterator[tuple[str, object]]:
    yield from variant.overrides.items()
    for agent in variant.functions:
        yield f"agents.{agent}", "a function"


def _metrics(row: Row | None) -> Iterator[tuple[str, float]]:
    if row is None:
        return
    for name in _METRICS:
        if (value := getattr(row, name)) is not None:
            yield name, value
    yield "rate_low", row.interval.low
    yield "rate_high", row.interval.high
