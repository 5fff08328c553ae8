"""The studio: a page and an API with which people make, steer, edit and keep music, by several paradigms side by side.

`library` keeps what was made, `queue` says whose turn it is, `worker` is the process that draws (through `jobs`), and
`app` is what browsers and scripts talk to.
"""
