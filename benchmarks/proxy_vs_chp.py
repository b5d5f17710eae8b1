"""Our proxy and configurable-http-proxy, taking turns in front of one small server.

    python benchmarks/proxy_vs_chp.py --hbload PATH --hbserve PATH --chp PATH/bin/configurable-http-proxy

`hbload` generates load and `hbserve` answers it; both are C, from hubbench's `native/`. Read the ratios, not
the rates: above 1 our proxy is better. CPU is the proxy's own, from /proc, and the steadiest figure.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVER, HUB, OURS, CHP, CHP_API = range(23200, 23205)
ROUTES = {f"/user/u{number}/": f"http://127.0.0.1:{SERVER}" for number in range(100)}
CASES = {
    "http c32": ("http", "-c", "32", "-w", "0.3", "-f", "small"),
    "http c1": ("http", "-c", "1", "-w", "0.3", "-f", "small"),
    "download 10 MiB c1": ("http", "-c", "1", "-f", "large"),
    "ws 64 B c32": ("ws", "-c", "32", "-w", "0.3", "-s", "64", "-f", "ws"),
    "ws 64 B c1": ("ws", "-c", "1", "-w", "0.3", "-s", "64", "-f", "ws"),
    "ws 4 KiB c32": ("ws", "-c", "32", "-w", "0.3", "-s", "4096", "-f", "ws"),
}
PATHS = {
    "small": "".join(f"{spec}api/status\n" for spec in ROUTES),
    "large": "/user/u7/bytes/10485760\n",
    "ws": "/user/u7/ws\n",
}


class Hub(BaseHTTPRequestHandler):
    """Tells the routes once, and is content."""

    def do_GET(self) -> None:
        table = {"routes": {spec: {"target": target, "data": {}} for spec, target in ROUTES.items()}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"id: 1\nevent: routes\ndata: {json.dumps(table)}\n\n".encode())
        while True:
            time.sleep(8)
            self.wfile.write(b":\n\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


def start(command: list[str], port: int, **environment: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    for _ in range(500):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_chp_healthz").close()
        except OSError as error:
            if getattr(error, "code", None):
                break
            time.sleep(0.02)
        else:
            break
    return process


def add_chp_routes() -> None:
    for spec, target in ROUTES.items():
        url = f"http://127.0.0.1:{CHP_API}/api/routes{spec}"
        body = json.dumps({"target": target}).encode()
        request = urllib.request.Request(url, body, {"Authorization": "token t"}, method="POST")
        urllib.request.urlopen(request).close()


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    hbload: str, case: tuple[str, ...], process: subprocess.Popen[bytes], port: int, seconds: str
) -> tuple[float, float]:
    """Operations a second, and microseconds of CPU for one."""
    before = cpu(process.pid)
    command = [hbload, *case, "-a", f"127.0.0.1:{port}", "-d", seconds]
    counted = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert not counted["bad"] + counted["errors"], counted
    return counted["rps"], (cpu(process.pid) - before) * 1e6 / counted["all"]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--hbload", "--hbserve", "--chp"):
        parser.add_argument(name, required=True, type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", default="2")
    options = parser.parse_args()
    threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", HUB), Hub).serve_forever, daemon=True).start()
    ours = [
        sys.executable,
        "-m",
        "web.proxy",
        "--bind-url",
        f"http://127.0.0.1:{OURS}",
        "--hub-url",
        f"http://127.0.0.1:{HUB}",
    ]
    chp = [
        "node",
        options.chp,
        "--ip",
        "127.0.0.1",
        "--port",
        str(CHP),
        "--api-port",
        str(CHP_API),
        "--log-level",
        "error",
    ]
    processes = [
        start([options.hbserve, "--port", str(SERVER)], SERVER),
        start(ours, OURS, CALLBOARD_PROXY_TOKEN="t"),
        start(chp, CHP, CONFIGPROXY_AUTH_TOKEN="t"),
    ]
    try:
        add_chp_routes()
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            for name, lines in PATHS.items():
                Path(name).write_text(lines)
            compare(options.hbload, processes[1], processes[2], options.rounds, options.seconds)
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def compare(
    hbload: str, ours: subprocess.Popen[bytes], chp: subprocess.Popen[bytes], rounds: int, seconds: str
) -> None:
    print(f"{'':20}{'ours/s':>9}{'chp/s':>9}{'rate x':>8}{'ours us':>9}{'chp us':>9}{'CPU x':>8}")
    for name, case in CASES.items():
        pairs = []
        for turn in range(rounds):
            sides = [(ours, OURS), (chp, CHP)]
            found = {
                port: measure(hbload, case, process, port, seconds)
                for process, port in (sides if turn % 2 else sides[::-1])
            }
            pairs.append((found[OURS], found[CHP]))
        middle = statistics.median
        print(
            f"{name:20}{middle(a[0] for a, _ in pairs):9.0f}{middle(b[0] for _, b in pairs):9.0f}"
            f"{middle(a[0] / b[0] for a, b in pairs):8.2f}{middle(a[1] for a, _ in pairs):9.1f}"
            f"{middle(b[1] for _, b in pairs):9.1f}{middle(b[1] / a[1] for a, b in pairs):8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
