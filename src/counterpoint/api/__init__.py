"""What programs call: models, codecs, music, studies. `import counterpoint as cp` is its door, and opens it lazily.

Nothing here prints or ends the process; what a caller can put right is a `UserError`, in the words of the command line.
Audio goes in and out as `Sound`, which holds an array and its sample rate; every place that takes a `Sound` takes a
file or the pair (array, sample_rate) as well.
"""
