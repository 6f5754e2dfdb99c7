"""The web monitor on :8080: the page, and what it asks of the server on :8081."""

from petstream.web.monitor.server import MonitorServer

__all__ = ["MonitorServer"]
