"""The spawner alone, against a real engine: what the contract of all spawners does not ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Gone, Running
from spawners.docker.engine.found import HUB, SPAWN_ID, name_of
from spawners.docker.spawner import DockerSpawner
from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.integration.docker.certificates import make_certificates
from tests.integration.hub import free_ports
from tests.integration.spawner_worlds import DockerWorld, ignore

pytestmark = pytest.mark.world


@pytest.fixture
async def world(docker: DockerEngine, tmp_path: Path) -> AsyncIterator[DockerWorld]:
    made = DockerWorld(tmp_path, docker)
    with trio.fail_after(60):
        yield made
        await made.close()


def make_by_hand(engine: DockerEngine, spawn_id: str, *, start: bool) -> None:
    body = {
        "Image": PYTHON_IMAGE,
        "Cmd": ["sleep", "1000"],
        "Labels": {HUB: "callboard", SPAWN_ID: spawn_id},
        "StopSignal": "SIGKILL",
    }
    made = engine.request("POST", "/containers/create", params={"name": name_of(spawn_id)}, json=body)
    assert made.is_success, made.text
    if start:
        assert engine.request("POST", f"/containers/{name_of(spawn_id)}/start").is_success


@pytest.mark.parametrize("start", [False, True])
async def test_what_is_made_after_it_was_stopped_is_removed_by_the_watch(
    world: DockerWorld, start: bool
) -> None:
    """As by an engine that was frozen, and then carries out what it was asked long ago."""
    hub, attempt = world.hub(), world.attempt()
    await hub.stop(attempt.spawn_id)
    make_by_hand(world.engine, attempt.spawn_id, start=start)
    with pytest.raises(SpawnError, match="has already ended"):
        await hub.start(attempt, ignore)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.hub().run, lambda: None)
        while world.engine.containers():
            await trio.sleep(0.05)
        nursery.cancel_scope.cancel()


async def test_with_a_watch_a_death_is_told_at_once_and_polls_ask_nobody(world: DockerWorld) -> None:
    hub, attempt, beats = world.hub(), world.attempt(), list[float]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run, lambda: beats.append(trio.current_time()))
        await hub.start(attempt, ignore)
        with trio.fail_after(5):
            while not (beats and hub._watch.sees_now(attempt.spawn_id)):  # type: ignore[attr-defined]
                await trio.sleep(0.01)
        world.engine.freeze()
        told: dict[str, Any] = {}
        await hub.poll_many([attempt.spawn_id], told.__setitem__)
        assert isinstance(told[attempt.spawn_id], Running)
        world.engine.resume()
        nursery.start_soon(end_soon, world, attempt.spawn_id)
        with trio.fail_after(5):
            await hub.wait_news(attempt.spawn_id)
        assert await hub.poll(attempt.spawn_id) == Gone(-9)
        nursery.cancel_scope.cancel()


async def end_soon(world: DockerWorld, spawn_id: str) -> None:
    await trio.sleep(0.2)
    assert world.engine.request("POST", f"/containers/{name_of(spawn_id)}/kill").is_success


async def test_hubs_with_labels_of_their_own_do_not_see_each_other(world: DockerWorld) -> None:
    attempt = world.attempt()
    await world.hub().start(attempt, ignore)
    other = DockerSpawner(replace(world.docker, hub_label="other"), world.directory / "other")
    assert await other.listed() == []
    assert await world.hub().list_attempts() == [attempt.spawn_id]


async def test_with_the_network_of_the_machine_each_has_a_port_of_its_own(world: DockerWorld) -> None:
    hub = DockerSpawner(replace(world.docker, network_name="host"), world.state)
    urls = set()
    for _ in range(3):
        attempt = world.attempt()
        url = await hub.start(attempt, ignore)
        await world.wait_up(url)
        assert await world.hub().start(attempt, ignore) == url, "another configuration finds it all the same"
        urls.add(url)
    assert len(urls) == 3


async def test_a_paused_container_can_be_stopped(world: DockerWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    assert world.engine.request("POST", f"/containers/{name_of(attempt.spawn_id)}/pause").is_success
    assert isinstance(await hub.poll(attempt.spawn_id), Running)
    assert isinstance(await hub.stop(attempt.spawn_id), Gone)


async def test_one_that_was_removed_by_hand_is_gone(world: DockerWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    world.engine.remove_leftovers()
    assert await hub.poll(attempt.spawn_id) == await hub.stop(attempt.spawn_id) == Gone()


async def test_who_follows_output_may_leave_at_any_time(world: DockerWorld) -> None:
    hub, attempt = world.hub(), world.attempt(says=["hello", 5])
    await hub.start(attempt, ignore)
    async with aclosing(hub.follow_output(attempt.spawn_id)) as pieces:  # type: ignore[type-var]
        async for data, _ in pieces:
            assert data == b"hello\n"
            break
    with trio.move_on_after(0.5) as waiting:
        async for _ in hub.follow_output(attempt.spawn_id):
            pass
    assert waiting.cancelled_caught, "it goes on"


async def test_a_hub_that_cannot_write_down_how_it_ended_leaves_that_to_the_container(
    world: DockerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, attempt = world.hub(), world.attempt(exit=3)
    await hub.start(attempt, ignore)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spawners.docker.endings.Endings.write", full)
    await hub.wait_news(attempt.spawn_id)
    for _ in range(2):
        assert await hub.poll(attempt.spawn_id) == await hub.stop(attempt.spawn_id) == Gone(3)
    assert [one["State"] for one in world.engine.containers()] == ["exited"]
    monkeypatch.undo()
    assert await world.hub().stop(attempt.spawn_id) == Gone(3)
    assert world.engine.containers() == []


# --- an engine that is asked over TLS, and whose containers end with it ---


@pytest.fixture
def distant(tmp_path: Path) -> Iterator[tuple[DockerEngine, str, Path]]:
    """It, its URL and the folder of certificates."""
    certificates = tmp_path / "certificates"
    make_certificates(certificates)
    (port,) = free_ports(1)
    pem = [f"--tls{name}={certificates}/{name}.pem" for name in ("cert", "key")]
    options = (f"-H=tcp://127.0.0.1:{port}", "--tlsverify", f"--tlscacert={certificates}/ca.pem", *pem)
    engine = DockerEngine(live_restore=False, options=options)
    engine.start()
    yield engine, f"tcp://127.0.0.1:{port}", certificates
    assert engine.close() == []


async def test_an_engine_is_asked_over_tls_and_trusted_by_its_certificate_alone(
    distant: tuple[DockerEngine, str, Path], tmp_path: Path
) -> None:
    engine, url, certificates = distant
    made = DockerWorld(tmp_path, engine)
    settings = replace(
        made.docker, docker_host=url, docker_tls_verify=True, docker_cert_path=str(certificates)
    )
    hub, attempt = DockerSpawner(settings, made.state), made.attempt()
    with trio.fail_after(60):
        await made.wait_up(await hub.start(attempt, ignore))
        make_certificates(tmp_path / "others")
        stranger = DockerSpawner(
            replace(settings, docker_cert_path=str(tmp_path / "others")), tmp_path / "stranger"
        )
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.poll(attempt.spawn_id)
        await made.close()


async def test_what_ended_with_its_engine_is_found_to_have_ended(
    distant: tuple[DockerEngine, str, Path], tmp_path: Path
) -> None:
    engine, *_ = distant
    made = DockerWorld(tmp_path, engine)
    hub, attempt = made.hub(), made.attempt()
    with trio.fail_after(90):
        await hub.start(attempt, ignore)
        engine.stop()
        with pytest.raises(UnreachableError):
            await hub.poll(attempt.spawn_id)
        engine.start()
        ended = await hub.poll(attempt.spawn_id)
        assert isinstance(ended, Gone)
        assert ended.exit_status in (-15, -9, 0)
        assert await made.hub().stop(attempt.spawn_id) == ended
        await made.close()
