-- The cells of about 250 m with the most issues in the last year
SELECT
  round(round(lat / 0.00225) * 0.00225, 5) AS lat,
  round(round(lng / 0.003) * 0.003, 5) AS lng,
  count(*) AS issues,
  mode(category) AS mostly,
  arg_max(address, created_at) AS near
FROM issues
WHERE epoch(created_at) > (SELECT max(epoch(created_at)) FROM issues) - 365 * 86400
GROUP BY 1, 2
HAVING issues > 1
ORDER BY issues DESC, lat, lng
LIMIT 100;
