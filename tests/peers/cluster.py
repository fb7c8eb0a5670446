"""Several nodes that make one cluster, weir and Apache Kafka in any mix: each a broker and a controller of a quorum with fixed voters."""

from __future__ import annotations

import pathlib
import time

import brokers


class Cluster:
    """Its nodes by id, from 1. Made formatted; start() starts them all."""

    def __init__(self, directory: pathlib.Path, kinds: list[str], overrides: dict[str, str] | None = None) -> None:
        ports = brokers.free_ports(2 * len(kinds))
        clients, controllers = ports[:len(kinds)], ports[len(kinds):]
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(controllers))
        self.nodes: dict[int, brokers.Broker] = {}
        for i, kind in enumerate(kinds):
            settings = {
                "node.id": str(i + 1),
                "listeners": f"PLAINTEXT://127.0.0.1:{clients[i]},CONTROLLER://127.0.0.1:{controllers[i]}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{clients[i]}",
                "controller.quorum.voters": voters,
            }
            node = brokers.Broker(kind, directory / f"node-{i + 1}", settings | (overrides or {}))
            self.nodes[i + 1] = node.format()

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self) -> Cluster:
        """All at once: none is ready without a majority."""
        for node in self.nodes.values():
            node.launch()
        for node in self.nodes.values():
            node.wait_until_ready()
        return self

    def stop(self) -> None:
        for node in self.nodes.values():
            node.stop()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_) -> None:
        for node in self.nodes.values():
            node.kill()


def wait_for(what: str, condition, timeout_s: float = 60):
    """The first true result of `condition`."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(0.02)
    return result
