"""Shuts itself in by Landlock and seccomp, then becomes another program. Run as a file, by Python alone.

    launcher.py NETWORK BYTES PATH... -- PROGRAM ARGUMENT...

NETWORK is `deny`, `allow`, or the one port to which it may connect, BYTES the most memory of each process,
PATH what can be written.
"""

import ctypes
import os
import resource
import stat
import sys

NO_NEW_PRIVILEGES, SET_SECCOMP, DROP_CAPABILITY, AMBIENT = 38, 22, 24, 47
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
#: Of a file: to write it, to cut it off, to control a device. Of a folder: to make, remove, rename, too.
OF_FILES = 1 << 1 | 1 << 14 | 1 << 15
OF_FOLDERS = OF_FILES | sum(1 << bit for bit in range(4, 14))
#: No word to abstract sockets and no signal to processes that are outside.
SCOPED = 0b11
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
#: To listen at a port, and to connect to one.
OF_PORTS, CONNECT = 0b11, 0b10
#: By processor: what seccomp calls it, and the numbers of socket, sendto, sendmsg and sendmmsg(2) there.
PROCESSORS = {"x86_64": (0xC000003E, 41, 44, 46, 307), "aarch64": (0xC00000B7, 198, 206, 211, 269)}
IO_URING, X32 = 425, 0x40000000
#: To connect while sending, which Landlock does not see.
FAST_OPEN = 0x20000000
LOAD, EQUAL, ABOVE, ANY, AND, END = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
ALLOW, REFUSE, ABSENT = 0x7FFF0000, 0x00050000 | 13, 0x00050000 | 38
LIBC = ctypes.CDLL(None, use_errno=True)


class Instruction(ctypes.Structure):
    """A `struct sock_filter`."""

    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class Program(ctypes.Structure):
    """A `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(Instruction)))


def landlock_version() -> int:
    """The version of Landlock in this kernel; 0 or less where there is none."""
    return int(LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def done(result: int, what: str) -> int:
    if result < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)


def restrict(paths: list[str], port: int | None) -> None:
    """From now on nothing but these paths, and a few devices, can be written; nor but a port be reached."""
    asked = number(OF_FOLDERS, 8) + number(0 if port is None else OF_PORTS, 8) + number(SCOPED, 8)
    rules = done(LIBC.syscall(CREATE_RULESET, asked, ctypes.c_size_t(len(asked)), 0), "landlock")
    for path in (*paths, *DEVICES):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        access = OF_FOLDERS if stat.S_ISDIR(os.fstat(place).st_mode) else OF_FILES
        done(LIBC.syscall(ADD_RULE, rules, 1, number(access, 8) + number(place, 4), 0), path)
        os.close(place)
    if port is not None:
        done(LIBC.syscall(ADD_RULE, rules, 2, number(CONNECT, 8) + number(port, 8), 0), "landlock")
    done(LIBC.syscall(RESTRICT_SELF, rules, 0), "landlock")
    os.close(rules)


def restrict_network(*, some: bool) -> None:
    """From now on there are no sockets but pairs of them, nor another way to make them; `some` are of TCP."""
    processor, socket, *sending = PROCESSORS[os.uname().machine]
    words = [
        *(word(LOAD, 4), word(EQUAL, processor, yes=1), word(END, ABSENT)),
        *(word(LOAD, 0), word(ABOVE, X32, no=1), word(END, ABSENT)),
        *(word(EQUAL, IO_URING, no=1), word(END, ABSENT)),
    ]
    for call, place in zip(sending, (3, 2, 3), strict=True) if some else ():
        words += without_fast_open(call, place)
    words += [word(EQUAL, socket, yes=1), word(END, ALLOW), *(of_tcp() if some else [word(END, REFUSE)])]
    program = Program(len(words), (Instruction * len(words))(*words))
    done(LIBC.prctl(SET_SECCOMP, 2, ctypes.byref(program), 0, 0), "seccomp")


def word(code: int, value: int, yes: int = 0, no: int = 0) -> Instruction:
    """`yes` and `no` are how many words are left out where a comparison holds, and where it does not."""
    return Instruction(code, yes, no, value)


def argument(place: int) -> Instruction:
    return word(LOAD, 16 + 8 * place)


def without_fast_open(call: int, place: int) -> list[Instruction]:
    flags = [argument(place), word(ANY, FAST_OPEN, no=1), word(END, REFUSE), word(END, ALLOW)]
    return [word(EQUAL, call, no=len(flags)), *flags]


def of_tcp() -> list[Instruction]:
    """A socket of IPv4 or IPv6, a stream, of TCP: of those alone Landlock sees where they connect."""
    return [
        *(argument(0), word(EQUAL, 2, yes=2), word(EQUAL, 10, yes=1), word(END, REFUSE)),
        *(argument(1), word(AND, 0xF), word(EQUAL, 1, yes=1), word(END, REFUSE)),
        *(argument(2), word(EQUAL, 0, yes=2), word(EQUAL, 6, yes=1), word(END, REFUSE)),
        word(END, ALLOW),
    ]


def main(arguments: list[str]) -> None:
    network, memory, *rest = arguments
    split = rest.index("--")
    paths, words = rest[:split], rest[split + 1 :]
    for capability in range(64):  # as root: what is not there is no error
        LIBC.prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    LIBC.prctl(AMBIENT, 4, 0, 0, 0)
    done(LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory), int(memory)))
    restrict(paths, int(network) if network.isdecimal() else None)
    if network != "allow":
        restrict_network(some=network != "deny")
    os.execvp(words[0], words)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
