-- Issues created and closed in each month, and open at its end
WITH events AS (
  SELECT created_at_local AS day, 1 AS created, 0 AS closed FROM issues
  UNION ALL
  -- A reopened issue still has the time of its closing. An archived one may have none.
  SELECT coalesce(closed_at_local, updated_at_local), 0, 1
  FROM issues WHERE status IN ('closed', 'archived')
)
SELECT
  date_trunc('month', day) AS month,
  sum(created) AS created,
  sum(closed) AS closed,
  sum(sum(created) - sum(closed)) OVER (ORDER BY month) AS open
FROM events
GROUP BY month
ORDER BY month;
