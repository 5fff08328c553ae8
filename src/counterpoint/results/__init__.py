"""The results of a finished study, typed and on disk.

`records`: the origin of results: step, time and code version. It imports no torch.
`parts`, `evaluations`, `costs`: the files that the steps of a study write, one type per file.
`search`: the result of a search over settings.
`schema`: `Results`, all parts of a study together, which is `results.json`.
`collect`: builds `Results` from the folders of a study's steps.
`tables`: `Results` as rows, CSV and DataFrames.

Scores, differences and metrics are the types of `counterpoint.metrics`.
"""
