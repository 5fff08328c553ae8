"""The paper's numbers and claims, and what results say about them. It reads results, never pages.

`paper`: the paper's tables, number by number, and its Table 1 divided into claims.
`rules`: when a claim is supported, contradicted or undecided.
`decide`: the study and the results that decide a claim, and the decision.
"""
