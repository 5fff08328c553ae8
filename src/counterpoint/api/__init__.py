"""The Python interface: models, codecs, music, studies. `import counterpoint as cp` gives lazy access to it.

Nothing here prints or ends the process; errors that a caller can correct are `UserError`s with the messages of the
command line. Audio is passed as `Sound`, an array with its sample rate; every argument of this type also accepts a file
or the pair (array, sample_rate).
"""
