"""`serve`: fill over HTTP, for programs."""

import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from latentinpaint.errors import InputError

if TYPE_CHECKING:
    from latentinpaint.service.settings import ServiceSettings


@dataclass(kw_only=True)
class Options:
    """Serve the HTTP interface on this machine: photos and masks are sent, filled photos are answered.

    What it offers is described at /openapi.json. Photos are kept in a temporary folder that is deleted at the end.
    Ctrl-C ends it.

    Args:
        model: model files or folders of training runs, separated by commas; visitors see the folders' names.
        host: address to listen on; the default admits only this machine. There is no password: with another
            address everyone in the network can use the service.
        port: port to listen on, from 1 to 65535.
        root_path: path below which a proxy offers the service, such as /fill.
        server_names: names that a proxy passes on, separated by commas; a service on this machine alone answers to
            its own names only.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        precision: float32, or bfloat16, which is faster on processors that have instructions for it.
        workers: fills that are computed at a time, each with its share of the processor's cores.
        queue: fills that may wait; more are told to try again.
        time_limit: seconds that a fill may take.
        max_upload: megabytes (2^20 bytes) that a file may have.
        max_megapixels: megapixels that a photo may have.
        max_store: megabytes that all photos together may have; the oldest go.
        log_json: write a line of JSON to standard error for every request and fill.
    """

    model: str = "default"
    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    server_names: str = ""
    device: str | None = None
    precision: str = "float32"
    workers: int = 1
    queue: int = 32
    time_limit: float = 300.0
    max_upload: float = 100.0
    max_megapixels: float = 50.0
    max_store: float = 2048.0
    log_json: bool = False


def run(options: Options) -> None:
    """Serve until interrupted."""
    run_server(options, "the service is at {address}v1, described at {address}openapi.json (Ctrl-C ends it)")


def run_server(
    options: Options,
    announcement: str,
    page: Path | None = None,
    ports_tried: int = 1,
    when_ready: Callable[[str], object] = lambda address: None,
) -> None:
    """Serve until interrupted.

    Args:
        options: of the command.
        announcement: printed when requests are answered; {address} stands for the address.
        page: a folder of files that is served as well.
        ports_tried: ports that are tried from the chosen one on.
        when_ready: called with the address when requests are answered.
    """
    from latentinpaint.service.serving import require_server, serve

    require_server()
    from latentinpaint.service.guard import LOOPBACK
    from latentinpaint.service.served_models import load_models

    if not options.model.strip(" ,"):
        raise InputError("--model names no model: give a model file, or the folder of a training run")
    settings = _settings(options)
    models = load_models([options.model], options.device, options.precision)
    previous = signal.signal(signal.SIGTERM, _interrupt)  # so that the temporary folder is deleted then as well
    try:
        with serve(models, settings, page, ports_tried) as address:
            if not address.rstrip("/").endswith(f":{options.port}"):
                print(f"note: port {options.port} is taken", file=sys.stderr)
            if options.host not in LOOPBACK:
                print("note: everyone who reaches this machine can use the service", file=sys.stderr)
            print(announcement.format(address=address), flush=True)
            when_ready(address)
            threading.Event().wait()
    except KeyboardInterrupt:
        print()  # Ctrl-C is the way to end it, not an error
    finally:
        signal.signal(signal.SIGTERM, previous)


def _settings(options: Options) -> "ServiceSettings":
    from latentinpaint.service.settings import ServiceLimits, ServiceSettings, SettingNames

    names = SettingNames(
        "--host",
        "--port",
        "--root-path",
        "--workers",
        upload="--max-upload",
        megapixels="--max-megapixels",
        queue="--queue",
        seconds="--time-limit",
        store="--max-store",
    )
    limits = ServiceLimits(
        upload=options.max_upload,
        megapixels=options.max_megapixels,
        queue=options.queue,
        seconds=options.time_limit,
        store=options.max_store,
        names=names,
    )
    address = (options.host, options.port, options.root_path, options.server_names)
    return ServiceSettings(*address, options.workers, options.log_json, limits)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
