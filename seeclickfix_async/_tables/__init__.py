"""Issues as rows of tables: their columns, and Arrow, which data frames and Parquet share."""
