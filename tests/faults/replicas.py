"""Several processes of each service, and the edge before them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from desk.edge import WEB, Edge
from desk.ports import LOOPBACK, free_port


@contextmanager
def edge_before(ports: Mapping[str, Sequence[int]], home: Path) -> Iterator[str]:
    """An edge that knows the processes of each service on these ports; its origin."""
    state, log = home / "second-edge", home / "second-edge.log"
    edge = Edge(host=LOOPBACK, port=free_port(), upstreams=ports, state=state, web=WEB, log=log)
    edge.configure()
    edge.launch()
    try:
        while not edge.ready:
            time.sleep(0.05)
        yield f"http://{LOOPBACK}:{edge.port}"
    finally:
        edge.stop()
