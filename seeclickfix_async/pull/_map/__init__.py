"""The HTML page of a pull: its data by column, and the programs that show them."""
