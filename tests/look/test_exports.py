"""An experiment handed on: CSV, Parquet, MLflow."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stomper_sdk.errors import StomperError, UsageError
from stomper_sdk.laboratory import Experiment
from tests.look.made import experiment_of

KINDS = ["variants", "codes", "files", "findings", "runs", "comparisons"]
#: A file's name of bytes that are no UTF-8, as Python gives it.
ODD = "caf\udce9-{}.py"


@pytest.fixture(scope="module")
def found() -> Experiment:
    return experiment_of(
        {"low": 0.2, "a, b\n=1": 0.9},
        costs={"low": 0.01, "a, b\n=1": 0.02},
        failed={"broken": "no such model"},
        overrides={"low": {"prompt.strategy": "escalate", "agents.my agent!.use": "x" * 900}},
        names=ODD,
        against="low",
    )


def test_csv_has_every_table_with_empty_fields_for_what_is_not_known(
    found: Experiment, tmp_path: Path
) -> None:
    written = found.to_csv(tmp_path / "new" / "tables")
    assert [path.name for path in written] == [f"{kind}.csv" for kind in KINDS]
    for path, kind in zip(written, KINDS, strict=True):
        frame = found.to_frame(kind)  # type: ignore[arg-type]
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == list(frame.columns)
        assert len(rows) == len(frame) > 0
    with written[0].open(newline="", encoding="utf-8") as file:
        variants = list(csv.DictReader(file))
    assert [row["variant"] for row in variants] == ["low", "a, b\n=1", "broken"]
    assert float(variants[1]["rate"]) == found.table("a, b\n=1").total.rate
    assert {variants[2][name] for name in ("rate", "fixed", "attempts", "cost_usd")} == {""}
    assert r"caf\udce9-0.py" in written[2].read_text(encoding="utf-8")


def test_parquet_has_the_same(found: Experiment, tmp_path: Path) -> None:
    written = found.to_parquet(tmp_path)
    assert [path.name for path in written] == [f"{kind}.parquet" for kind in KINDS]
    variants = pl.read_parquet(written[0])
    assert variants["rate"].to_list()[2] is None
    assert variants["fixed"].to_list()[0] == found.table("low").total.fixed
    assert pl.read_parquet(written[3]).shape == (240, 9)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_take_names_that_are_no_text(found: Experiment, library: Any) -> None:
    frame = found.to_frame("files", library)
    assert frame["file"][0] == r"caf\udce9-0.py"


def test_a_folder_that_cannot_be_written_is_told(found: Experiment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (found.to_csv, found.to_parquet):
        with pytest.raises(StomperError, match="file cannot be written: "):
            write(tmp_path / "file")


def test_libraries_that_are_missing_are_named_with_their_extra(
    found: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("polars", "mlflow", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"to_parquet needs polars.*\n.*stomper_sdk\[polars\]"):
        found.to_parquet(tmp_path)
    with pytest.raises(UsageError, match=r"to_mlflow needs mlflow.*\n.*stomper_sdk\[mlflow\]"):
        found.to_mlflow()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SQLAlchemy's, of what MLflow does
def test_mlflow_has_a_run_for_the_whole_and_below_it_one_for_each_variant(
    found: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")  # tests talk to nobody
    monkeypatch.chdir(tmp_path)
    tracking = pytest.importorskip("mlflow.tracking", reason="needs the extra [mlflow]")
    uri = "sqlite:///mlflow.db"

    parent = found.to_mlflow(uri, "levels")

    client = tracking.MlflowClient(tracking_uri=uri)
    whole = client.get_run(parent)
    filed = client.get_experiment(whole.info.experiment_id)
    assert filed.name == "levels"
    assert (whole.info.status, whole.data.params["findings"]) == ("FINISHED", "120")
    artefacts = {it.path for it in client.list_artifacts(parent)}
    assert artefacts == {"report.html", *(f"{kind}.csv" for kind in KINDS)}
    runs = {
        run.info.run_name: run
        for run in client.search_runs([filed.experiment_id])
        if run.data.tags.get("mlflow.parentRunId") == parent
    }
    assert set(runs) == {"low", "a, b =1", "broken"}
    row = found.table("low").total
    metrics = runs["low"].data.metrics
    assert metrics["rate"] == pytest.approx(row.rate)
    assert metrics["rate_low"] == pytest.approx(row.interval.low)
    assert metrics["cost_usd"] == pytest.approx(row.cost_usd)
    parameters = runs["low"].data.params
    assert parameters["prompt.strategy"] == "escalate"
    assert len(parameters["agents.my agent_.use"]) == 500
    failed = runs["broken"]
    assert (failed.info.status, failed.data.metrics) == ("FAILED", {})
    assert failed.data.tags["stomper.reason"] == "no such model"

    client.delete_experiment(filed.experiment_id)
    with pytest.raises(StomperError, match="MLflow refuses the experiment: "):
        found.to_mlflow(uri, "levels")
    with pytest.raises(StomperError, match="MLflow refuses the experiment: "):
        found.to_mlflow("nonsense://here")
    for driver in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(UsageError, match=r"MLflow needs psycopg2? for this store"):
        found.to_mlflow("postgresql://localhost:1/levels")
