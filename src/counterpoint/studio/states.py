"""The states of a job."""

QUEUED = "queued"
LOADING = "loading"
DRAWING = "drawing"
LISTENING = "listening"
DONE = "done"
CANCELLED = "cancelled"
FAILED = "failed"
INTERRUPTED = "interrupted"
"""The studio ended while the job was waiting or being done; it can be repeated."""

OPEN = (QUEUED, LOADING, DRAWING, LISTENING)
"""Those of a job that is not over."""
CLOSED = (DONE, CANCELLED, FAILED, INTERRUPTED)
