"""Every metric, by its fixed name.

``registry`` (what Prometheus is given), ``histogram`` (of times), ``contract`` (the names that SPEC
fixes), ``camera``, ``parts`` and ``viewers`` (the others).
"""

from petstream.metrics.registry import Metrics

__all__ = ["Metrics"]
