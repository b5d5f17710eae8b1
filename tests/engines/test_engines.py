"""The engines that tests use: they come up, fail as they are told to, and nothing of them stays."""

from __future__ import annotations

import subprocess

import pytest

from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.engines.slurm import SlurmCluster
from tests.integration.hub import wait_for

pytestmark = pytest.mark.world


def run_container(docker: DockerEngine, *command: str) -> str:
    """The id of a container that runs."""
    made = docker.request("POST", "/containers/create", json={"Image": PYTHON_IMAGE, "Cmd": command})
    assert made.status_code == 201, made.text
    assert docker.request("POST", f"/containers/{made.json()['Id']}/start").status_code == 204
    return str(made.json()["Id"])


def submit(slurm: SlurmCluster, script: str, *options: str) -> str:
    """The number of a job that runs."""
    number = slurm.run("sbatch", "--parsable", "--output=/dev/null", *options, given=f"#!/bin/sh\n{script}\n")
    wait_for(lambda: slurm.run("squeue", "-h", "-j", number, "-o", "%T") == "RUNNING", 20)
    return number


def test_a_container_outlives_a_killed_dockerd_and_is_a_leftover_until_removed(docker: DockerEngine) -> None:
    container = run_container(docker, "sleep", "1000")
    docker.kill()
    with pytest.raises(OSError):
        docker.request("GET", "/_ping")
    docker.revive()
    assert [one["State"] for one in docker.containers()] == ["running"]
    assert [left.partition(" ")[0] for left in docker.leftovers()] == ["container"]
    docker.request("DELETE", f"/containers/{container}", params={"force": "true"})
    assert docker.leftovers() == []


def test_a_frozen_dockerd_says_nothing_until_it_is_resumed(docker: DockerEngine) -> None:
    docker.freeze()
    with pytest.raises(ConnectionError):
        docker.request("GET", "/_ping", timeout=0.5)
    docker.resume()
    assert docker.request("GET", "/_ping").text == "OK"


def test_a_job_outlives_its_controller_and_a_node_that_is_down_takes_it_along(slurm: SlurmCluster) -> None:
    number = submit(slurm, "sleep 1000", "--nodelist=n2", "--no-requeue")
    slurm.controller.stop()
    assert slurm.node_states() == {}
    slurm.revive()
    assert list(slurm.jobs()) == [number]
    slurm.set_node("n2", "DOWN")
    wait_for(lambda: slurm.run("squeue", "-h", "-j", number, "-t", "all", "-o", "%T") == "NODE_FAIL")
    assert slurm.node_states()["n2"] == "down"


def test_a_cluster_without_its_controller_cannot_be_asked(slurm: SlurmCluster) -> None:
    slurm.controller.freeze()
    with pytest.raises(subprocess.CalledProcessError):
        slurm.run("squeue", "-h")
