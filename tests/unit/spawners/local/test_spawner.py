from __future__ import annotations

import json
import os
import pwd
import random
import signal
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from core.errors import SpawnError, UnreachableError
from core.machine.process_identity import (
    identify,
    is_alive,
    open_process,
    parse_identity,
    parse_stat,
    read_stat,
)
from core.naming.ids import new_id
from core.plugins.spawner import Attempt, Gone, Running
from spawners import output_file
from spawners.local import launching
from spawners.local.attempt_files import AttemptFiles
from spawners.local.settings import LocalProcessSettings
from spawners.local.spawner import LocalProcessSpawner
from spawners.ports import Ports
from spawners.process_family import marked
from tests.integration.spawner_worlds import LocalWorld, ignore


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    world = LocalWorld(tmp_path)
    with trio.fail_after(60):
        yield world
        await world.close()


def change(struct: Any, /, **fields: Any) -> Any:
    return msgspec.structs.replace(struct, **fields)


def pid_of(hub: LocalProcessSpawner, attempt: Attempt) -> int:
    return int(hub.state(attempt.spawn_id)["pid"])


def launcher_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


async def until(condition: Any) -> None:
    with trio.fail_after(10):
        while not condition():
            await trio.sleep(0.01)


async def written(hub: LocalProcessSpawner, attempt: Attempt, word: str = "pid") -> list[str]:
    """Its lines, once one of them begins with this word."""
    with trio.fail_after(10):
        while True:
            lines = await hub.last_lines(attempt.spawn_id)
            if any(line.startswith(word) for line in lines):
                return lines
            await trio.sleep(0.01)


# How servers end


