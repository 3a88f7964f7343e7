"""Issues as rows of tables: columns, Arrow for data frames and Parquet, cells of spreadsheets."""
