"""The paper's numbers and claims, and what results say of them. It reads results, never pages.

`paper`: the paper's tables, number by number, and its Table 1 taken apart into claims.
`rules`: when a claim is supported, contradicted or undecided.
`decide`: which results of which study decide a claim, and what comes of it.
"""
