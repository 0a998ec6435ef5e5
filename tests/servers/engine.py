"""A Docker engine with Compose: the machine's own, or podman's Docker API where the parts for it are there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import Command, Server, Unavailable, free_port, start

PROGRAM = """package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	fmt.Println("starting", os.Getenv("GREETING"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked for", r.URL.Path)
		if r.URL.Path == "/die" {
			fmt.Println("I am dying")
			os.Exit(3)
		}
		w.Write([]byte("hello"))
	})
	http.ListenAndServe(":8001", nil)
}
"""
IMAGE = "localhost/testmesh/toy:1"
_CONTAINERS = """[containers]
default_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "cni"
"""


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """How to reach it.

    Args:
        variables: for the process environment.
        image: a small HTTP server on port 8001, with a revision label.
    """

    variables: dict[str, str]
    image: str = IMAGE


def own_engine() -> DockerEngine | None:
    """The machine's own, when it answers."""
    if shutil.which("docker") is None:
        return None
    for command in (["docker", "info", "--format", "{{.ServerVersion}}"], ["docker", "compose", "version"]):
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
        if done.returncode:
            return None
    return DockerEngine({})


def start_podman(folder: Path) -> tuple[Server, DockerEngine]:
    """Podman's Docker-compatible API on a socket of its own.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: a part is missing, or containers cannot run here.
    """
    compose = os.environ.get("TESTMESH_TEST_COMPOSE", "")
    missing = [name for name in ("docker", "podman", "runc", "go") if shutil.which(name) is None]
    if missing or not Path(compose).is_file() or os.geteuid() != 0:
        raise Unavailable(
            "needs a Docker engine, or root with podman, runc, docker and go and TESTMESH_TEST_COMPOSE = the compose "
            f"plugin; missing: {', '.join(missing) or 'the plugin'}"
        )
    plugins = folder / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(compose)
    (folder / "containers.conf").write_text(_CONTAINERS)
    port = free_port()
    own = {"CONTAINERS_CONF": str(folder / "containers.conf"), "XDG_RUNTIME_DIR": str(folder / "run")}
    (folder / "run").mkdir()
    argv = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "runroot"), "--storage-driver", "vfs",
            "system", "service", "--time", "0", f"tcp://127.0.0.1:{port}"]  # fmt: skip
    variables = {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_CONFIG": str(folder / "docker")}
    server = start(Command(argv, folder, env=own, stop=signal.SIGTERM), port, lambda: None, 20)
    return server, DockerEngine(variables)


def add_image(engine: DockerEngine, folder: Path) -> None:
    """Build the toy service and give it to the engine as an image.

    Args:
        engine: to give it to.
        folder: for the build.

    Raises:
        Unavailable: it cannot be built, or a container of it does not run.
    """
    (folder / "main.go").write_text(PROGRAM)
    env = {**os.environ, **engine.variables}
    changes = ['ENTRYPOINT ["/app"]', "LABEL org.opencontainers.image.revision=abc1234"]
    steps = [
        ["go", "build", "-o", "app", "main.go"],
        ["tar", "cf", "root.tar", "app"],
        ["docker", "import", *[word for change in changes for word in ("--change", change)], "root.tar", engine.image],
        ["docker", "run", "--rm", "--detach", "--name", f"probe-{os.getpid()}", engine.image],
        ["docker", "rm", "--force", f"probe-{os.getpid()}"],
    ]
    for step in steps:
        done = subprocess.run(
            step, cwd=folder, env={**env, "CGO_ENABLED": "0"}, capture_output=True, timeout=120, check=False
        )
        if done.returncode:
            raise Unavailable(f"'{' '.join(step[:2])}' failed: {done.stderr.decode(errors='replace')[-300:]}")
