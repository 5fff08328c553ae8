"""The tables of the studio's database, by version."""

MIGRATIONS = (
    """
    CREATE TABLE files(
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        stored TEXT NOT NULL,
        created REAL NOT NULL
    );
    CREATE TABLE pieces(
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        kind TEXT NOT NULL,
        title TEXT NOT NULL,
        starred INTEGER NOT NULL DEFAULT 0,
        parent TEXT,
        request TEXT NOT NULL,
        share TEXT UNIQUE,
        created REAL NOT NULL
    );
    CREATE INDEX pieces_of ON pieces(owner, created DESC);
    CREATE TABLE jobs(
        id TEXT PRIMARY KEY,
        piece TEXT NOT NULL REFERENCES pieces ON DELETE CASCADE,
        owner TEXT NOT NULL,
        model TEXT NOT NULL,
        recipes TEXT NOT NULL,
        state TEXT NOT NULL,
        message TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL,
        started REAL,
        ended REAL
    );
    CREATE INDEX jobs_by_state ON jobs(state, created);
    CREATE INDEX jobs_of ON jobs(piece);
    CREATE TABLE takes(
        id TEXT PRIMARY KEY,
        job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
        piece TEXT NOT NULL REFERENCES pieces ON DELETE CASCADE,
        number INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        stored TEXT NOT NULL,
        facts TEXT NOT NULL,
        UNIQUE(job, number)
    );
    CREATE INDEX takes_of ON takes(piece);
    """,
)
