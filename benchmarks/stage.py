"""Where the measurements play: bundles, the canned server, DynamoDB Local, and live workers of the peers."""

import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Final

from benchmarks.bundles import BARE, OURS, OWN_WRITE, ROOT, RUNTIME, Bundle, Python, build, target_python
from benchmarks.certificates import make_certificates
from benchmarks.world import World
from entitlements.items import item_to_wire
from tests.support.emulators import DYNAMODB_LOCAL, free_port, process

TABLE: Final = "gatepass"
REGION: Final = "us-east-1"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "ASIABENCHMARKEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    # Each signature covers it, and each request carries it; a role's token on Lambda is about this long.
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE" * 40,
}
DYNAMODB_LOCAL_HEAP: Final = "-Xmx2g"


@dataclass
class Worker:
    """A process with one peer in it (worker.py). `ask` answers a command."""

    process: "subprocess.Popen[str]"

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send one command and wait for its reply."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a worker is spoken to through pipes")
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise SystemExit("bench: a worker ended; what it said stands above")
        return json.loads(reply)


@dataclass
class Stage:
    """Everything is started by `set_up` and ends with it."""

    folder: Path
    python: Python
    world: World
    bundles: dict[str, Bundle]
    runtime: Path
    canned_url: str
    _exits: ExitStack = field(repr=False)

    def bundle(self, peer: str) -> Bundle:
        """Both floors of a write are one handler, told what to send."""
        return self.bundles[BARE if peer == OWN_WRITE else peer]

    def environment(self, peer: str, endpoint: str | None = None, table: str = TABLE) -> dict[str, str]:
        """What Lambda would give to a peer's process, and where its endpoint is: the canned server unless named."""
        trust = str(self.folder / "trust.pem")
        bundle = self.bundle(peer).folder
        return CREDENTIALS | {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(bundle),
            "PYTHONPATH": f"{bundle}{os.pathsep}{self.runtime}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{self.python.version}",
            "AWS_LAMBDA_FUNCTION_NAME": peer,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            # Ours has Amazon's roots, to which `set_up` adds the canned server's. boto3 always loads a whole list.
            **({} if peer == OURS else {"AWS_CA_BUNDLE": trust}),
            "SSL_CERT_FILE": trust,  # the system's list: for PyJWKClient, which knows nothing of AWS's variable
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint or self.canned_url,
            "GATEPASS_TABLE" if peer == OURS else "TABLE": table,
            **self._settings(peer),
        }

    def _settings(self, peer: str) -> dict[str, str]:
        if peer == BARE:
            return {"KEY": json.dumps(self.world.write()["Key"])}
        if peer == OWN_WRITE:
            return {"WRITE": json.dumps(self.world.write())}
        return {} if peer == OURS else self.world.settings(f"{self.canned_url}/jwks.json")

    def worker(self, peer: str, endpoint: str | None = None, table: str = TABLE) -> Worker:
        """Start a peer that stays."""
        # -P: Python would put the worker's own folder on the path, which is no part of the peer's world.
        started = subprocess.Popen(  # noqa: S603
            [self.python.executable, "-P", str(ROOT / "benchmarks" / "worker.py"), self.bundle(peer).handler],
            cwd=self.bundle(peer).folder,
            env=self.environment(peer, endpoint, table),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._exits.callback(_end, started)
        return Worker(started)

    def dynamodb_local(self) -> str:
        """Start DynamoDB Local, in memory; its URL."""
        if not DYNAMODB_LOCAL.is_dir():
            raise SystemExit("bench: DynamoDB Local is missing: make tools (needs Java and Maven)")
        port, main = free_port(), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
        command = ["java", DYNAMODB_LOCAL_HEAP, "-Djava.library.path=.", "-cp", "*", main, "-inMemory"]
        command += ["-disableTelemetry", "-port", str(port)]
        return self._exits.enter_context(process(command, port, DYNAMODB_LOCAL))

    def calls(self) -> dict[str, int]:
        """What the canned server has answered so far, by operation."""
        tls = ssl.create_default_context(cafile=str(self.folder / "trust.pem"))
        connection = HTTPSConnection(self.canned_url.removeprefix("https://"), context=tls)
        connection.request("GET", "/calls")
        counted: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return counted

    def write_events(self, name: str, events: Iterator[str]) -> str:
        """Keep events where workers find them; the file's path."""
        path = self.folder / f"{name.replace(' ', '-')}.jsonl"
        path.write_text("".join(f"{event}\n" for event in events))
        return str(path)


@contextmanager
def set_up(world: World, bundles: Path | None = None) -> Iterator[Stage]:
    """Bundle all peers and start the canned server. `bundles` is a folder that keeps the peers for the next time."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="gatepass-bench-")))
        python = target_python()
        make_certificates(folder)
        items = [item_to_wire(item) for item in world.items()]
        canned = {"items": items, "spent": world.spent(), "jwks": world.jwks()}
        (folder / "canned.json").write_text(json.dumps(canned))
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.canned", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        exits.callback(_end, server)
        port = server.stdout.readline().strip() if server.stdout else ""
        if not port:
            raise SystemExit("bench: the canned server did not start; what it said stands above")
        kept = bundles or folder
        built = build(kept, python)
        with (built[OURS].folder / "authorizer" / "amazon-roots.pem").open("ab") as roots:
            roots.write((folder / "authority.pem").read_bytes())
        yield Stage(folder, python, world, built, kept / RUNTIME, f"https://localhost:{port}", exits)


def _end(started: "subprocess.Popen[str]") -> None:
    """Our processes end with their standard input."""
    if started.stdin:
        started.stdin.close()
    try:
        started.wait(20)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
