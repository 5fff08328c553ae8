"""What a finished study found, typed and on disk.

`records`: who computed what, when, with which code. It imports no torch.
`parts`, `evaluations`, `costs`: what each step of a study writes into its folder, one type a file.
`search`: what a search over settings found.
`schema`: `Results`, all parts of a study together, which is `results.json`.
`collect`: the folders of a study's steps to `Results`.
`tables`: `Results` to rows, CSV and DataFrames.

Scores, differences and metrics are the types of `counterpoint.metrics`; there is no second set.
"""
