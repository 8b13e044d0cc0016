"""``python -m examples.orders``: the shop's processes, and a demonstration of all of them."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from omnicloud import OmniCloud

CONFIG = Path(os.environ.get("OMNICLOUD_CONFIG") or Path(__file__).with_name("omnicloud.toml"))
"""Who serves each name: another file is another set of providers, and the only difference."""
_STOP_SECONDS = 20.0


def main() -> int:
    """Run what the command line says; the exit code."""
    args = _arguments()
    if args.command == "run":
        return _run(args)
    if args.command == "load":
        return asyncio.run(_load(args))
    return asyncio.run(_until_stopped(_process(args), leash=args.leash))


async def _process(args: argparse.Namespace) -> int:
    async with OmniCloud(CONFIG) as cloud:
        if args.command == "web":
            from .web import run_web

            await run_web(cloud, args.port)
        elif args.command == "worker":
            from .worker import run_worker

            await run_worker(cloud)
        elif args.command == "relay":
            from .relay import run_relay

            await run_relay(cloud)
        elif args.command == "report":
            from .report import send_report

            print(f"report of {args.day}: {await send_report(cloud, args.day)}")
    return 0


async def _load(args: argparse.Namespace) -> int:
    from .generate import generate
    from .load import Load

    load = Load(args.url, args.seed)
    await load.send(list(generate(args.orders, args.seed)))
    print(", ".join(f"{count} {name}" for name, count in sorted(load.answers.items())))
    return 1 if load.wrong else 0


def _run(args: argparse.Namespace) -> int:
    with ExitStack() as stack:
        folder = args.folder
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orders-")))
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        stack.callback(os.chdir, "/")
        return asyncio.run(_until_stopped(_demonstrate(args, folder.absolute()), stopped=1))


async def _demonstrate(args: argparse.Namespace, folder: Path) -> int:
    from .demo import Demo, run_demo

    kills = args.kills if args.kill else 0
    demo = Demo(args.orders, args.seed, kills, args.workers, args.patience)
    async with OmniCloud(CONFIG) as cloud:
        print(f"{demo.orders} orders of seed {demo.seed}, {demo.workers} workers, in {folder}")
        print(f"durability: {_durability(cloud)}", flush=True)
        audit = await run_demo(cloud, demo, folder)
    print(audit.table())
    print("all checks passed" if not audit.failures else "CHECKS FAILED")
    return 1 if audit.failures else 0


def _durability(cloud: OmniCloud) -> str:
    """What the stores are set to, as the plan has it."""
    options = (service.options for service in cloud.plan.services)
    return ", ".join(sorted({str(one.get("durability", "not said")) for one in options}))


async def _until_stopped(
    work: Coroutine[object, object, int], *, stopped: int = 0, leash: bool = False
) -> int:
    """Run a process's work; SIGTERM and SIGINT end it in an orderly way, with that exit code.

    On a leash, so does the end of standard input: it ends when the parent dies, however that
    dies.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    if leash:
        loop.add_reader(sys.stdin.fileno(), _let_go, loop, task)
    await asyncio.wait([task])
    return stopped if task.cancelled() else task.result()


def _let_go(loop: asyncio.AbstractEventLoop, task: asyncio.Task[int]) -> None:
    """Nothing is ever written to standard input: that it can be read says that it has ended."""
    loop.remove_reader(sys.stdin.fileno())
    task.cancel()
    # Nobody is there any more who would kill a process that does not stop.
    loop.call_later(_STOP_SECONDS, os.kill, os.getpid(), signal.SIGKILL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.orders", description=__doc__)
    parser.add_argument("--leash", action="store_true", help="end when standard input ends")
    commands = parser.add_subparsers(dest="command", required=True)
    web = commands.add_parser("web", help="take orders over HTTP")
    web.add_argument("--port", type=int, default=8080)
    commands.add_parser("worker", help="run sagas and write letters")
    commands.add_parser("relay", help="publish events")
    report = commands.add_parser("report", help="write the report of a day, if elected")
    today = datetime.now(UTC).date().isoformat()
    report.add_argument("--day", default=today, help="YYYY-MM-DD; today (UTC) by default")
    load = commands.add_parser("load", help="send orders to a shop that runs")
    load.add_argument("--url", default="http://127.0.0.1:8080")
    run = commands.add_parser("run", help="the whole shop, with load and an audit")
    run.add_argument("--folder", type=Path, help="where; a temporary one by default")
    run.add_argument("--kill", action="store_true", help="kill -9 processes at random moments")
    run.add_argument("--kills", type=int, default=12, help="how many")
    run.add_argument("--workers", type=int, default=2)
    run.add_argument("--patience", type=float, default=300.0, help="seconds at most")
    for command in (load, run):
        command.add_argument("--orders", type=int, default=10_000)
        command.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
