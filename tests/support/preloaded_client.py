"""Ask the server of `preloaded.py` to run `gatepass`: `preloaded_client.py ADDRESS ARGUMENT…`. Imports little, on purpose."""

import os
import sys

_, address, *arguments = sys.argv


def main() -> int:
    """The command's exit status."""
    import marshal
    import signal
    import socket

    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    environment = {name: value for name, value in os.environ.items() if name != "PRELOADED"}
    call = marshal.dumps((arguments, environment, os.getcwd()))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    status = server.recv(2)
    if len(status) < 2:
        return 1
    code = int.from_bytes(status, "big", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if not address:
    # `-I` leaves the folder of this script, and that of the caller, off the path of the command too.
    program = arguments if arguments[:1] == ["-c"] else ["-m", "gatepass", *arguments]
    os.execv(sys.executable, [sys.executable, *program])  # noqa: S606
sys.exit(main())
