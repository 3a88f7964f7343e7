-- Percent of the closed issues that were reopened
SELECT
  category,
  count(*) AS closed,
  count(reopened_at) AS reopened,
  100 * count(reopened_at) / count(*) AS percent
FROM issues
WHERE closed_at IS NOT NULL
GROUP BY category
ORDER BY percent DESC, category;
