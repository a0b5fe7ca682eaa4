"""A model server on loopback that answers by script: four dialects, whole or streamed, with faults."""

from __future__ import annotations

from tests.model_server.dialects import Call, Reply, Request
from tests.model_server.server import ModelServer, by_turn

__all__ = ["Call", "ModelServer", "Reply", "Request", "by_turn"]
