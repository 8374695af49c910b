"""What a row of the table is: read, modelled, its language and its rules."""
