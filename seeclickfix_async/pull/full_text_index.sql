-- Datasette and sqlite-utils find the index of a table by exactly these quotes. The segments of the
-- index are merged when there are 16 of a size, instead of a few with each write. The triggers follow
-- changes of indexed columns by any program; there is no trigger for new rows, which would index
-- them row by row.
BEGIN;
DROP TABLE IF EXISTS issues_fts;
CREATE VIRTUAL TABLE issues_fts USING fts5 (
  summary, description, address, content="issues", content_rowid="id"
);
INSERT INTO issues_fts (issues_fts, rank) VALUES ('automerge', 0);
INSERT INTO issues_fts (issues_fts) VALUES ('rebuild');
CREATE TRIGGER IF NOT EXISTS issues_fts_delete AFTER DELETE ON issues BEGIN
  INSERT INTO issues_fts (issues_fts, rowid, summary, description, address)
  VALUES ('delete', old.id, old.summary, old.description, old.address);
END;
CREATE TRIGGER IF NOT EXISTS issues_fts_update
AFTER UPDATE OF id, summary, description, address ON issues
WHEN (old.id, old.summary, old.description, old.address)
  IS NOT (new.id, new.summary, new.description, new.address) BEGIN
  INSERT INTO issues_fts (issues_fts, rowid, summary, description, address)
  VALUES ('delete', old.id, old.summary, old.description, old.address);
  INSERT INTO issues_fts (rowid, summary, description, address)
  VALUES (new.id, new.summary, new.description, new.address);
END;
COMMIT;
