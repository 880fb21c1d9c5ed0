"""Work beside the request that began it: types of the threads it is done in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

InThread = Callable[..., Deferred[Any]]
"""Runs a blocking function with its arguments in a thread; fires with its result."""
