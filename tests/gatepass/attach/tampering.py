"""A stand-in between the command and moto: what is sent arrives otherwise, or what is answered is told otherwise."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.gatepass.attach.conftest import CLIENTS, Faults, World

Change = Callable[[dict[str, Any]], object]
"""Changes the parameters of a call, or its answer, in place."""


@contextmanager
def tampering(
    world: World, *, sent: Mapping[str, Change] | None = None, told: Mapping[str, Change] | None = None
) -> Iterator[Faults]:
    """Faults to run the command with. The keys are `<service>.<operation>`, in botocore's words."""
    registered: set[tuple[str, str, str]] = set()

    def register(client: Any, kind: str, operation: str, handler: Any) -> None:
        service, event = operation.partition(".")[0], f"{kind}.{operation}"
        if client.meta.service_model.service_name == service:
            client.meta.events.register(event, handler, unique_id=f"tampering-{event}")
            registered.add((service, event, f"tampering-{event}"))

    class Tampered(Faults):
        def install(self, client: Any) -> Any:
            for operation, change in (sent or {}).items():

                def send(params: dict[str, Any], change: Change = change, **_: Any) -> dict[str, Any]:
                    given = copy.deepcopy(params)
                    change(given)
                    return given

                register(client, "provide-client-params", operation, send)
            for operation, change in (told or {}).items():

                def tell(parsed: dict[str, Any], change: Change = change, **_: Any) -> None:
                    change(parsed)

                register(client, "after-call", operation, tell)
            return client

    try:
        yield Tampered()
    finally:
        for service, event, name in registered:
            CLIENTS[world.endpoint, service].client.meta.events.unregister(event, unique_id=name)
