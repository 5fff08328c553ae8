"""The studio: a page and an API for making, steering, editing and keeping music, with several paradigms side by side.

`library` stores the music, `queue` orders the jobs, `worker` runs them in a process (through `jobs`), and `app` serves
browsers and scripts.
"""
