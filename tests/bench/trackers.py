"""Trackers to be measured: ours, and those that are installed; each a process that is to be stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.announcer import Result
from tests.bench.database import add_terminals, tracker_keys
from tests.bench.figures import Plan, Scale
from tests.bench.images import publish, seeded
from voi.app.start import open_directory
from voi.demo.processes import ServerProcess, StageError, free_port, wait_until
from voi.files.directory import DataDirectory

HOST: Final = "127.0.0.1"
KINDS: Final = ("close", "keep", "udp")
"""Of announces: over HTTP with a connection for each or with one for many, and over UDP."""
OPENTRACKER: Final = "opentracker"
NPM: Final = "bittorrent-tracker (npm)"
_NPM_SERVER: Final = """
import Server from 'bittorrent-tracker/server'
const [port, host] = process.argv.slice(2)
const server = new Server({ http: true, udp: true, ws: false, stats: false })
server.on('error', error => console.error(error.message))
server.listen(Number(port), { http: host, udp: host })
"""
"""The package's server as its documentation starts it."""
_NPM_OPTIONS: Final = ("--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts")
"""Without scripts: its WebRTC client would want a compiler, and is not measured."""


@dataclass
class Contender:
    """A tracker under test: its process, its address, what it cost in each round."""

    name: str
    pid: int
    port: int
    path: str
    stop: Callable[[], object]
    keeps_alive: bool = True
    cpu: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    results: dict[str, list[Result]] = field(default_factory=lambda: {kind: [] for kind in KINDS})


def ours(plan: Plan, torrents: int, peers: int) -> tuple[Contender, list[bytes], list[str]]:
    """`twistd voi` with so many published templates and terminals in its database; their info-hashes and keys."""
    plan.say(f"{torrents} templates, {peers} terminals")
    server = ServerProcess(plan.directory / "ours")
    os.close(open_directory(DataDirectory(server.data)).lock)
    add_terminals(server.data, [f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}" for n in range(peers)], HOST)
    server.up()
    try:
        publish(server, plan.directory, [1 << 16] * torrents)
        wait_until(lambda: seeded(server) == torrents, 120, "the templates to be seeded")
        hashes = [bytes.fromhex(swarm["info_hash"]) for swarm in server.api("GET", "swarms")["swarms"]]
    except BaseException:
        server.stop()
        raise
    contender = Contender("voi", server.pid, server.http_port, "/{key}/announce", server.stop)
    return contender, hashes, tracker_keys(server.data)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StageError(f"{name} is not installed")
    return found


def opentracker(plan: Plan, hashes: Sequence[bytes]) -> Contender:
    """Debian's opentracker, told which torrents it may track."""
    program, port = _program("opentracker"), free_port()
    allowed = plan.directory / "allowed"
    allowed.write_text("".join(f"{info_hash.hex()}\n" for info_hash in hashes))
    plan.directory.chmod(0o755)  # it gives up root's rights before it reads the list
    arguments = [program, "-i", HOST, "-p", str(port), "-P", str(port), "-d", str(plan.directory), "-w", "allowed"]
    return _start(OPENTRACKER, arguments, port, "/announce", keeps_alive=False)


def npm(plan: Plan, _hashes: Sequence[bytes]) -> Contender:
    """The npm package bittorrent-tracker, installed for this run."""
    if plan.scale is not Scale.FULL:
        raise StageError("left out of a short run")
    npm_program, node = _program("npm"), _program("node")
    directory = plan.directory / "npm"
    directory.mkdir()
    plan.say("npm install bittorrent-tracker")
    try:
        done = subprocess.run(
            [npm_program, "install", *_NPM_OPTIONS, "bittorrent-tracker"],
            cwd=directory,
            capture_output=True,
            timeout=240,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StageError("npm did not install it within four minutes") from error
    if done.returncode:
        raise StageError(f"npm could not install it: exit status {done.returncode}")
    (directory / "serve.mjs").write_text(_NPM_SERVER)
    port = free_port()
    arguments = [node, str(directory / "serve.mjs"), str(port), HOST]
    return _start(NPM, arguments, port, "/announce")


def _start(name: str, arguments: Sequence[str], port: int, path: str, *, keeps_alive: bool = True) -> Contender:
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def stop() -> None:
        process.kill()
        process.wait()

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    try:
        wait_until(lambda: answers() or process.poll() is not None, 20, f"{name} to listen")
        if process.poll() is not None:
            raise StageError(f"it ended at once with status {process.returncode}")
    except StageError:
        stop()
        raise
    time.sleep(0.2)  # its UDP port opens beside the other one, and nobody says when
    return Contender(name, process.pid, port, path, stop, keeps_alive)