async def test_the_first_signal_is_an_interrupt(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    await world.wait_up(await hub.start(attempt, ignore))
    assert await hub.stop(attempt.spawn_id) == Gone(-signal.SIGINT)


async def test_who_ignores_all_else_is_killed_in_the_end(world: LocalWorld) -> None:
    world.settings = change(world.settings, interrupt_timeout=0.1, term_timeout=0.1)
    hub, attempt = world.hub(), world.attempt(stubborn=True, children=2)
    await world.wait_up(await hub.start(attempt, ignore))
    begin = trio.current_time()
    assert await hub.stop(attempt.spawn_id) == Gone(-signal.SIGKILL)
    assert trio.current_time() - begin >= 0.2
    assert not world.processes(attempt.spawn_id)


async def test_a_stop_cut_short_can_be_taken_up_again(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt(stubborn=True)
    await world.wait_up(await hub.start(attempt, ignore))
    with trio.move_on_after(0.1):
        await hub.stop(attempt.spawn_id)
    assert isinstance(await hub.poll(attempt.spawn_id), Running)
    world.settings = change(world.settings, interrupt_timeout=0.1, term_timeout=0.1)
    assert await world.hub().stop(attempt.spawn_id) == Gone(-signal.SIGKILL)


@pytest.mark.parametrize("orphans", [False, True])
@pytest.mark.parametrize("adopted", [False, True])
async def test_descendants_end_with_their_server(world: LocalWorld, orphans: bool, adopted: bool) -> None:
    hub, attempt = world.hub(), world.attempt(children=1 if orphans else 4, orphans=orphans)
    await world.wait_up(await hub.start(attempt, ignore))
    await until(lambda: len(world.processes(attempt.spawn_id)) == (3 if orphans else 6))
    await (world.hub() if adopted else hub).stop(attempt.spawn_id)
    await hub.poll(attempt.spawn_id)
    assert not world.processes(attempt.spawn_id)


async def test_a_kernel_ends_with_its_server_although_it_has_a_session_of_its_own(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt(children=1, detached=True)
    await world.wait_up(await hub.start(attempt, ignore))
    await until(lambda: len({os.getsid(pid) for pid in world.processes(attempt.spawn_id)}) == 2)
    await hub.stop(attempt.spawn_id)
    assert not world.processes(attempt.spawn_id)


@pytest.mark.parametrize("orphans", [False, True])
async def test_descendants_of_a_server_that_crashed_end_when_it_is_stopped(
    world: LocalWorld, orphans: bool
) -> None:
    hub, attempt = world.hub(), world.attempt(children=4, orphans=orphans)
    await world.wait_up(await hub.start(attempt, ignore))
    await until(lambda: len(world.processes(attempt.spawn_id)) == 6)
    os.kill(pid_of(hub, attempt), signal.SIGKILL)
    await hub.wait_news(attempt.spawn_id)
    assert await hub.poll(attempt.spawn_id) == Gone(-signal.SIGKILL)
    assert len(world.processes(attempt.spawn_id)) == 4
    assert await hub.stop(attempt.spawn_id) == Gone(-signal.SIGKILL)
    assert not world.processes(attempt.spawn_id)


async def test_what_was_detached_on_purpose_outlives_a_stop_in_order(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt(children=1, orphans=True, detached=True)
    await world.wait_up(await hub.start(attempt, ignore))
    await until(lambda: len(world.processes(attempt.spawn_id)) == 3)  # its parent has ended by now
    await hub.stop(attempt.spawn_id)
    await hub.stop(attempt.spawn_id)
    (detached,) = world.processes(attempt.spawn_id)
    os.kill(detached, signal.SIGKILL)


async def test_many_that_crashed_are_looked_for_at_once(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = world.hub()
    attempts = [world.attempt(children=1) for _ in range(20)]
    for attempt in attempts:
        await world.wait_up(await hub.start(attempt, ignore))
        os.kill(pid_of(hub, attempt), signal.SIGKILL)
    looks = []
    monkeypatch.setattr(
        "spawners.process_family.marked", lambda ids, look=marked: looks.append(1) or look(ids)
    )
    async with trio.open_nursery() as nursery:
        for attempt in attempts:
            nursery.start_soon(hub.stop, attempt.spawn_id)
    assert len(looks) < 20
    for attempt in attempts:
        assert not world.processes(attempt.spawn_id)


async def test_no_zombies_are_left(world: LocalWorld) -> None:
    hub = world.hub()
    for end in ({"exit": 0, "after": 0}, {"exit": 1, "after": 0}):
        attempt = world.attempt(**end)
        await hub.start(attempt, ignore)
        await hub.wait_news(attempt.spawn_id)
        await hub.poll(attempt.spawn_id)
    attempt = world.attempt()
    await hub.start(attempt, ignore)
    await hub.stop(attempt.spawn_id)
    assert not hub._launchers._pids


# When something goes wrong between hub and server


async def test_a_server_lives_on_without_its_launcher(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt(children=1)
    url = await hub.start(attempt, ignore)
    await world.wait_up(url)
    pid = pid_of(hub, attempt)
    os.kill(launcher_of(pid), signal.SIGKILL)
    next_hub = world.hub()
    assert await next_hub.poll(attempt.spawn_id) == Running({"pid": pid})
    assert await next_hub.start(attempt, ignore) == url
    with trio.move_on_after(0.1) as quiet:
        await next_hub.wait_news(attempt.spawn_id)
    assert quiet.cancelled_caught
    assert await next_hub.stop(attempt.spawn_id) == Gone(None)
    assert not world.processes(attempt.spawn_id)
    with pytest.raises(SpawnError):
        await next_hub.start(attempt, ignore)
    await hub.stop(attempt.spawn_id)


async def test_signals_to_the_launcher_do_no_harm(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt(exit=5, after=0.5)
    await hub.start(attempt, ignore)
    launcher = launcher_of(pid_of(hub, attempt))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(launcher, number)
    await hub.wait_news(attempt.spawn_id)
    assert await hub.poll(attempt.spawn_id) == Gone(5)


@pytest.mark.parametrize("seed", range(15))
async def test_a_launcher_killed_at_any_moment_leaves_one_server_or_none(
    world: LocalWorld, seed: int
) -> None:
    delay = random.Random(seed).uniform(0, 0.004)
    hub, attempt = world.hub(), world.attempt()

    async def kill_launcher() -> None:
        with trio.fail_after(5):
            while attempt.spawn_id not in hub._launchers._pids:
                await trio.sleep(0)
        await trio.sleep(delay)
        os.kill(hub._launchers._pids[attempt.spawn_id], signal.SIGKILL)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill_launcher)
        url = await hub.start(attempt, ignore)
    await world.wait_up(url)
    assert len(world.processes(attempt.spawn_id)) <= 2  # a launcher and a server, or a server alone
    assert await hub.list_attempts() == [attempt.spawn_id]
    await world.hub().stop(attempt.spawn_id)
    assert not world.processes(attempt.spawn_id)


def test_nothing_is_run_whose_identity_cannot_be_written(tmp_path: Path) -> None:
    launcher = Path(launching.__file__).with_name("launch.sh")
    command = ["touch", str(tmp_path / "was_run")]
    place = ["boot", "namespace", str(tmp_path)]
    for directory in (tmp_path, tmp_path / "none"):
        was_run = tmp_path / "was_run"
        subprocess.run(
            ["/bin/sh", str(launcher), str(directory), *place, *command], stderr=subprocess.DEVNULL
        )
        assert was_run.exists() == directory.exists()
        was_run.unlink(missing_ok=True)


async def test_a_launcher_killed_with_its_server_leaves_no_status(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    pid = pid_of(hub, attempt)
    os.kill(launcher_of(pid), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    await hub.wait_news(attempt.spawn_id)
    assert await hub.poll(attempt.spawn_id) == Gone(None)
    assert await hub.list_attempts() == []


async def test_a_stop_waits_for_a_launcher_that_has_not_said_who_it_is(world: LocalWorld) -> None:
    """As after a hub that was killed in mid-start: the lock is held, the identity not yet written."""
    attempt = world.attempt()
    files = AttemptFiles(str(world.state / attempt.spawn_id))
    files.create()
    lock = files.take_lock()
    assert lock is not None
    hub = world.hub()
    assert await hub.poll(attempt.spawn_id) == Running()
    assert await hub.list_attempts() == [attempt.spawn_id]
    with trio.move_on_after(0.1) as waiting:
        await hub.stop(attempt.spawn_id)
    assert waiting.cancelled_caught
    with trio.move_on_after(0.1) as waiting:
        await hub.start(attempt, ignore)
    assert waiting.cancelled_caught
    os.close(lock)
    assert await hub.stop(attempt.spawn_id) == Gone(None)
    with pytest.raises(SpawnError):
        await hub.start(attempt, ignore)
    assert not world.processes(attempt.spawn_id)


async def test_a_hub_that_died_before_the_launch_is_no_obstacle(world: LocalWorld) -> None:
    attempt = world.attempt()
    files = AttemptFiles(str(world.state / attempt.spawn_id))
    files.create()
    files.write_url("http://127.0.0.1:1")
    hub = world.hub()
    assert await hub.poll(attempt.spawn_id) == Gone(None)
    assert await hub.list_attempts() == []
    url = await hub.start(attempt, ignore)
    assert url != "http://127.0.0.1:1"
    await world.wait_up(url)


async def test_what_ended_between_look_and_launch_is_not_run(world: LocalWorld) -> None:
    hub, died, stopped = world.hub(), world.attempt(exit=0, after=0), world.attempt()
    await hub.start(died, ignore)
    await hub.wait_news(died.spawn_id)
    files = AttemptFiles(str(world.state / stopped.spawn_id))
    files.create()
    await hub.stop(stopped.spawn_id)
    for attempt in (died, stopped):
        await hub._launchers.launch(attempt, AttemptFiles(str(world.state / attempt.spawn_id)))
        await trio.sleep(0.02)
        assert isinstance(await hub.poll(attempt.spawn_id), Gone)
        assert not world.processes(attempt.spawn_id)


@contextmanager
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("doctored", ["boot", "namespace", "start"])
async def test_another_process_with_the_same_pid_is_left_alone(world: LocalWorld, doctored: str) -> None:
    attempt = world.attempt()
    hub = world.hub()
    with stranger() as process:
        _write_identity(world, attempt, process.pid, doctored)
        assert await hub.poll(attempt.spawn_id) == Gone(None)
        assert await hub.list_attempts() == []
        with trio.fail_after(1):
            await hub.wait_news(attempt.spawn_id)
        with pytest.raises(SpawnError):
            await hub.start(attempt, ignore)
        assert await hub.stop(attempt.spawn_id) == Gone(None)
        await trio.sleep(0.05)
        assert process.poll() is None
        _write_identity(world, attempt, process.pid, "")
        assert await hub.poll(attempt.spawn_id) == Running({"pid": process.pid})


def _write_identity(world: LocalWorld, attempt: Attempt, pid: int, doctored: str) -> None:
    found = read_stat(pid)
    assert found is not None
    identity = identify(found)
    fields = Path(f"/proc/{pid}/stat").read_text().split(" ")
    boot, namespace = identity.boot, identity.namespace
    if doctored == "boot":
        boot = "0" * 36
    elif doctored == "namespace":
        namespace = "pid:[1]"
    elif doctored == "start":
        fields[21] = str(identity.start - 1)
    files = AttemptFiles(str(world.state / attempt.spawn_id))
    files.create()
    Path(files.directory, "lock").touch()
    Path(files.directory, "identity").write_text(f"{boot} {namespace} {' '.join(fields)}")


def test_a_zombie_has_ended() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        found = read_stat(process.pid)
        assert found is not None
        identity = identify(found)
        assert is_alive(identity)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(identity)
        assert open_process(identity) is None
    assert not is_alive(identity)
    assert open_process(identity) is None


def test_a_name_cannot_confuse_the_stat_line() -> None:
    found = parse_stat("12 (a) R 1 (b)) S 3 4 5 " + " ".join(map(str, range(30))))
    assert (found.pid, found.state, found.session, found.start) == (12, "S", 5, 15)
    for line in ("", "12", "12 (x)", "12 (x) S 1 2"):
        with pytest.raises(ValueError):
            parse_stat(line)
    with pytest.raises(ValueError):
        parse_identity("boot")


@pytest.mark.parametrize("rubbish", ["", "x", "x\n", "a b c\n", "a b 1 (s) S 1"])
async def test_an_identity_half_written_is_nobody(world: LocalWorld, rubbish: str) -> None:
    attempt = world.attempt()
    files = AttemptFiles(str(world.state / attempt.spawn_id))
    files.create()
    Path(files.directory, "identity").write_text(rubbish)
    hub = world.hub()
    assert await hub.poll(attempt.spawn_id) == Gone(None)
    with pytest.raises(SpawnError):
        await hub.start(attempt, ignore)
    assert await hub.stop(attempt.spawn_id) == Gone(None)


async def test_a_directory_that_cannot_be_used_is_news_about_the_backend(tmp_path: Path) -> None:
    (tmp_path / "attempts").write_text("not a directory")
    world = LocalWorld(tmp_path)
    hub, attempt = world.hub(), world.attempt()
    with pytest.raises(UnreachableError):
        await hub.poll(attempt.spawn_id)
    with pytest.raises(UnreachableError):
        await hub.list_attempts()
    with pytest.raises(UnreachableError):
        await hub.stop(attempt.spawn_id)
    assert await hub.last_lines(attempt.spawn_id) == []


async def test_only_spawn_ids_name_files(world: LocalWorld) -> None:
    for name in ("../x", "", "s/../../etc", "S" * 26):
        with pytest.raises(ValueError):
            await world.hub().poll(name)


# What a server is given


async def test_a_server_gets_what_is_named_and_nothing_else(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HUB_SECRET", "hush")
    monkeypatch.setenv("LANG", "C.UTF-8")
    told = tmp_path / "told"
    world.settings = change(
        world.settings, args=["--x=a b", ""], environment={"EXTRA": "1", "LANGUAGE": "la"}
    )
    hub, attempt = world.hub(), world.attempt(tell=str(told))
    url = await hub.start(attempt, ignore)
    await until(told.exists)
    environment, arguments, directory, uid, *_ = json.loads(told.read_text())
    home = str(tmp_path / "home" / "alice")
    assert (arguments, directory, uid) == (["--x=a b", ""], home, os.geteuid())
    assert environment["USER"] == "alice"
    assert environment["HOME"] == home
    assert environment["SHELL"].startswith("/")
    assert environment["LANG"] == "C.UTF-8"
    assert environment["EXTRA"] == "1"
    assert environment["JUPYTERHUB_SERVICE_URL"] == f"{url}/user/alice/"
    assert environment["JUPYTERHUB_API_TOKEN"] == "t0p-s3cret"
    given = {"USER", "HOME", "SHELL", "JUPYTERHUB_SERVICE_URL", "EXTRA", "LANGUAGE", "CALLBOARD_SPAWN_ID"}
    assert environment.keys() <= given | attempt.environment.keys() | set(world.settings.env_keep) | {
        "PWD",  # the shell's
        "_",
        "SHLVL",
    }
    assert "hush" not in told.read_text()
    assert stat.S_IMODE(Path(home).stat().st_mode) == 0o700


async def test_the_token_is_in_no_file_and_no_command_line(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    for pid in world.processes(attempt.spawn_id):
        assert b"t0p-s3cret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    await written(hub, attempt)
    place = world.state / attempt.spawn_id
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for path in place.iterdir():
        assert b"t0p-s3cret" not in path.read_bytes()
    assert stat.S_IMODE((place / "output").stat().st_mode) == 0o600


async def test_a_server_inherits_its_output_and_a_lock_and_nothing_else(world: LocalWorld) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        hub, attempt = world.hub(), world.attempt()
        await world.wait_up(await hub.start(attempt, ignore))
        pid = pid_of(hub, attempt)
        files = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        place = str(world.state / attempt.spawn_id)
        own = [file for file in files if not file.startswith("socket:")]  # where it listens, and who asked
        assert sorted(own) == sorted([f"{place}/lock", f"{place}/output", f"{place}/output", "/dev/null"])
    finally:
        os.close(reader)
        os.close(writer)


async def test_an_attempt_may_bring_settings_of_its_own(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    settings = change(
        world.settings, cmd=["sh", "-c", 'echo "pid $EXTRA"; exec sleep 1000'], environment={"EXTRA": "x"}
    )
    await hub.start(change(attempt, settings=settings), ignore)
    assert await written(hub, attempt) == ["pid x"]


async def test_a_server_may_start_elsewhere_with_another_umask_and_more_variables(world: LocalWorld) -> None:
    world.settings = change(
        world.settings, popen_kwargs={"cwd": "/usr", "umask": 0o027, "env": {"EXTRA": "x"}}
    )
    world.settings = change(
        world.settings, cmd=["sh", "-c", 'echo "pid $(pwd) $(umask) $EXTRA"; exec sleep 1000']
    )
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    assert await written(hub, attempt) == ["pid /usr 0027 x"]


async def test_the_command_may_go_through_a_shell(world: LocalWorld) -> None:
    world.settings = change(world.settings, shell_cmd=["/bin/sh", "-c"])
    world.settings = change(world.settings, cmd=["sh", "-c", 'echo "pid $0 $HOME"; exec sleep 1000', "it's"])
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    assert await written(hub, attempt) == [f"pid it's {world.directory}/home/alice"]


@pytest.mark.parametrize(
    "command", [[], ["no-such-command"], ["/no/such/command"], ["./no-such-command"], ["/etc/passwd"]]
)
async def test_a_command_that_is_none_is_told_at_once(world: LocalWorld, command: list[str]) -> None:
    world.settings = change(world.settings, cmd=command)
    hub, attempt = world.hub(), world.attempt()
    with pytest.raises(SpawnError, match="command"):
        await hub.start(attempt, ignore)
    assert isinstance(await hub.stop(attempt.spawn_id), Gone)
    assert await hub.list_attempts() == []


async def test_a_command_that_turns_out_to_be_none_ends_with_127(world: LocalWorld) -> None:
    script = world.directory / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    world.settings = change(world.settings, cmd=[str(script)])
    hub, attempt = world.hub(), world.attempt()
    with suppress(SpawnError):  # it may be seen at once, or a moment later
        await hub.start(attempt, ignore)
        await hub.wait_news(attempt.spawn_id)
    status = await hub.poll(attempt.spawn_id)
    assert isinstance(status, Gone)
    assert status.exit_status in (126, 127)
    assert "not found" in (await hub.last_lines(attempt.spawn_id))[-1]


@pytest.mark.parametrize("environment", [{"A": "secret\0"}, {"A=B": "secret"}])
async def test_an_environment_that_is_none_is_refused_without_showing_it(
    world: LocalWorld, environment: dict[str, str]
) -> None:
    world.settings = change(world.settings, environment=environment)
    hub, attempt = world.hub(), world.attempt()
    with pytest.raises(SpawnError) as refused:
        await hub.start(attempt, ignore)
    assert "secret" not in str(refused.value)
    await hub.stop(attempt.spawn_id)


async def test_a_plain_shell_script_is_a_server_too(world: LocalWorld) -> None:
    world.settings = change(
        world.settings, cmd=["/bin/sh", "-c", "trap 'exit 9' INT; echo pid; sleep 0.2; exit 4"]
    )
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    await hub.wait_news(attempt.spawn_id)
    assert await hub.poll(attempt.spawn_id) == Gone(4)


# Whose rights it has


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")


def system_hub(world: LocalWorld, script: str) -> LocalProcessSpawner:
    settings = change(world.settings, cmd=["/bin/sh", "-c", f"{script}; echo pid; exec sleep 1000"])
    return LocalProcessSpawner(world.state, settings, simple=False)


def attempt_for(world: LocalWorld, user: str) -> Attempt:
    spawn_id = new_id("s")
    world.spawn_ids.append(spawn_id)
    return Attempt(spawn_id, user, "", f"/user/{user}/", {}, {"JUPYTERHUB_API_TOKEN": "t0p-s3cret"})


@needs_root
async def test_rights_are_those_of_the_systems_user(world: LocalWorld) -> None:
    hub = system_hub(
        world, 'id -u; id -g; id -G; pwd; echo "$USER $HOME"; grep CapEff /proc/self/status >>/dev/stderr'
    )
    attempt = attempt_for(world, "nobody")
    await hub.start(attempt, ignore)
    lines = [line for line in await written(hub, attempt) if "can't cd" not in line]
    assert lines[0] not in ("0", "")
    assert lines[0] == lines[1] == lines[2]
    assert "nobody /nonexistent" in lines
    assert "/" in lines
    assert any(line.split() == ["CapEff:", "0000000000000000"] for line in lines)
    pid = pid_of(hub, attempt)
    assert Path(f"/proc/{pid}").stat().st_uid == int(lines[0])
    assert isinstance(await hub.stop(attempt.spawn_id), Gone)


@needs_root
async def test_a_server_cannot_touch_the_files_of_its_attempt(world: LocalWorld) -> None:
    attempt = attempt_for(world, "nobody")
    world.state.mkdir()
    for directory in (world.state, *world.state.parents):
        if directory.owner() == "root" and directory != Path("/tmp"):
            directory.chmod(directory.stat().st_mode | 0o011)
    place = world.state / attempt.spawn_id
    hub = system_hub(
        world, f"echo x >{place}/exit; for f in /proc/$$/fd/*; do echo x >$f/exit; done; ls {place}"
    )
    await hub.start(attempt, ignore)
    lines = await written(hub, attempt)
    assert sum("exit: Permission denied" in line for line in lines) >= 1
    assert any("cannot open directory" in line for line in lines)
    assert isinstance(await hub.poll(attempt.spawn_id), Running)


async def test_ones_own_name_needs_no_other_rights(world: LocalWorld) -> None:
    entry = pwd.getpwuid(os.geteuid())
    hub = system_hub(world, 'id -u; pwd; echo "$SHELL"')
    attempt = attempt_for(world, entry.pw_name)
    await hub.start(attempt, ignore)
    assert (await written(hub, attempt))[:3] == [str(entry.pw_uid), entry.pw_dir, entry.pw_shell]


async def test_who_is_no_user_of_the_system_gets_no_server(world: LocalWorld) -> None:
    hub = system_hub(world, "true")
    with pytest.raises(SpawnError, match="no user 'no-such-user'"):
        await hub.start(attempt_for(world, "no-such-user"), ignore)


# Output


async def test_output_is_kept_short_while_it_grows(world: LocalWorld) -> None:
    world.settings = change(world.settings, environment={"PYTHONUNBUFFERED": ""})
    hub, attempt = world.hub(), world.attempt(says=["0123456789" * 10, 80_000])
    await world.wait_up(await hub.start(attempt, ignore))
    output = world.state / attempt.spawn_id / "output"
    assert output.stat().st_size > 8_000_000
    await hub.poll(attempt.spawn_id)
    assert output.stat().st_size > 8_000_000
    assert output.stat().st_blocks * 512 <= output_file.KEPT + 2**16
    lines = await hub.last_lines(attempt.spawn_id)
    assert len(lines) == 100
    assert lines[:99] == ["0123456789" * 10] * 99
    assert lines[99].startswith("pid")


async def test_output_is_kept_short_between_polls(world: LocalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spawners.local.spawner._FIRST_LOOK", 0.05)
    hub, attempt = world.hub(), world.attempt(says=["0123456789" * 10, 80_000])
    await hub.start(attempt, ignore)
    output = world.state / attempt.spawn_id / "output"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.wait_news, attempt.spawn_id)
        await until(lambda: output.stat().st_size > 8_000_000)
        await until(lambda: output.stat().st_blocks * 512 <= output_file.KEPT + output_file.SLACK)
        nursery.cancel_scope.cancel()


def test_where_there_are_no_holes_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_file, "_punch_hole", lambda descriptor, length: False)
    path = tmp_path / "output"
    writer = output_file.open_for_writing(str(path), None)
    for number in range(400_000):
        os.write(writer, b"%09d\n" % number) if number % 1000 == 0 else None
    os.write(writer, b"x" * 3_000_000 + b"\nlast\n")
    output_file.trim(str(path))
    os.write(writer, b"more\n")
    os.close(writer)
    assert path.stat().st_size <= output_file.KEPT
    assert output_file.last_lines(str(path))[-2:] == ["last", "more"]


def test_lines_are_text_and_not_too_long(tmp_path: Path) -> None:
    path = tmp_path / "output"
    assert output_file.last_lines(str(path)) == []
    path.write_bytes(b"a\r\n\xff\xfe\0b\n\n" + b"x" * 5000 + "é".encode())
    assert output_file.last_lines(str(path)) == ["a", "\ufffd\ufffdb", "", "x" * 1000]
    path.write_bytes(b"".join(b"%d\n" % number for number in range(1000)))
    assert output_file.last_lines(str(path)) == [str(number) for number in range(900, 1000)]


def test_what_was_dropped_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_bytes(b"x" * (output_file.KEPT + output_file.SLACK + 2**16) + b"end")
    output_file.trim(str(path))
    data, offset = output_file.read(str(path), 0, 2**30)
    assert output_file.KEPT <= len(data) <= output_file.KEPT + 2**13
    assert offset == output_file.size(str(path))
    assert output_file.read(str(path), offset) == (b"", offset)
    assert output_file.read(str(path), offset + 10**9, 2**30)[0] == data


async def test_output_can_be_followed(world: LocalWorld) -> None:
    world.settings = change(
        world.settings, cmd=["/bin/sh", "-c", "echo one; sleep 0.3; echo two >&2; exit 0"]
    )
    hub, attempt = world.hub(), world.attempt()
    await hub.start(attempt, ignore)
    text = b""
    async for data, offset in hub.follow_output(attempt.spawn_id):
        text += data
        assert offset == len(text)
    assert text == b"one\ntwo\n"


# Ports


def test_ports_are_given_once(tmp_path: Path) -> None:
    ports = Ports("127.0.0.1", None, dict)
    spawn_ids = [new_id("s") for _ in range(300)]
    assert len({ports.take(spawn_id) for spawn_id in spawn_ids}) == 300


def test_a_range_of_ports_is_used_up_and_given_back() -> None:
    low = random.randrange(20_000, 30_000)
    ports = Ports("127.0.0.1", (low, low + 9), lambda: {"earlier": low + 3})
    taken = [ports.take(str(number)) for number in range(9)]
    with pytest.raises(SpawnError, match="port_range"):
        ports.take("one too many")
    assert low + 3 not in taken
    assert set(taken) <= set(range(low, low + 10))
    ports.release("0")
    ports.release("0")
    assert ports.take("again") == taken[0]
    assert ports.take("again") == taken[0]


async def test_the_next_hub_gives_no_port_away_on_which_somebody_may_yet_listen(world: LocalWorld) -> None:
    low = random.randrange(20_000, 30_000)
    world.settings = change(world.settings, port_range=(low, low + 40))
    world.settings = change(world.settings, cmd=["sleep", "1000"])
    urls = [await world.hub().start(world.attempt(), ignore) for _ in range(4)]
    assert len(set(urls)) == 4


async def test_every_address_is_no_address_to_connect_to(world: LocalWorld, tmp_path: Path) -> None:
    told = tmp_path / "told"
    world.settings = change(world.settings, ip="")
    hub, attempt = world.hub(), world.attempt(tell=str(told))
    url = await hub.start(attempt, ignore)
    assert url.startswith("http://127.0.0.1:")
    await until(told.exists)
    assert json.loads(told.read_text())[0]["JUPYTERHUB_SERVICE_URL"].startswith("http://0.0.0.0:")


async def test_a_port_of_the_configuration_is_taken(world: LocalWorld) -> None:
    world.settings = change(world.settings, port=54321, cmd=["sh", "-c", "exec sleep 1000"])
    hub, attempt = world.hub(), world.attempt()
    assert await hub.start(attempt, ignore) == "http://127.0.0.1:54321"


def test_options_that_choose_a_place_or_an_image_are_not_supported(tmp_path: Path) -> None:
    hub = LocalProcessSpawner(tmp_path, LocalProcessSettings(), simple=True)
    assert hub.unsupported_options({"image": "x", "colour": "red", "system": "y"}) == {"image", "system"}
    assert hub.unsupported_options({}) == frozenset()
