"""A sandbox as a run has it, and the cell that one command of it gets.

Inside, everything can be read that the user can read, but for what a kind hides; written is only what the
cell holds. Each command has a home and a folder for temporary files of its own, made for it and gone with it:
what one program leaves there is never read by another, nor by us.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import attrs
import trio

from stomper_sdk.clearing import clear_away
from stomper_sdk.model.pipeline import Network
from stomper_sdk.sandbox.limits import Limits, excess_of
from stomper_sdk.sandbox.proxy import Address, open_proxy, proxy_variables

__all__ = ["PORT", "SOCKET", "Cell", "Sandbox"]

#: Where the proxy is inside of a network of its own, and outside of it in the private folder.
PORT, SOCKET = 3128, "model"

#: Sockets and settings of the user's session, which the environment leads to.
_OUTSIDE = (
    *("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "GPG_AGENT_INFO", "SSH_AGENT_PID", "SSH_AUTH_SOCK"),
    *("WAYLAND_DISPLAY", "XAUTHORITY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
    *("XDG_RUNTIME_DIR", "XDG_STATE_HOME"),
)


@attrs.frozen
class Sandbox:
    """What the programs of a run are shut in.

    `prefix` makes the words that start a command inside, from its cell, its private folder and its working
    directory. `writable` are the user's folders that may be written, `shown` those that must be seen whatever
    is hidden. `network` is what a pipeline says of it; `hosts` are the addresses to which agents are let out
    where that is `model-only`.
    """

    kind: str
    prefix: Callable[[Cell, Path, Path], list[str]]
    limits: Limits
    network: Network = "deny"
    writable: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    hosts: frozenset[Address] = frozenset()

    def around(self, *places: Path) -> Cell:
        """A cell in which these files and folders can be written; they must be there."""
        return Cell(self, places)


@attrs.frozen
class Cell:
    """What one command is shut in: a `process.Confinement`.

    One that is `talking` reaches the hosts of the sandbox, through a proxy on the port `proxy` of its own
    machine, or through the socket of that name in its private folder.
    """

    sandbox: Sandbox
    places: tuple[Path, ...]
    shown: tuple[Path, ...] = ()
    home: Path | None = None
    is_talking: bool = False
    proxy: int | None = None

    def showing(self, place: Path) -> Cell:
        return attrs.evolve(self, shown=(*self.shown, place))

    def at_home(self, home: Path) -> Cell:
        return attrs.evolve(self, places=(*self.places, home), home=home)

    def talking(self) -> Cell:
        """The same, with a way to the model where that is all the network there is."""
        return attrs.evolve(self, is_talking=self.sandbox.network == "model-only")

    @asynccontextmanager
    async def entered(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]
    ) -> AsyncIterator[tuple[Sequence[str], Mapping[str, str]]]:
        own = await trio.to_thread.run_sync(_make_own, self.sandbox.writable)
        try:
            async with self._connected(own) as cell:
                yield [*self.sandbox.prefix(cell, own, cwd), *argv], _environment(env, own, cell)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(clear_away, own)

    @asynccontextmanager
    async def _connected(self, own: Path) -> AsyncIterator[Cell]:
        """The cell with its proxy, if it is to have one; where it has a network of its own, by a socket."""
        if not self.is_talking:
            yield self
            return
        path = own / SOCKET if self.sandbox.kind == "bubblewrap" else None
        async with open_proxy(self.sandbox.hosts, path) as port:
            yield attrs.evolve(self, proxy=port or PORT)

    def excess(self, pids: Iterable[int]) -> str:
        return excess_of(pids, self.sandbox.limits, self.places[0])


def _environment(env: Mapping[str, str], own: Path, cell: Cell) -> dict[str, str]:
    kept = {name: value for name, value in env.items() if name not in _OUTSIDE}
    places = {"HOME": str(cell.home or own / "home"), "TMPDIR": str(own / "tmp")}
    ways = proxy_variables(cell.proxy) if cell.proxy else {}
    return {**kept, **places, **ways, "GIT_OPTIONAL_LOCKS": "0"}


def _make_own(writable: Sequence[Path]) -> Path:
    """A private folder; what may be written below the user's home is found below the private one too."""
    own = Path(tempfile.mkdtemp(prefix="stomper-"))
    (own / "home").mkdir()
    (own / "tmp").mkdir()
    for path in writable:
        if path.is_relative_to(Path.home()) and path != Path.home():
            link = own / "home" / path.relative_to(Path.home())
            with suppress(FileExistsError, NotADirectoryError):  # below another one that is linked already
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
    return own
