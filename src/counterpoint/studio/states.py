"""The states of a job."""

QUEUED = "queued"
LOADING = "loading"
DRAWING = "drawing"
LISTENING = "listening"
DONE = "done"
CANCELLED = "cancelled"
FAILED = "failed"
INTERRUPTED = "interrupted"
"""The studio was closed before the job had finished; the job can be repeated."""

OPEN = (QUEUED, LOADING, DRAWING, LISTENING)
"""The states of a job that has not ended."""
CLOSED = (DONE, CANCELLED, FAILED, INTERRUPTED)
