-- Days until an issue is closed
SELECT
  category,
  count(*) AS closed,
  median(days) AS median,
  quantile_cont(days, 0.9) AS "90th percentile"
FROM (SELECT *, (epoch(closed_at) - epoch(created_at)) / 86400 AS days FROM issues)
WHERE status IN ('closed', 'archived') AND days >= 0 -- closing times may be wrong
GROUP BY category
ORDER BY median DESC;
