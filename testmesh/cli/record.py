"""`testmesh record curl|har|run|proxy`: something that happened once becomes a flow."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from testmesh.cli import Command
from testmesh.cli._options import add_folder
from testmesh.cli._writing import add_output, beside, write
from testmesh.kernel.errors import UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="curl|har|run|proxy")
    curl = kinds.add_parser("curl", help="a curl command", description="make a flow of a curl command")
    curl.add_argument("what", nargs="*", metavar="COMMAND", help="as one word, or after '--' (nothing: stdin)")
    har = kinds.add_parser("har", help="a browser's recording", description="make a flow of a HAR file")
    har.add_argument("what", nargs=1, metavar="FILE", help="exported from the network tab")
    har.add_argument("--host", default="", help="only requests to these hosts (comma separated)")
    har.add_argument("--type", default="", help="only these resource types (xhr,fetch,document)")
    har.add_argument("--all", action="store_true", help="static files too")
    run = kinds.add_parser("run", help="steps of a kept run", description="make a flow of what a run recorded")
    run.add_argument("what", nargs="+", metavar="RUN [STEP]", help="id or 'latest'; perhaps one step of it")
    proxy = kinds.add_parser(
        "proxy", help="what passes through", description="record requests on their way to a server"
    )
    proxy.add_argument("what", nargs=1, metavar="URL", help="of the server, such as http://localhost:8001")
    proxy.add_argument("--port", type=int, default=8900, help="to listen on at 127.0.0.1 (default 8900)")
    for each in (curl, har, run, proxy):
        add_output(each)
        add_folder(each)


def _run(options: argparse.Namespace) -> int:
    if options.kind == "run":
        return _of_run(options)
    if options.kind == "proxy":
        return _of_proxy(options)
    return _of_har(options) if options.kind == "har" else _of_curl(options)


def _of_curl(options: argparse.Namespace) -> int:
    import shlex

    from flows.importers import Source
    from flows.importers.curl import read

    given = [word for word in options.what if word not in ("-", "--")]
    text = sys.stdin.read() if not given else given[0] if len(given) == 1 else shlex.join(given)
    source = Source("curl", text, lambda name: beside(Path(name)))
    return write(read(source), source, options)


def _of_har(options: argparse.Namespace) -> int:
    from flows.importers import Source
    from flows.importers.har import read

    path = Path(options.what[0])
    text = beside(path)
    if text is None:
        raise UserError(f"{path}: there is no such file", hint="export the recording from the browser's network tab")
    narrowed = {"host": options.host, "type": options.type, **({"all": "yes"} if options.all else {})}
    source = Source(str(path), text, options={key: value for key, value in narrowed.items() if value})
    return write(read(source), source, options)


def _of_proxy(options: argparse.Namespace) -> int:
    import json
    import signal

    from flows.importers import Source
    from flows.importers.har import read
    from flows.importers.listening import recording

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with recording(options.port, options.what[0]) as server:
        port = server.server_address[1]
        print(f"recording http://127.0.0.1:{port} -> {options.what[0]}; Ctrl-C ends it", file=sys.stderr, flush=True)
        try:
            while True:
                signal.pause()
        except KeyboardInterrupt:
            har = server.har()
        if server.lost:
            print(f"{server.lost} requests were too many and are left out", file=sys.stderr)
    if not har["log"]["entries"]:
        raise UserError("nothing passed", hint=f"send requests to http://127.0.0.1:{port}")
    source = Source("proxy", json.dumps(har), options={"all": "yes"})
    return write(read(source), source, options)


def _of_run(options: argparse.Namespace) -> int:
    from flows.importers import Source
    from flows.importers.recorded import read_steps
    from flows.runner.store import FileRunStore
    from testmesh.workspaces.files import load_project

    if len(options.what) > 2:
        raise UserError("one run and one step of it are taken", hint="testmesh record run latest place_order")
    project = load_project(options.dir)
    run = FileRunStore(project.state / "runs").load(options.what[0])
    source = Source(f"run {run.id}", "")
    return write(read_steps(run, options.what[1] if len(options.what) > 1 else ""), source, options)


COMMAND = Command(
    "make a flow of a curl command, a HAR file, a kept run or what passes a proxy", _arguments, _run, "Flows"
)
