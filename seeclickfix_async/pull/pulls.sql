-- The pulls in a database; all of them have the same time zone, or none.
CREATE TABLE IF NOT EXISTS pulls (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE, query TEXT, complete INTEGER, report TEXT,
  attribution TEXT, licence TEXT, checkpoint TEXT, timezone TEXT
);
