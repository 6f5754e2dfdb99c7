"""What `tools/bench` runs: a camera, a server and its viewers, each in processes of their own.

Reading order: ``streams``, ``camera``, ``servers`` (with ``stock``), ``receiver`` (with
``counter``), ``processes``, ``figures``, ``run``, which joins them to one measurement, ``plan``,
which repeats it, then ``report``, ``plot`` and ``profiler``.
"""
