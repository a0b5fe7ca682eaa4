"""An experiment's tables as files, for whatever reads CSV or Parquet."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stomper_sdk.errors import StomperError
from stomper_sdk.extras import needed
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.experiment.frames import KINDS, columns_of
from stomper_sdk.look.frames import Columns, encodable

__all__ = ["to_csv", "to_parquet"]


def to_csv(experiment: Experiment, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write each table as a CSV file, in UTF-8, with a header; what is not known is an empty field.

    Args:
        experiment: what was tried.
        folder: where; it is made if it is missing. Files of those names are replaced.

    Returns:
        The files.

    Raises:
        StomperError: one cannot be written, or what computes is not installed.
    """
    return _written(experiment, Path(folder), "csv", _write_csv)


def to_parquet(experiment: Experiment, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write each table as a Parquet file; see `to_csv`.

    Raises:
        StomperError: one cannot be written, or a library is not installed.
    """
    frame = needed("polars", "to_parquet", "polars").DataFrame
    return _written(experiment, Path(folder), "parquet", lambda it, place: frame(it).write_parquet(place))


def _written(
    experiment: Experiment, folder: Path, suffix: str, write: Callable[[Columns, Path], Any]
) -> tuple[Path, ...]:
    columns = {kind: columns_of(experiment, kind) for kind in KINDS}
    places = {kind: folder / f"{kind}.{suffix}" for kind in KINDS}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, place in places.items():
            write(encodable(columns[kind]), place)
    except OSError as error:
        raise StomperError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return tuple(places.values())


def _write_csv(columns: Columns, place: Path) -> None:
    with place.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
