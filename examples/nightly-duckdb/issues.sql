-- The issues of the pull as one table, read in place. `duckdb -init issues.sql` opens it at a prompt.
CREATE VIEW issues AS
SELECT *, coalesce(request_type, 'no category') AS category
FROM read_parquet('city.parquet/*/*.parquet', hive_partitioning = true)
WHERE vanished_at IS NULL;
