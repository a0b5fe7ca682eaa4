"""Carries bytes from a port inside of a sandbox to the proxy's socket. Run as a file, by Python alone.

    relay.py SOCKET PORT -- PROGRAM ARGUMENT...

It becomes the program; a child of it carries the bytes, and ends with everything else that is inside.
"""

import _socket
import os
import sys

_CHUNK = 65536
_BACKLOG = 64
#: Of each thread; what the system gives by default would count as memory that is taken.
_STACK = 256 * 1024


def serve(port: int, path: str) -> None:
    """Carry the bytes of every connection, until the end."""
    # Here, where the program does not wait for what takes longest.
    import socket
    import threading

    def carry(source: socket.socket, sink: socket.socket) -> None:
        """Pass on what comes, and its end."""
        try:
            while chunk := source.recv(_CHUNK):
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # one side is gone, and then nobody waits for the other
            for end in (source, sink):
                close(end)

    def close(end: socket.socket) -> None:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def connect(inner: socket.socket) -> None:
        with inner, socket.socket(socket.AF_UNIX) as outer:
            try:
                outer.connect(name)
            except OSError:
                return
            back = threading.Thread(target=carry, args=(outer, inner))
            back.start()
            carry(inner, outer)
            back.join()

    folder, name = os.path.split(path)
    os.chdir(folder)  # a whole path may be longer than an address can be
    threading.stack_size(_STACK)
    listener = socket.socket(fileno=port)
    while True:
        inner, _ = listener.accept()
        threading.Thread(target=connect, args=(inner,), daemon=True).start()


def main(arguments: list[str]) -> None:
    path, port, _, *words = arguments
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(_BACKLOG)
    if os.fork() == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):  # nobody waits for the end of ours
            os.dup2(nothing, stream)
        serve(listener.fileno(), path)
    listener.close()
    os.execvp(words[0], words)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
