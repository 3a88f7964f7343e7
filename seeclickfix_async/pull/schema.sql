-- The tables and views of a database, besides pulls, issues and what belongs to them.
BEGIN IMMEDIATE;  -- waits for other programs before the first request, not after it
CREATE TABLE IF NOT EXISTS places (
  url_name TEXT PRIMARY KEY, id INTEGER, name TEXT, county TEXT, state TEXT, place_type TEXT,
  lat REAL, lng REAL, html_url TEXT
);
CREATE TABLE IF NOT EXISTS issue_pulls (
  pull_id INTEGER REFERENCES pulls (id), issue_id INTEGER REFERENCES issues (id),
  PRIMARY KEY (pull_id, issue_id)
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS issue_places AS
  SELECT issue_id, json_extract(query, '$.place_url') AS url_name
  FROM issue_pulls JOIN pulls ON pulls.id = pull_id WHERE url_name IS NOT NULL;
CREATE INDEX IF NOT EXISTS issues_created_at ON issues (created_at);
CREATE INDEX IF NOT EXISTS issues_updated_at ON issues (updated_at);
CREATE INDEX IF NOT EXISTS comments_issue_id ON comments (issue_id);
CREATE VIEW IF NOT EXISTS open_issues AS
  SELECT * FROM issues WHERE status IN ('open', 'acknowledged') AND vanished_at IS NULL;
CREATE VIEW IF NOT EXISTS months AS
  SELECT substr(created_at, 1, 7) AS month, count(*) AS created,
    sum(status IN ('open', 'acknowledged') AND vanished_at IS NULL) AS still_open
  FROM issues GROUP BY month;
CREATE VIEW IF NOT EXISTS closing_times AS
  SELECT request_type, count(*) AS closed,
    avg(julianday(closed_at) - julianday(created_at)) AS days
  FROM issues WHERE status IN ('closed', 'archived') AND closed_at IS NOT NULL
  GROUP BY request_type;
COMMIT;
