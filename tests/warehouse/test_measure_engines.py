"""Spark answers every card as DuckDB does: on a real standalone cluster of a master and two workers."""

from __future__ import annotations

import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.warehouse.facts_of_a_practice import practice

from carewheel.catalog.facts import fact_tables
from carewheel.catalog.measures import MODELLED, measures
from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.measures import DuckDbEngine, bind, evaluate
from carewheel.warehouse.sources import list_sources
from carewheel.warehouse.workspace import Workspace

AS_OF = "2025-12-31"
STARTING_SECONDS = 60
# Six JVMs (master, workers, executors, driver) on two cores: quick compilation, and no threads to collect garbage, halve what they cost.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    # Small data: compiling each query to Java would take most of the time.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.default.parallelism": "2",
    "spark.ui.showConsoleProgress": "false",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster on loopback: a master and two workers that start an executor each, ended by their ids."""
    spark = pytest.importorskip("pyspark", reason="needs the extra carewheel[spark]")
    if shutil.which("java") is None:
        if os.environ.get("CAREWHEEL_CI") == "1":
            pytest.fail("Java is missing")
        pytest.skip("needs Java 17")
    home = Path(spark.__file__).parent
    work = tmp_path_factory.mktemp("cluster")
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    # This process starts the last one, the driver.
    os.environ["JAVA_TOOL_OPTIONS"] = JAVA
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(work),
        "PYSPARK_PYTHON": sys.executable,
    }
    launcher = str(home / "bin" / "spark-class")
    worker = "org.apache.spark.deploy.worker.Worker --cores 1 --memory 512m --webui-port 0"
    commands = [
        f"org.apache.spark.deploy.master.Master --host 127.0.0.1 --port {port} --webui-port 0".split(),
        [*worker.split(), master],
        [*worker.split(), master],
    ]
    running = []
    try:
        for number, command in enumerate(commands):
            log = (work / f"{number}.log").open("wb")
            running.append(subprocess.Popen([launcher, *command], env=environment, stdout=log, stderr=log))
            if number == 0:
                wait_for(work / "0.log", "I have been elected leader", 1)
        wait_for(work / "0.log", "Registering worker", 2)
        yield master
        told = (work / "0.log").read_text(errors="replace")
        assert len(set(re.findall(r"Launching executor \S+ on worker (\S+)", told))) == 2, "both have worked"
    finally:
        del os.environ["JAVA_TOOL_OPTIONS"]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(log: Path, words: str, times: int) -> None:
    until = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < until:
        if log.read_text(errors="replace").count(words) >= times:
            return
        time.sleep(0.2)
    raise TimeoutError(
        f"the cluster did not say {words!r} {times} times: {log.read_text(errors='replace')[-2000:]}"
    )


@pytest.mark.needs_java
def test_spark_and_duckdb_give_equal_answers_for_every_card(cluster: str, tmp_path: Path) -> None:
    from carewheel.warehouse.measures.engines import SparkEngine

    connection = practice()
    files = {}
    for name in fact_tables():
        files[name] = tmp_path / f"{name}.parquet"
        connection.execute(f"COPY \"{name}\" TO '{files[name]}' (FORMAT parquet)")
    duck = DuckDbEngine(connection)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    spark = SparkEngine.connect(cluster, files, SETTINGS)
    try:
        as_of = date.fromisoformat(AS_OF)
        empty = []
        for card in measures().values():
            if card.status != "computed":
                continue
            answers = duck.query(bind(card.sql, as_of)), spark.query(bind(card.sql, as_of, "spark"))
            if card.interval in MODELLED:
                one, other = (persons(answer) for answer in answers)
                assert one == other, card.id
                assert one, "every card must have something to compare"
                continue
            one, other = map(rows, answers)
            assert one.keys() == other.keys(), card.id
            for key, values in one.items():
                for a, b in zip(values, other[key], strict=True):
                    assert (a is None and b is None) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9), (
                        card.id,
                        key,
                    )
            if not one:
                empty.append(card.id)
        assert empty == [], "every card must have something to compare"
    finally:
        spark.close()


@pytest.mark.needs_java
def test_a_workspace_is_measured_on_spark_as_embedded_a_source_at_a_time(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carewheel.warehouse.spark import spark_engine

    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    space = Workspace(tmp_path / "workspace")
    example = Path(__file__).parents[2] / "examples" / "practice"
    import_sources(space, [GivenSource(example)], ReadSettings(today=date(2026, 1, 1)))
    # Without the claims: charge and payment hold rows of two sources, so Spark reads filtered copies of them.
    sources = [report["source"] for report in list_sources(space) if report["source"] != "x12"]
    spark = spark_engine(cluster, space, sources, SETTINGS)
    connection = space.connect(sources)
    try:
        for name in ("experience.nps", "finance.charges", "operations.kept_visits"):
            card, as_of = measures()[name], date(2021, 3, 28)
            one, other = evaluate(card, DuckDbEngine(connection), as_of), evaluate(card, spark, as_of)
            assert one.total.status == "ok"
            assert (one.total, one.by_location) == (other.total, other.by_location)
    finally:
        spark.close()
        connection.close()


def persons(columns: dict[str, list[object]]) -> list[tuple[str, ...]]:
    """Rows of persons, for a card with a model, in an order of their own; numbers to nine digits."""
    shown = [
        [f"{value:.9g}" if isinstance(value, float) else str(value) for value in columns[name]]
        for name in sorted(columns)
    ]
    return sorted(zip(*shown, strict=True))


def rows(columns: dict[str, list[object]]) -> dict[tuple[str, ...], list[float | None]]:
    """Statistics by place, month, currency and dimension."""
    keys = [name for name in ("location_id", "local_month", "currency", "dimension") if name in columns]
    numbers = sorted(set(columns) - set(keys))
    count = len(columns["location_id"])
    found = {
        tuple(str(columns[k][i]) for k in keys): [
            None if columns[k][i] is None else float(columns[k][i]) for k in numbers
        ]  # type: ignore[arg-type]
        for i in range(count)
    }
    assert len(found) == count, "a key came twice"
    return found
