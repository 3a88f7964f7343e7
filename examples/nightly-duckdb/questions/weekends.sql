-- Hours until an issue is acknowledged, by the day of its report
SELECT
  dayname(created_at_local) AS day,
  count(*) AS issues,
  median((epoch(acknowledged_at) - epoch(created_at)) / 3600) AS "median hours"
FROM issues
WHERE acknowledged_at >= created_at
GROUP BY day, isodow(created_at_local)
ORDER BY isodow(created_at_local);
