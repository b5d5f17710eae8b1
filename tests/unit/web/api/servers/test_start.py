"""Jupyter4NFDI's start API over HTTP, in memory."""

from __future__ import annotations

import pytest

from core.naming.names import slug
from core.settings import StartAPISettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from web.api.servers.start import merged

HUB = "http://hub.test"
API = f"{HUB}/hub/api"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("POST API Server", "post-api-server"),
        ("Größe  №7!", "große-no7".replace("ß", "-")),
        ("7 dwarfs", "x-7-dwarfs"),
        ("---", "x"),
        ("a" * 40, "a" * 30),
        ("a" * 29 + " b", "a" * 29),
    ],
)
def test_names_are_made_from_texts(text: str, name: str) -> None:
    assert slug(text) == name


def test_options_of_another_kind_of_server_leave_the_defaults_of_the_usual_kind_away() -> None:
    defaults = StartAPISettings().default_user_options
    assert merged({}, defaults) == defaults
    assert merged({"flavor": "m2"}, defaults)["flavor"] == "m2"
    other = merged({"option": "repo2docker", "repo2docker": {}}, defaults)
    assert "custom" not in other
    assert other["system"] == "deNBI-Cloud"


async def test_a_start_without_a_body_runs_the_default_server_of_the_api(
    client: Client, autojump_clock: object
) -> None:
    answer = await client.post("/start")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "running",
        "next_url": f"{HUB}/user/alice/post-api-server/",
        "status_url": f"{API}/start/alice/post-api-server",
        "delete_url": f"{API}/users/alice/servers/post-api-server",
    }
    model = (await client.get("/users/alice/servers/post-api-server")).json()
    assert model["display_name"] == "POST API Server"
    assert model["user_options"]["custom"] == {"customimage": "jupyter/minimal-notebook:latest"}


async def test_the_same_name_is_the_same_server_whatever_its_state(
    client: Client, autojump_clock: object
) -> None:
    slow = {"name": "lab", "simulate": {"delay": 40}}
    first = await client.post("/start", json=slow)
    again = await client.post("/start", json=slow)
    assert (first.status_code, again.status_code) == (202, 202)
    assert (
        first.json()
        == again.json()
        == {
            "status": "pending",
            "status_url": f"{API}/start/alice/lab",
            "delete_url": f"{API}/users/alice/servers/lab",
        }
    )
    asked = await client.get("/start/alice/lab")
    assert (asked.status_code, asked.json()["status"]) == (202, "pending")
    await client.get("/users/alice/servers/lab/progress")
    assert (await client.get("/start/alice/lab")).json()["status"] == "running"
    assert (await client.post("/start", json=slow)).json()["status"] == "running"
    await client.delete("/users/alice/lab")
    stopped = await client.get("/start/alice/lab")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    assert stopped.json()["exit_code"] == 0
    assert stopped.json()["logs"]
    assert (await client.post("/start", json={"name": "lab"})).json()["status"] == "running"


async def test_a_failed_start_says_why_until_the_next_one(client: Client, autojump_clock: object) -> None:
    answer = await client.post("/start", json={"name": "lab", "simulate": {"fail": "no room"}})
    assert (answer.status_code, answer.json()["status"], answer.json()["message"]) == (
        500,
        "failed",
        "no room",
    )
    kept = await client.get("/start/alice/lab")
    assert (kept.status_code, kept.json()["status"], kept.json()["message"]) == (200, "failed", "no room")
    assert (await client.post("/start", json={"name": "lab"})).json()["status"] == "running"


async def test_it_works_while_named_servers_are_disabled_and_has_its_own_limit(
    autojump_clock: object,
) -> None:
    settings = settings_for_tests(allow_named_servers=False)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for number in range(15):
            assert (await client.post("/start", json={"name": f"n{number}"})).status_code == 200
        refused = await client.post("/start", json={"name": "one too many"})
        assert refused.status_code == 400
        assert "15" in refused.json()["message"]
        assert "n14" in refused.json()["message"]
        gone = await client.request(
            "DELETE",
            "/users/alice/n3",
            content='{"remove": true}',
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert gone.status_code == 204
        assert (await client.get("/start/alice/n3")).status_code == 404
        assert (await client.post("/start", json={"name": "one too many"})).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [("[]", 400), ("{", 400), ('{"name": 7}', 400), ('{"name": " "}', 400), ('"lab"', 400)],
)
async def test_bad_bodies_are_refused(client: Client, body: str, status: int) -> None:
    assert (await client.post("/start", content=body)).status_code == status


async def test_services_and_strangers_cannot_start_anything_for_themselves(client: Client) -> None:
    from tests.conftest import SERVICE_TOKEN

    assert (await client.with_token(SERVICE_TOKEN).post("/start")).status_code == 403
    assert (await client.with_token(None).post("/start")).status_code == 403
    assert (await client.get("/start/alice/none")).status_code == 404


async def test_reserved_words_are_no_servers(client: Client) -> None:
    assert (await client.delete("/users/alice/tokens")).status_code == 405
