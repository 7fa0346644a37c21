"""What whoever starts the service decides: the address, the limits, the number of workers."""

import re
from dataclasses import dataclass, field

from latentinpaint.errors import InputError, whole_number


@dataclass(frozen=True)
class SettingNames:
    """What messages call the settings, by the names of `ServiceSettings` and of `ServiceLimits`."""

    host: str = "host"
    port: str = "port"
    root_path: str = "root_path"
    workers: str = "workers"
    upload: str = "upload"
    megapixels: str = "megapixels"
    queue: str = "queue"
    seconds: str = "seconds"
    store: str = "store"


@dataclass(frozen=True)
class ServiceLimits:
    """What a visitor may ask for.

    Attributes:
        upload: megabytes (2^20 bytes) of a request.
        megapixels: of a photo.
        samples, steps: of a fill.
        visitor_jobs: of one visitor that wait or run.
        queue: jobs of everybody that wait.
        seconds: that a job may run.
        store: megabytes of all photos together.
        names: what messages call the caller's arguments.
    """

    upload: float = 100.0
    megapixels: float = 50.0
    samples: int = 8
    steps: int = 50
    visitor_jobs: int = 8
    queue: int = 32
    seconds: float = 300.0
    store: float = 2048.0
    names: SettingNames = SettingNames()

    def __post_init__(self) -> None:
        for name in ("upload", "megapixels", "seconds", "store"):
            value = getattr(self, name)
            if not value > 0:
                raise InputError(f"{getattr(self.names, name)} is a number above 0, not {value:g}")
        whole_number(self.names.queue, self.queue, 1)

    @property
    def upload_bytes(self) -> int:
        """The largest request."""
        return int(self.upload * 2**20)


@dataclass(frozen=True)
class ServiceSettings:
    """How the service runs.

    Attributes:
        host: the address to listen on.
        port: from 1 to 65535.
        root_path: the path below which a proxy offers the service, such as "/fill"; "" for none.
        server_names: host names that it may be called by, besides those of this machine, separated by commas; an
            address that is open to others takes any name if there are none.
        workers: threads that fill.
        log_json: whether a line of JSON is written for every request and job.
        limits: of what visitors ask for.

    Raises:
        InputError: if a value is out of range.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    server_names: str = ""
    workers: int = 1
    log_json: bool = False
    limits: ServiceLimits = field(default_factory=ServiceLimits)

    def __post_init__(self) -> None:
        names = self.limits.names
        if not 1 <= self.port <= 65535:
            raise InputError(f"{names.port} is 1 to 65535, not {self.port}")
        whole_number(names.workers, self.workers, 1)
        if not re.fullmatch(r"(/[\w.~-]+)*", self.root_path, re.ASCII):
            raise InputError(f"{names.root_path} is a path such as /fill, not {self.root_path}")
